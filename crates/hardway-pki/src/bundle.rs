//! All certificates and keys of a cluster, in memory.

use std::collections::BTreeMap;
use std::fmt;

use zeroize::Zeroizing;

use crate::Identity;

/// A certificate and its private key, both PEM.
#[derive(Clone, PartialEq, Eq)]
pub struct KeyPair {
    pub certificate: String,
    /// PKCS#8. Wiped from memory when dropped.
    pub key: Zeroizing<String>,
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
