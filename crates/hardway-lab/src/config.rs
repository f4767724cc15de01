//! What the operator asks for.

use serde::{Deserialize, Serialize};

/// The Debian release that a machine runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Base {
    /// Debian 12, "bookworm".
    #[default]
    #[serde(rename = "debian-12")]
    Debian12,
    /// Debian 13, "trixie".
    #[serde(rename = "debian-13")]
    Debian13,
}

impl Base {
    /// Every base, oldest first.
    pub const ALL: [Self; 2] = [Self::Debian12, Self::Debian13];

    /// The name used on the command line and in file names.
    pub fn name(self) -> &'static str {
        match self {
            Self::Debian12 => "debian-12",
            Self::Debian13 => "debian-13",
        }
    }

    /// Debian's code name, which its archive calls the suite.
    pub fn codename(self) -> &'static str {
        match self {
            Self::Debian12 => "bookworm",
            Self::Debian13 => "trixie",
        }
    }
}

/// The machines of a lab.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LabConfig {
    /// The release that new machines run; machines that exist keep theirs.
    pub base: Base,
    /// Names such as `lb`, `cp1`, `w1`. Machines that exist and are not named here are kept.
    pub machines: Vec<String>,
    /// Debian packages that new machines already hold (benchmarks need prepared machines).
    pub extra_packages: Vec<String>,
    /// Names for the host's `/etc/hosts`: (name, who answers to it).
    pub hostname_alias: Vec<(String, AliasOf)>,
}

/// Whose address a name stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AliasOf {
    Machine(String),
    /// The lab's address that no machine gets, for machines to share: [`crate::Lab::spare_address`].
    Spare,
}
