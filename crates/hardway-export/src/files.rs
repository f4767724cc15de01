//! The exported files other than the runbook.

use hardway_design::{Content, Design, DesignError, Inputs, Place, Resource, encryption_config, kubeconfigs};
use hardway_pki::{MissingKeyPair, ca_config_json, csr_json, table};

use crate::ExportedFile;

/// Where cfssl's signing policy stands.
pub(crate) const CA_CONFIG: &str = "pki/ca/ca-config.json";
/// Where the EncryptionConfiguration stands.
pub(crate) const ENCRYPTION_CONFIG: &str = "data-encryption/encryption-config.yaml";

/// What the operator has at home: certificates and what they are made from, kubeconfigs, the encryption key.
pub(crate) fn workspace(inputs: &Inputs<'_>) -> Result<Vec<ExportedFile>, MissingKeyPair> {
    let pki = &inputs.cluster.spec.pki;
    let mut files = vec![ExportedFile::new(CA_CONFIG, Content::text(ca_config_json(pki)))];
    for profile in table(inputs.cluster) {
        let pair = inputs.bundle.get(&profile.identity)?;
        let stem = format!("pki/{}", profile.identity);
        files.push(ExportedFile::new(format!("{stem}-csr.json"), Content::text(csr_json(&profile, pki))));
        files.push(ExportedFile::new(format!("{stem}.pem"), Content::text(pair.certificate.clone())));
        files.push(ExportedFile::new(format!("{stem}-key.pem"), Content::secret(pair.key.as_str())));
    }
    files.extend(kubeconfigs(inputs)?.into_iter().map(|(path, content)| ExportedFile::new(path, content)));
    files.push(ExportedFile::new(ENCRYPTION_CONFIG, encryption_config(inputs.encryption_key)));
    Ok(files)
}

/// Every file that the design puts on a machine, below the machine's name.
pub(crate) fn machines(design: &Design) -> Vec<ExportedFile> {
    let mut files = Vec::new();
    for group in &design.groups {
        let Place::Machine(machine) = &group.id.place else { continue };
        for resource in &group.resources {
            if let Resource::File(file) = resource {
                files.push(ExportedFile::new(format!("machines/{machine}{}", file.path), file.content.clone()));
            }
        }
    }
    files
}

/// The manifest of each group of the cluster that has objects, by the group's name, in the order in which they are applied.
pub(crate) fn manifests(inputs: &Inputs<'_>) -> Result<Vec<(String, ExportedFile)>, DesignError> {
    let manifests = hardway_design::manifests(inputs)?.into_iter().zip(1..);
    Ok(manifests
        .map(|(manifest, number)| {
            let path = format!("manifests/{number:02}-{}.yaml", manifest.name);
            (manifest.name, ExportedFile::new(path, manifest.content))
        })
        .collect())
}
