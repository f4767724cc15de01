//! `bundle.json`: what a bundle holds.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::error::BundleError;
use super::layout::{self, Checksums, Place};
use crate::{Locked, OsPackage};

/// Changes when an older hardway could not read what a newer one writes.
pub(super) const FORMAT_VERSION: u64 = 1;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Index {
    pub(super) format_version: u64,
    /// Program and version: `hardway 0.1.0`.
    pub(super) created_by: String,
    /// Without a leading `v`.
    pub(super) kubernetes: String,
    /// As Go calls it: `amd64`, `arm64`.
    pub(super) architecture: String,
    pub(super) sbom: Member,
    /// By the artifact's name, as [`ArtifactName`](crate::ArtifactName) prints it.
    pub(super) artifacts: BTreeMap<String, Artifact>,
    /// One for each release of an operating system.
    pub(super) packages: Vec<Packages>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Artifact {
    /// Of a program: the component of [`hardway_spec::versions::TABLE`] that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) component: Option<String>,
    /// As `hardway.lock` has it: size and digest are those of the file that goes to machines.
    pub(super) locked: Locked,
    pub(super) packing: Packing,
    pub(super) member: Member,
}

/// How a member's bytes become the artifact's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Packing {
    /// They are the artifact's.
    None,
    Zstd,
}

/// A file in the bundle.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Member {
    pub(super) name: String,
    /// Bytes in the bundle.
    pub(super) size: u64,
    /// Of the bytes in the bundle, lower-case hexadecimal.
    pub(super) sha256: String,
}

impl Member {
    pub(super) fn blob(sha256: String, size: u64) -> Self {
        Self { name: layout::blob(&sha256), size, sha256 }
    }
}

/// OS packages: a tar with a flat apt repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Packages {
    /// `debian-12`
    pub(super) os: String,
    pub(super) architecture: String,
    /// Those that were asked for.
    pub(super) names: Vec<String>,
    /// These and their dependencies.
    pub(super) packages: Vec<OsPackage>,
    pub(super) member: Member,
}

/// All that a reader needs of an index whose format it does not know.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Head {
    format_version: u64,
}

/// The format that a text says it has.
pub(super) fn format_of(text: &[u8]) -> Option<u64> {
    serde_json::from_slice::<Head>(text).ok().map(|head| head.format_version)
}

impl Index {
    /// Reads the member's text.
    pub(super) fn parse(text: &[u8]) -> Result<Self, BundleError> {
        if let Some(found) = format_of(text).filter(|found| *found != FORMAT_VERSION) {
            return Err(BundleError::Format { found, known: FORMAT_VERSION });
        }
        let index: Self = serde_json::from_slice(text).map_err(BundleError::Index)?;
        index.check()?;
        Ok(index)
    }

    /// The member's text.
    pub(super) fn render(&self) -> Vec<u8> {
        let mut text = serde_json::to_vec_pretty(self).expect("texts and numbers have a JSON form");
        text.push(b'\n');
        text
    }

    /// Names and digests are used to find bytes, so they have to be what they should be.
    pub(super) fn check(&self) -> Result<(), BundleError> {
        let wrong = |what: String| Err(BundleError::Inconsistent { what });
        if self.sbom.name != layout::SBOM {
            return wrong(format!("the SBOM is called {}", self.sbom.name));
        }
        let members = self.blobs();
        for member in members.iter().copied().chain([&self.sbom]) {
            if !is_sha256(&member.sha256) {
                return wrong(format!("{:?} is no SHA-256", member.sha256));
            }
            if member.size > layout::LARGEST {
                return wrong(format!("{} is larger than a tar's member can be", member.name));
            }
        }
        for (one, next) in members.iter().zip(members.iter().skip(1)) {
            if one.sha256 == next.sha256 {
                return wrong(format!("{} has two sizes", one.name));
            }
        }
        for member in members {
            if member.name != layout::blob(&member.sha256) {
                return wrong(format!("{} has another digest", member.name));
            }
        }
        let mut releases = BTreeSet::new();
        for Packages { os, architecture, .. } in &self.packages {
            if !releases.insert((os, architecture)) {
                return wrong(format!("{os} on {architecture} has packages twice"));
            }
        }
        for (name, Artifact { locked, packing, member, .. }) in &self.artifacts {
            let same = locked.sha256 == member.sha256 && locked.size == member.size;
            if *packing == Packing::None && !same {
                return wrong(format!("{name} is not packed and has two digests"));
            }
            if name.starts_with("image/") != (locked.reference.is_some() && locked.manifest.is_some()) {
                return wrong(format!("{name} is half an image"));
            }
        }
        Ok(())
    }

    /// The members with files, in their order in the bundle: by name.
    fn blobs(&self) -> Vec<&Member> {
        let of_artifacts = self.artifacts.values().map(|artifact| &artifact.member);
        let mut members: Vec<&Member> =
            of_artifacts.chain(self.packages.iter().map(|packages| &packages.member)).collect();
        members.sort_unstable();
        members.dedup();
        members
    }

    /// Every member but the last, in order. `text` is this index's.
    pub(super) fn places(&self, text: &[u8]) -> Vec<Place> {
        let index =
            Member { name: layout::INDEX.to_owned(), size: text.len() as u64, sha256: crate::digest::of_bytes(text) };
        let mut position = 0;
        let mut places = Vec::new();
        for Member { name, size, sha256 } in [&index, &self.sbom].into_iter().chain(self.blobs()).cloned() {
            let place = Place { name, position, size, sha256 };
            position = place.end();
            places.push(place);
        }
        places
    }
}

/// Whether this is the index that the checksums were made with.
pub(super) fn is_intact(text: &[u8], checksums: &Checksums) -> bool {
    crate::digest::of_bytes(text) == checksums.index
}

fn is_sha256(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}
