//! Where the workspace's files stand, relative to it: the hard way's own tree.

use hardway_pki::Identity;

/// What the operator writes.
pub const SPEC: &str = "cluster.yaml";

pub(crate) const GITIGNORE: &str = ".gitignore";
pub(crate) const PKI: &str = "pki";
pub(crate) const CA_CONFIG: &str = "pki/ca/ca-config.json";
pub(crate) const CONFIGS: &str = "configs";
pub(crate) const ENCRYPTION: &str = "data-encryption";
/// The key that secrets in etcd are encrypted with.
pub const ENCRYPTION_KEY: &str = "data-encryption/encryption-key";
pub(crate) const ENCRYPTION_CONFIG: &str = "data-encryption/encryption-config.yaml";
/// Which artifacts the cluster is made of, to the byte. Meant for a repository, as the spec is.
pub const ARTIFACT_LOCK: &str = "hardway.lock";
/// What hardway remembers; the operator has no business in it.
pub(crate) const STATE: &str = ".hardway";
pub(crate) const LOCK: &str = ".hardway/lock";
pub(crate) const KNOWN_HOSTS: &str = ".hardway/known_hosts";
pub(crate) const RUNS: &str = ".hardway/runs";
pub(crate) const LAB: &str = ".hardway/lab";

/// How the names of private keys end, as cfssljson writes them.
pub(crate) const KEY_SUFFIX: &str = "-key.pem";

/// A certificate's file: `pki/admin/admin.pem`.
pub fn certificate_path(identity: &Identity) -> String {
    format!("{PKI}/{identity}.pem")
}

/// A private key's file: `pki/admin/admin-key.pem`.
pub fn key_path(identity: &Identity) -> String {
    format!("{PKI}/{identity}{KEY_SUFFIX}")
}

/// The file of the request that cfssl would make the certificate from: `pki/admin/admin-csr.json`.
pub fn request_path(identity: &Identity) -> String {
    format!("{PKI}/{identity}-csr.json")
}
