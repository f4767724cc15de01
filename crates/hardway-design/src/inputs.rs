//! What a design is made from.

use std::collections::BTreeMap;

use hardway_pki::Bundle;
use hardway_spec::{Cluster, Machine, MachineName};

use crate::{
    Binary, BinaryArtifact, Catalog, DesignError, EncryptionKey, Image, ImageArtifact, MachineFacts, PackageOrigin,
    Resource,
};

/// The spec, the workspace's material, the artifacts and what the probe saw.
#[derive(Debug, Clone, Copy)]
pub struct Inputs<'a> {
    pub cluster: &'a Cluster,
    pub bundle: &'a Bundle,
    pub encryption_key: &'a EncryptionKey,
    pub catalog: &'a Catalog,
    /// Of every machine of the cluster.
    pub facts: &'a BTreeMap<MachineName, MachineFacts>,
}

impl<'a> Inputs<'a> {
    /// # Errors
    /// [`DesignError::MissingFacts`] where the machine was not probed.
    pub fn facts_of(&self, machine: &Machine) -> Result<&'a MachineFacts, DesignError> {
        self.facts.get(&machine.name).ok_or_else(|| DesignError::MissingFacts { machine: machine.name.clone() })
    }

    /// # Errors
    /// [`DesignError::MissingBinary`] where the source did not provide it.
    pub fn binary_artifact(&self, name: &str) -> Result<&'a BinaryArtifact, DesignError> {
        self.catalog.binaries.get(name).ok_or_else(|| DesignError::MissingBinary { name: name.to_owned() })
    }

    /// # Errors
    /// [`DesignError::MissingImage`] where the source did not provide it.
    pub fn image_artifact(&self, name: &str) -> Result<&'a ImageArtifact, DesignError> {
        self.catalog.images.get(name).ok_or_else(|| DesignError::MissingImage { name: name.to_owned() })
    }

    /// Where the machine takes packages from.
    ///
    /// # Errors
    /// [`DesignError::MissingFacts`] where the machine was not probed.
    pub fn package_origin(&self, machine: &Machine) -> Result<PackageOrigin, DesignError> {
        let Some(archives) = &self.catalog.packages else {
            return Ok(PackageOrigin::Mirrors);
        };
        let os = &self.facts_of(machine)?.os;
        let os = format!("{}-{}", os.id, os.version);
        Ok(match archives.get(&os) {
            Some(archive) => PackageOrigin::Archive(archive.clone()),
            None => PackageOrigin::Nowhere { os },
        })
    }

    /// The executable `name`, linked in `folder`.
    ///
    /// # Errors
    /// [`DesignError::MissingBinary`] where the source did not provide it.
    pub fn binary(&self, name: &str, folder: &str) -> Result<Resource, DesignError> {
        let artifact = self.binary_artifact(name)?;
        Ok(Resource::Binary(Binary {
            name: name.to_owned(),
            link: format!("{folder}/{name}"),
            version: artifact.version.clone(),
            sha256: artifact.sha256.clone(),
            size: artifact.size,
        }))
    }

    /// The image `name`, in containerd's store.
    ///
    /// # Errors
    /// [`DesignError::MissingImage`] where the source did not provide it.
    pub fn image(&self, name: &str) -> Result<Resource, DesignError> {
        let artifact = self.image_artifact(name)?;
        Ok(Resource::Image(Image {
            name: name.to_owned(),
            reference: artifact.reference.clone(),
            sha256: artifact.sha256.clone(),
            manifest_digest: artifact.manifest_digest.clone(),
            size: artifact.size,
        }))
    }
}
