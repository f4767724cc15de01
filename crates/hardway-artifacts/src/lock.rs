//! `hardway.lock`: which artifacts a cluster is made of, to the byte.
//!
//! Invariant: pure. A text goes in or comes out; what stands in it was seen.

use std::collections::BTreeMap;
use std::fmt;

use hardway_spec::Trust;
use serde::{Deserialize, Serialize};

use crate::{Binary, Catalog, Image, Provenance, SourceKind};

const FORMAT_VERSION: u32 = 1;

const HEADER: &str = "\
# Every artifact of this cluster, to the byte. Keep this file in Git: what differs from it is refused.
# `hardway lock` writes it anew and says what changed.
";

/// Every artifact that a workspace's cluster is made of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lock {
    /// By the artifact's name, as [`ArtifactName`](crate::ArtifactName) prints it.
    pub artifacts: BTreeMap<String, Locked>,
}

/// One artifact, as it has to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Locked {
    /// Upstream's, without a leading `v`; of an image, its tag.
    pub version: String,
    /// As Go calls it: `amd64`, `arm64`.
    pub architecture: String,
    pub source: SourceKind,
    pub origin: String,
    /// What vouched for it when it was taken for the first time.
    pub verified: Trust,
    /// Bytes.
    pub size: u64,
    /// Lower-case hexadecimal digest of the file that goes to machines.
    pub sha256: String,
    /// Of an image: what a pod's `image:` says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// Of an image: `sha256:…` of its manifest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manifest: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Document {
    format_version: u32,
    artifacts: BTreeMap<String, Locked>,
}

/// A text that is no lock file.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    #[error("this is no lock of artifacts")]
    Syntax(#[source] Box<serde_saphyr::Error>),
    #[error("the lock has format {found}, and this hardway knows {FORMAT_VERSION}: it was written by a newer one")]
    Format { found: u32 },
}

impl Lock {
    /// What the catalog's artifacts are.
    #[must_use]
    pub fn of(catalog: &Catalog) -> Self {
        let binaries = catalog.binaries.values().map(|binary| (binary.name.clone(), Locked::binary(binary)));
        let images = catalog.images.values().map(|image| (format!("image/{}", image.name), Locked::image(image)));
        Self { artifacts: binaries.chain(images).collect() }
    }

    /// Reads the file's text.
    ///
    /// # Errors
    /// [`LockError`] where it is not one that this hardway reads.
    pub fn parse(text: &str) -> Result<Self, LockError> {
        let document: Document = serde_saphyr::from_str(text).map_err(|error| LockError::Syntax(Box::new(error)))?;
        if document.format_version != FORMAT_VERSION {
            return Err(LockError::Format { found: document.format_version });
        }
        Ok(Self { artifacts: document.artifacts })
    }

    /// The file's text: the same artifacts give the same bytes.
    #[must_use]
    pub fn render(&self) -> String {
        let document = Document { format_version: FORMAT_VERSION, artifacts: self.artifacts.clone() };
        let body = serde_saphyr::to_string(&document).expect("texts and numbers have a YAML form");
        format!("{HEADER}{body}")
    }

    /// The source of all artifacts, where it is one.
    #[must_use]
    pub fn source(&self) -> Option<SourceKind> {
        let mut sources = self.artifacts.values().map(|locked| locked.source);
        let first = sources.next()?;
        sources.all(|source| source == first).then_some(first)
    }

    /// In what `other` is not as this lock says. Artifacts that only one of them has count where `other` has them.
    #[must_use]
    pub fn differences(&self, other: &Self) -> Vec<Difference> {
        other
            .artifacts
            .iter()
            .filter_map(|(name, found)| {
                let locked = self.artifacts.get(name);
                if locked.is_some_and(|locked| locked.sha256 == found.sha256 && locked.manifest == found.manifest) {
                    return None;
                }
                Some(Difference { artifact: name.clone(), locked: locked.cloned(), found: Some(found.clone()) })
            })
            .collect()
    }

    /// What changes where `new` takes this lock's place: [`differences`](Self::differences), and what goes.
    #[must_use]
    pub fn changes(&self, new: &Self) -> Vec<Difference> {
        let gone = self
            .artifacts
            .iter()
            .filter(|(name, _)| !new.artifacts.contains_key(*name))
            .map(|(name, locked)| Difference { artifact: name.clone(), locked: Some(locked.clone()), found: None });
        self.differences(new).into_iter().chain(gone).collect()
    }
}

impl Locked {
    fn binary(binary: &Binary) -> Self {
        let Provenance { source, origin, trust } = binary.provenance.clone();
        Self {
            version: binary.version.clone(),
            architecture: binary.architecture.clone(),
            source,
            origin,
            verified: trust,
            size: binary.size,
            sha256: binary.sha256.clone(),
            reference: None,
            manifest: None,
        }
    }

    fn image(image: &Image) -> Self {
        let Provenance { source, origin, trust } = image.provenance.clone();
        Self {
            version: image.version.clone(),
            architecture: image.architecture.clone(),
            source,
            origin,
            verified: trust,
            size: image.size,
            sha256: image.sha256.clone(),
            reference: Some(image.reference.clone()),
            manifest: Some(image.manifest_digest.clone()),
        }
    }
}

/// An artifact that is not as it was locked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// As [`ArtifactName`](crate::ArtifactName) prints it.
    pub artifact: String,
    pub locked: Option<Locked>,
    pub found: Option<Locked>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let side = |locked: &Locked| {
            let digest = locked.sha256.get(..12).unwrap_or(&locked.sha256);
            format!("{} ({digest}…, {}, {})", locked.version, locked.source, locked.verified)
        };
        match (&self.locked, &self.found) {
            (Some(locked), Some(found)) => write!(f, "{}: {} → {}", self.artifact, side(locked), side(found)),
            (None, Some(found)) => write!(f, "{}: not there → {}", self.artifact, side(found)),
            (Some(locked), None) => write!(f, "{}: {} → not there", self.artifact, side(locked)),
            (None, None) => write!(f, "{}", self.artifact),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn locked(sha256: &str) -> Locked {
        Locked {
            version: "1.37.2".to_owned(),
            architecture: "amd64".to_owned(),
            source: SourceKind::Releases,
            origin: "https://dl.k8s.io/v1.37.2/kubernetes-server-linux-amd64.tar.gz".to_owned(),
            verified: Trust::Checksum,
            size: 3,
            sha256: sha256.repeat(32),
            reference: None,
            manifest: None,
        }
    }

    fn lock(artifacts: &[(&str, &str)]) -> Lock {
        Lock { artifacts: artifacts.iter().map(|(name, digest)| ((*name).to_owned(), locked(digest))).collect() }
    }

    #[test]
    fn what_is_written_is_read_again() {
        let mut lock = lock(&[("kubelet", "aa"), ("image/pause", "bb")]);
        let pause = lock.artifacts.get_mut("image/pause").unwrap();
        pause.reference = Some("registry.k8s.io/pause:3.10.2".to_owned());
        pause.manifest = Some(format!("sha256:{}", "cc".repeat(32)));
        let text = lock.render();
        assert!(text.starts_with("# Every artifact"), "{text}");
        assert_eq!(Lock::parse(&text).unwrap(), lock);
        assert_eq!(lock.source(), Some(SourceKind::Releases));
    }

    #[test]
    fn a_number_that_looks_like_one_stays_a_text() {
        let mut lock = lock(&[("kubelet", "12")]);
        lock.artifacts.get_mut("kubelet").unwrap().version = "1.10".to_owned();
        assert_eq!(Lock::parse(&lock.render()).unwrap(), lock);
    }

    #[test]
    fn only_what_differs_is_said() {
        let one = lock(&[("etcd", "aa"), ("kubelet", "bb"), ("runc", "cc")]);
        let other = lock(&[("etcd", "aa"), ("kubectl", "dd"), ("kubelet", "ee")]);
        let lines: Vec<String> = one.changes(&other).iter().map(ToString::to_string).collect();
        assert_eq!(
            lines,
            [
                "kubectl: not there → 1.37.2 (dddddddddddd…, releases, checksum)",
                "kubelet: 1.37.2 (bbbbbbbbbbbb…, releases, checksum) → 1.37.2 (eeeeeeeeeeee…, releases, checksum)",
                "runc: 1.37.2 (cccccccccccc…, releases, checksum) → not there",
            ]
        );
        assert_eq!(one.differences(&other).len(), 2);
        assert!(one.changes(&one).is_empty());
    }

    #[test]
    fn a_newer_format_and_a_broken_file_are_refused() {
        let text = lock(&[]).render().replace("formatVersion: 1", "formatVersion: 2");
        assert!(matches!(Lock::parse(&text), Err(LockError::Format { found: 2 })));
        assert!(matches!(Lock::parse("artifacts: ["), Err(LockError::Syntax(_))));
    }
}
