//! What the operator's own machine must have.

use std::fmt;

use camino::Utf8PathBuf;

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
    find_in_path(program).is_some()
}

/// Where this machine has the program. Folders whose names are not in UTF-8 do not count.
pub(crate) fn find_in_path(program: &str) -> Option<Utf8PathBuf> {
    let folders = std::env::var_os("PATH")?;
    let places = std::env::split_paths(&folders).filter_map(|folder| Utf8PathBuf::from_path_buf(folder).ok());
    places.map(|folder| folder.join(program)).find(|path| path.is_file())
}
