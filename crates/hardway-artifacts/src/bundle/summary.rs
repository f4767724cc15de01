//! What a bundle says of itself, for people and programs.

use std::collections::BTreeSet;

use camino::{Utf8Path, Utf8PathBuf};
use hardway_spec::Trust;
use serde::Serialize;

use super::index::Index;
use crate::SourceKind;

/// Field names are part of `hardway bundle inspect -o json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    pub path: Utf8PathBuf,
    /// Bytes of the file.
    pub size: u64,
    /// Program and version.
    pub created_by: String,
    /// Without a leading `v`.
    pub kubernetes: String,
    pub architecture: String,
    /// By name.
    pub artifacts: Vec<SummaryArtifact>,
    /// By operating system and release.
    pub packages: Vec<SummaryPackages>,
}

/// One program or image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SummaryArtifact {
    pub name: String,
    pub version: String,
    pub source: SourceKind,
    pub origin: String,
    /// What vouched for it when it was taken for the first time.
    pub verified: Trust,
    /// Bytes on a machine.
    pub size: u64,
    /// Of these.
    pub sha256: String,
    /// Bytes in the bundle.
    pub packed_size: u64,
}

/// The OS packages for one release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SummaryPackages {
    /// `debian-12`
    pub os: String,
    pub architecture: String,
    /// Those that were asked for.
    pub names: Vec<String>,
    /// How many these and their dependencies are.
    pub count: usize,
    /// Bytes of the archive with all of them.
    pub size: u64,
    pub sha256: String,
}

impl Summary {
    pub(super) fn of(path: &Utf8Path, size: u64, index: &Index) -> Self {
        let artifacts = index.artifacts.iter().map(|(name, artifact)| SummaryArtifact {
            name: name.clone(),
            version: artifact.locked.version.clone(),
            source: artifact.locked.source,
            origin: artifact.locked.origin.clone(),
            verified: artifact.locked.verified,
            size: artifact.locked.size,
            sha256: artifact.locked.sha256.clone(),
            packed_size: artifact.member.size,
        });
        let packages = index.packages.iter().map(|packages| SummaryPackages {
            os: packages.os.clone(),
            architecture: packages.architecture.clone(),
            names: packages.names.clone(),
            count: packages.packages.len(),
            size: packages.member.size,
            sha256: packages.member.sha256.clone(),
        });
        Self {
            path: path.to_owned(),
            size,
            created_by: index.created_by.clone(),
            kubernetes: index.kubernetes.clone(),
            architecture: index.architecture.clone(),
            artifacts: artifacts.collect(),
            packages: packages.collect(),
        }
    }

    /// The least that vouched for any artifact; None of an empty bundle.
    #[must_use]
    pub fn weakest(&self) -> Option<Trust> {
        self.artifacts.iter().map(|artifact| artifact.verified).min()
    }

    /// The sources that artifacts came from, each once.
    #[must_use]
    pub fn sources(&self) -> Vec<String> {
        let names: BTreeSet<String> = self.artifacts.iter().map(|artifact| artifact.source.to_string()).collect();
        names.into_iter().collect()
    }
}
