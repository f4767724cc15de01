//! The artifacts a design draws on: names to versions and digests.

use std::collections::BTreeMap;

/// What the chosen source obtained. Digests are those of the very files that are copied to machines.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Catalog {
    pub binaries: BTreeMap<String, BinaryArtifact>,
    pub images: BTreeMap<String, ImageArtifact>,
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
