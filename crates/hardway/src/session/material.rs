//! What the design is made from on the operator's side: artifacts, certificates, the encryption key.
//!
//! What the workspace lacks is made in memory; it is written there by [`Session::keep`] alone.

use std::collections::BTreeMap;
use std::path::PathBuf;

use hardway_artifacts::{Lock, OsPackages};
use hardway_design::{BinaryArtifact, Catalog, EncryptionKey, ImageArtifact, PackageArchive};
use hardway_pki::{Bundle, FormerNames, Issued};
use hardway_plan::WorkspaceChange;
use hardway_run::LocalBlob;
use hardway_workspace::{ENCRYPTION_KEY, certificate_path, new_encryption_key};
use jiff::Timestamp;

use super::artifacts::Obtained;
use super::{Session, workspace_error};
use crate::error::{CommandError, Message};

/// The operator's side of a design.
pub struct Material {
    pub catalog: Catalog,
    /// The files behind the catalog, by SHA-256.
    pub blobs: BTreeMap<String, LocalBlob>,
    /// What they all are, to the byte.
    pub lock: Lock,
    pub keys: Keys,
    /// The operator's own kubectl.
    pub kubectl: PathBuf,
}

/// All keys and certificates of a cluster, those too that the workspace does not have yet.
pub struct Keys {
    pub bundle: Bundle,
    pub encryption_key: EncryptionKey,
    /// Certificates that are in memory only, and why they were issued.
    pub issued: Vec<Issued>,
    /// Whether the encryption key is in memory only.
    pub encryption_key_is_new: bool,
}

/// Which certificates are issued anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Renewal {
    /// All that the spec asks for and that are not as it says.
    Due(FormerNames),
    /// Only those that do not exist: what is there is looked at as it is.
    AbsentOnly,
}

impl Keys {
    /// What [`Session::keep`] would write.
    pub fn changes(&self) -> Vec<WorkspaceChange> {
        let issued = self.issued.iter().map(|issued| WorkspaceChange {
            title: format!("Issue {}", certificate_path(&issued.identity)),
            reason: issued.reason.to_string(),
        });
        let key = self
            .encryption_key_is_new
            .then(|| WorkspaceChange { title: format!("Make {ENCRYPTION_KEY}"), reason: "missing".to_owned() });
        issued.chain(key).collect()
    }
}

impl Session {
    /// Reads the workspace's keys, issues what is missing, and obtains the artifacts, side by side.
    pub async fn material(&self, renewal: Renewal) -> Result<Material, CommandError> {
        let (artifacts, keys) = tokio::join!(self.obtain_cluster(), self.keys(renewal));
        let (artifacts, keys) = (artifacts?, keys?);
        let Obtained { catalog: artifacts, packages } = artifacts;
        let lock = Lock::of(&artifacts);
        let kubectl = artifacts
            .binaries
            .get("kubectl")
            .map(|binary| binary.path.clone().into_std_path_buf())
            .ok_or_else(|| CommandError::failed(Message("the source has no kubectl".to_owned())))?;
        let (catalog, blobs) = split(artifacts, packages);
        Ok(Material { catalog, blobs, lock, keys, kubectl })
    }

    /// The workspace's keys and certificates, completed in memory.
    pub async fn keys(&self, renewal: Renewal) -> Result<Keys, CommandError> {
        let existing = self.workspace.read_bundle(&self.cluster).map_err(workspace_error)?;
        let (cluster, mut bundle) = (self.cluster.clone(), existing.clone());
        let former = match renewal {
            Renewal::Due(former) => former,
            Renewal::AbsentOnly => FormerNames::Kept,
        };
        let (mut bundle, issued) = tokio::task::spawn_blocking(move || {
            let issued = hardway_pki::complete(&cluster, &mut bundle, former, Timestamp::now());
            (bundle, issued)
        })
        .await
        .expect("issuing certificates does not panic");
        let mut issued = issued.map_err(CommandError::input)?;
        if renewal == Renewal::AbsentOnly {
            issued.retain(|issued| !existing.key_pairs.contains_key(&issued.identity));
            bundle.key_pairs.extend(existing.key_pairs);
        }
        let kept = self.workspace.read_encryption_key().map_err(workspace_error)?;
        let encryption_key_is_new = kept.is_none();
        let encryption_key = match kept {
            Some(key) => key,
            None => new_encryption_key().map_err(workspace_error)?,
        };
        Ok(Keys { bundle, encryption_key, issued, encryption_key_is_new })
    }

    /// Writes what was made in memory into the workspace. To be called by the holder of its lock only.
    pub fn keep(&self, keys: &Keys) -> Result<(), CommandError> {
        if !keys.issued.is_empty() {
            self.workspace.write_bundle(&self.cluster, &keys.bundle).map_err(workspace_error)?;
            self.output.note(&format!("issued {} certificates", keys.issued.len()));
        }
        self.workspace.write_encryption_key(&keys.encryption_key).map_err(workspace_error)
    }
}

/// The design's view of the artifacts, and the runner's.
fn split(
    artifacts: hardway_artifacts::Catalog,
    packages: Option<BTreeMap<String, OsPackages>>,
) -> (Catalog, BTreeMap<String, LocalBlob>) {
    let mut catalog = Catalog::default();
    let mut blobs = BTreeMap::new();
    for (name, binary) in artifacts.binaries {
        let packed = Some(binary.packed().into_std_path_buf());
        blobs.insert(binary.sha256.clone(), LocalBlob { path: binary.path.into_std_path_buf(), packed });
        catalog
            .binaries
            .insert(name, BinaryArtifact { version: binary.version, sha256: binary.sha256, size: binary.size });
    }
    for (name, image) in artifacts.images {
        // Its layers are compressed already.
        blobs.insert(image.sha256.clone(), LocalBlob { path: image.path.into_std_path_buf(), packed: None });
        let artifact = ImageArtifact {
            reference: image.reference,
            version: image.version,
            sha256: image.sha256,
            manifest_digest: image.manifest_digest,
            size: image.size,
        };
        catalog.images.insert(name, artifact);
    }
    catalog.packages = packages.map(|packages| {
        let archives = packages.into_iter().map(|(os, OsPackages { archive, sha256, size, .. })| {
            blobs.insert(sha256.clone(), LocalBlob { path: archive.into_std_path_buf(), packed: None });
            (os, PackageArchive { sha256, size })
        });
        archives.collect()
    });
    (catalog, blobs)
}
