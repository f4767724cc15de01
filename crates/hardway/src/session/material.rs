//! What the design is made from on the operator's side: artifacts, certificates, the encryption key.

use std::collections::BTreeMap;
use std::path::PathBuf;

use hardway_artifacts::{Selection, Store};
use hardway_design::{BinaryArtifact, Catalog, EncryptionKey, ImageArtifact};
use hardway_pki::Bundle;
use hardway_ui::{ArtifactProgress, Output};
use jiff::Timestamp;

use super::{Session, workspace_error};
use crate::error::{CommandError, Message};

/// The operator's side of a design.
pub struct Material {
    pub catalog: Catalog,
    /// The files behind the catalog, by SHA-256.
    pub blobs: BTreeMap<String, PathBuf>,
    pub bundle: Bundle,
    pub encryption_key: EncryptionKey,
    /// The operator's own kubectl.
    pub kubectl: PathBuf,
}

/// Obtains artifacts, installing what this machine lacks to build them.
pub async fn obtain(output: Output, selection: &Selection) -> Result<hardway_artifacts::Catalog, CommandError> {
    let store = Store::open().map_err(CommandError::input)?;
    let missing = store.missing_host_packages(selection).map_err(CommandError::failed)?;
    if !missing.is_empty() {
        let names: Vec<String> = missing.iter().map(|package| package.name.to_owned()).collect();
        let reasons: Vec<String> = missing.iter().map(ToString::to_string).collect();
        output.note(&format!("this machine lacks, to build the components: {}", reasons.join(", ")));
        if !rustix::process::geteuid().is_root() {
            let message = format!("packages are missing: {}", names.join(", "));
            return Err(CommandError::failed(Message(message))
                .with_help(format!("sudo apt-get install -y {}", names.join(" "))));
        }
        tokio::task::spawn_blocking(move || {
            hardway_lab::install_host_packages(&names, &|event| output.note(&hardway_ui::lab_line(&event)))
        })
        .await
        .expect("installing packages does not panic")
        .map_err(CommandError::failed)?;
    }
    let progress = ArtifactProgress::new(output);
    let catalog = store.obtain(selection, &|event| progress.show(&event)).await;
    progress.finish();
    catalog.map_err(CommandError::failed)
}

impl Session {
    /// Reads the workspace's keys, issues what is missing, and obtains the artifacts, side by side.
    pub async fn material(&self) -> Result<Material, CommandError> {
        let selection = Selection::cluster();
        let (artifacts, bundle) = tokio::join!(obtain(self.output, &selection), self.complete_bundle());
        let (artifacts, bundle) = (artifacts?, bundle?);
        let encryption_key = self.workspace.encryption_key().map_err(workspace_error)?;
        let kubectl = artifacts
            .binaries
            .get("kubectl")
            .map(|binary| binary.path.clone().into_std_path_buf())
            .ok_or_else(|| CommandError::failed(Message("the source has no kubectl".to_owned())))?;
        let (catalog, blobs) = split(artifacts);
        Ok(Material { catalog, blobs, bundle, encryption_key, kubectl })
    }

    /// The workspace's keys and certificates, those that were missing or ran out issued.
    pub(super) async fn complete_bundle(&self) -> Result<Bundle, CommandError> {
        let mut bundle = self.workspace.read_bundle(&self.cluster).map_err(workspace_error)?;
        let cluster = self.cluster.clone();
        let (bundle, issued) = tokio::task::spawn_blocking(move || {
            let issued = hardway_pki::complete(&cluster, &mut bundle, Timestamp::now());
            (bundle, issued)
        })
        .await
        .expect("issuing certificates does not panic");
        let issued = issued.map_err(CommandError::input)?;
        for certificate in &issued {
            if self.output.verbose {
                self.output.note(&format!("issued {} ({})", certificate.identity, certificate.reason));
            }
        }
        if !issued.is_empty() {
            self.workspace.write_bundle(&self.cluster, &bundle).map_err(workspace_error)?;
            self.output.note(&format!("issued {} certificates", issued.len()));
        }
        Ok(bundle)
    }
}

/// The design's view of the artifacts, and the runner's.
fn split(artifacts: hardway_artifacts::Catalog) -> (Catalog, BTreeMap<String, PathBuf>) {
    let mut catalog = Catalog::default();
    let mut blobs = BTreeMap::new();
    for (name, binary) in artifacts.binaries {
        blobs.insert(binary.sha256.clone(), binary.path.into_std_path_buf());
        catalog
            .binaries
            .insert(name, BinaryArtifact { version: binary.version, sha256: binary.sha256, size: binary.size });
    }
    for (name, image) in artifacts.images {
        blobs.insert(image.sha256.clone(), image.path.into_std_path_buf());
        let artifact = ImageArtifact {
            reference: image.reference,
            version: image.version,
            sha256: image.sha256,
            manifest_digest: image.manifest_digest,
            size: image.size,
        };
        catalog.images.insert(name, artifact);
    }
    (catalog, blobs)
}
