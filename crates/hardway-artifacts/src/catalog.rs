//! What a [`Store`](crate::Store) hands out.

use std::collections::BTreeMap;

use camino::Utf8PathBuf;
use serde::Serialize;

use crate::cache::Entry;
use crate::{ArtifactName, Locked, Provenance, SourceKind, pack};

/// The artifacts that were asked for, each a complete file in the cache.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Catalog {
    /// By the name on a machine.
    pub binaries: BTreeMap<String, Binary>,
    /// By the last part of the reference, without the version.
    pub images: BTreeMap<String, Image>,
}

impl Catalog {
    /// Adds what a lock describes and the cache holds; an image that the lock does not describe whole is not added.
    ///
    /// `source`: where it comes from now; where it came from first, and what vouched for it there, is remembered.
    pub(crate) fn add_locked(
        &mut self,
        artifact: ArtifactName,
        component: &str,
        locked: &Locked,
        entry: Entry,
        source: SourceKind,
    ) -> bool {
        let provenance = Provenance { source, origin: locked.origin.clone(), trust: locked.verified };
        let (version, architecture) = (locked.version.clone(), locked.architecture.clone());
        let Entry { path, sha256, size, .. } = entry;
        match artifact {
            ArtifactName::Binary(name) => {
                let (name, component) = (name.to_owned(), component.to_owned());
                let binary =
                    Binary { name: name.clone(), component, version, path, sha256, size, architecture, provenance };
                self.binaries.insert(name, binary);
            }
            ArtifactName::Image(name) => {
                let (Some(reference), Some(manifest_digest)) = (locked.reference.clone(), locked.manifest.clone())
                else {
                    return false;
                };
                let name = name.to_owned();
                let image = Image {
                    name: name.clone(),
                    reference,
                    version,
                    path,
                    sha256,
                    size,
                    manifest_digest,
                    architecture,
                    provenance,
                };
                self.images.insert(name, image);
            }
        }
        true
    }
}

/// A program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Binary {
    /// The name on a machine. Two names may share one file, as Calico's two CNI plugins do.
    pub name: String,
    /// The component of [`hardway_spec::versions::TABLE`] that it belongs to.
    pub component: String,
    /// Upstream's version, without a leading `v`.
    pub version: String,
    pub path: Utf8PathBuf,
    /// Lower-case hexadecimal digest of the file.
    pub sha256: String,
    /// Bytes.
    pub size: u64,
    /// As Go calls it: `amd64`, `arm64`.
    pub architecture: String,
    pub provenance: Provenance,
}

impl Binary {
    /// The same bytes compressed with zstd.
    #[must_use]
    pub fn packed(&self) -> Utf8PathBuf {
        pack::beside(&self.path)
    }
}

/// A container image as an OCI layout in a tar archive.
///
/// `ctr -n k8s.io images import --local FILE` makes it known under [`reference`](Self::reference).
/// Without `--local` the archive takes a way through containerd's transfer service that was measured
/// to cost twice the CPU.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Image {
    /// The last part of the reference, without the version.
    pub name: String,
    /// What a pod's `image:` says: upstream's own reference, or `hardway.local/NAME:VERSION` of one assembled here.
    pub reference: String,
    /// The tag.
    pub version: String,
    pub path: Utf8PathBuf,
    /// Lower-case hexadecimal digest of the archive.
    pub sha256: String,
    /// Bytes of the archive.
    pub size: u64,
    /// `sha256:…` of the image's manifest, as the container runtime shows it.
    pub manifest_digest: String,
    /// As Go calls it: `amd64`, `arm64`.
    pub architecture: String,
    pub provenance: Provenance,
}
