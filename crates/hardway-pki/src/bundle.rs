//! All certificates and keys of a cluster, in memory.

use std::collections::BTreeMap;
use std::fmt;

use zeroize::Zeroizing;

use crate::issue::read_key;
use crate::{Identity, PkiError, inspect};

/// A certificate and its private key, both PEM.
#[derive(Clone, PartialEq, Eq)]
pub struct KeyPair {
    pub certificate: String,
    /// PKCS#8. Wiped from memory when dropped.
    pub key: Zeroizing<String>,
}

impl KeyPair {
    /// Whether the certificate is over this very key.
    ///
    /// # Errors
    /// [`PkiError`], naming `identity`, where either cannot be read.
    pub fn matches(&self, identity: &Identity) -> Result<bool, PkiError> {
        let key = read_key(identity, &self.key)?;
        let certified = inspect::public_key(&self.certificate)
            .map_err(|source| PkiError::Certificate { identity: identity.clone(), source })?;
        Ok(certified == rcgen::PublicKeyData::subject_public_key_info(&key.0))
    }
}

impl fmt::Debug for KeyPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyPair(…)")
    }
}

/// Every key pair of a cluster, by identity.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Bundle {
    pub key_pairs: BTreeMap<Identity, KeyPair>,
}

/// The workspace lacks a key pair that the cluster needs.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no certificate for {identity}")]
pub struct MissingKeyPair {
    pub identity: Identity,
}

impl Bundle {
    /// # Errors
    /// [`MissingKeyPair`] where the bundle was not completed for the spec.
    pub fn get(&self, identity: &Identity) -> Result<&KeyPair, MissingKeyPair> {
        self.key_pairs.get(identity).ok_or_else(|| MissingKeyPair { identity: identity.clone() })
    }
}
