//! What the operator's own machine must have.

use std::fmt;

/// A package of the host's distribution (Debian's names) that a source needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HostPackage {
    pub name: &'static str,
    /// What it is needed for, as a fragment.
    pub why: &'static str,
}

impl fmt::Display for HostPackage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.name, self.why)
    }
}

/// Whether this machine has the program.
pub(crate) fn in_path(program: &str) -> bool {
    std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|folder| folder.join(program).is_file()))
}
