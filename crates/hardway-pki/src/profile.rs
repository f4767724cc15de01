//! What a certificate says: its subject, names, usages and who signs it.

use std::collections::BTreeSet;
use std::fmt;
use std::net::IpAddr;

use hardway_spec::KeyAlgorithm;
use serde::{Serialize, Serializer};

use crate::Identity;

/// Everything about one certificate but its key and its dates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateProfile {
    pub identity: Identity,
    /// CN. Kubernetes and etcd read it as the user's name.
    pub common_name: String,
    /// O. Kubernetes reads it as the user's group.
    pub organization: String,
    pub signer: Signer,
    pub usage: Usage,
    pub names: Vec<AlternativeName>,
    /// From its issue, in days.
    pub validity_days: u32,
}

impl CertificateProfile {
    pub fn is_authority(&self) -> bool {
        self.usage == Usage::Authority
    }
}

/// Whose key signs a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Signer {
    /// Its own.
    Itself,
    Authority(Identity),
}

/// What a certificate is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Usage {
    /// Signs other certificates, but no further authorities.
    Authority,
    Client,
    Server,
    /// Both ends of a connection: etcd's members among themselves, and nothing else.
    Peer,
    /// Signs tokens; no end of a TLS connection.
    TokenSigning,
}

impl Usage {
    /// The least key usages that it works with. RSA servers may be sent a key encrypted to them (RFC 5246, 7.4.7.1),
    /// which ECDSA keys cannot be used for.
    pub fn key_usages(self, algorithm: KeyAlgorithm) -> BTreeSet<KeyUsage> {
        let mut usages = BTreeSet::new();
        if self == Self::Authority {
            usages.extend([KeyUsage::CertSign, KeyUsage::CrlSign]);
        } else {
            usages.insert(KeyUsage::DigitalSignature);
        }
        if matches!(self, Self::Server | Self::Peer) {
            usages.insert(KeyUsage::ServerAuth);
            if algorithm == KeyAlgorithm::Rsa2048 {
                usages.insert(KeyUsage::KeyEncipherment);
            }
        }
        if matches!(self, Self::Client | Self::Peer) {
            usages.insert(KeyUsage::ClientAuth);
        }
        usages
    }
}

/// A key usage or extended key usage (RFC 5280, 4.2.1.3 and 4.2.1.12) by the name that cfssl gives it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum KeyUsage {
    DigitalSignature,
    KeyEncipherment,
    CertSign,
    CrlSign,
    ServerAuth,
    ClientAuth,
    /// One that no certificate of ours has.
    Other(String),
}

impl fmt::Display for KeyUsage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::DigitalSignature => "digital signature",
            Self::KeyEncipherment => "key encipherment",
            Self::CertSign => "cert sign",
            Self::CrlSign => "crl sign",
            Self::ServerAuth => "server auth",
            Self::ClientAuth => "client auth",
            Self::Other(name) => name,
        })
    }
}

impl Serialize for KeyUsage {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A name or address that a certificate's holder answers to (subject alternative name).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum AlternativeName {
    Dns(String),
    Address(IpAddr),
}

impl fmt::Display for AlternativeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dns(name) => name.fmt(f),
            Self::Address(address) => address.fmt(f),
        }
    }
}

impl Serialize for AlternativeName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl From<&str> for AlternativeName {
    fn from(name: &str) -> Self {
        Self::Dns(name.to_owned())
    }
}

impl From<IpAddr> for AlternativeName {
    fn from(address: IpAddr) -> Self {
        Self::Address(address)
    }
}
