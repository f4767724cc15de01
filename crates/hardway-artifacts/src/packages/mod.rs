//! Packages of machines' distributions, for machines without a network.

mod collect;
mod repository;

use camino::Utf8PathBuf;
use serde::{Deserialize, Serialize};

pub use collect::collect_packages;

/// What machines of one operating system install from, without asking anybody else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OsPackages {
    /// `ID` and `VERSION_ID` of os-release(5): `debian-12`.
    pub os: String,
    /// As Go and Debian call it: `amd64`, `arm64`.
    pub architecture: String,
    /// A tar with a flat apt repository: `Packages` and `Release`, and the `.deb`s beside them.
    pub archive: Utf8PathBuf,
    /// Of the archive, in lower-case hexadecimal.
    pub sha256: String,
    /// Bytes of the archive.
    pub size: u64,
    /// What was asked for.
    pub names: Vec<String>,
    /// What is in the archive: those, and all that they depend on.
    pub packages: Vec<OsPackage>,
}

/// One `.deb`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OsPackage {
    pub name: String,
    /// Debian's, with its epoch if it has one: `1:1.4.7-1+b2`.
    pub version: String,
    /// As Debian calls it: `amd64`, `arm64`, `all`.
    pub architecture: String,
    /// Of the `.deb`, in lower-case hexadecimal.
    pub sha256: String,
}
