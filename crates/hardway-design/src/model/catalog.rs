//! The artifacts a design draws on: names to versions and digests.

use std::collections::BTreeMap;

/// What the chosen source obtained. Digests are those of the very files that are copied to machines.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Catalog {
    pub binaries: BTreeMap<String, BinaryArtifact>,
    pub images: BTreeMap<String, ImageArtifact>,
    /// What machines install packages from, by their operating system: `debian-12`. None where they ask their own
    /// distribution's mirrors, as they are set up.
    pub packages: Option<BTreeMap<String, PackageArchive>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BinaryArtifact {
    pub version: String,
    pub sha256: String,
    /// In bytes.
    pub size: u64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageArtifact {
    pub reference: String,
    pub version: String,
    /// Of the archive.
    pub sha256: String,
    pub manifest_digest: String,
    /// In bytes.
    pub size: u64,
}

/// A tar with a flat apt repository: packages with all that they depend on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackageArchive {
    pub sha256: String,
    /// In bytes.
    pub size: u64,
}
