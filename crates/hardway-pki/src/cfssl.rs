//! The files that cfssl would take to make the same certificates.

use std::collections::{BTreeMap, BTreeSet};

use hardway_spec::{KeyAlgorithm, Pki};
use serde::Serialize;

use crate::{AlternativeName, CertificateProfile, KeyUsage, Usage};

#[derive(Serialize)]
struct Request<'a> {
    #[serde(rename = "CN")]
    common_name: &'a str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    hosts: &'a [AlternativeName],
    key: Key,
    names: [RequestName<'a>; 1],
    #[serde(skip_serializing_if = "Option::is_none")]
    ca: Option<RequestAuthority>,
}

#[derive(Serialize)]
struct Key {
    algo: &'static str,
    size: u32,
}

#[derive(Serialize)]
struct RequestName<'a> {
    #[serde(rename = "C")]
    country: &'a str,
    #[serde(rename = "L")]
    locality: &'a str,
    #[serde(rename = "O")]
    organization: &'a str,
    #[serde(rename = "OU")]
    organizational_unit: &'a str,
    #[serde(rename = "ST")]
    state: &'a str,
}

#[derive(Serialize)]
struct RequestAuthority {
    expiry: String,
    pathlen: u8,
    /// Without it, cfssl takes a path length of 0 for none given.
    pathlenzero: bool,
}

#[derive(Serialize)]
struct Config {
    signing: Signing,
}

#[derive(Serialize)]
struct Signing {
    default: Expiry,
    profiles: BTreeMap<&'static str, SigningProfile>,
}

#[derive(Serialize)]
struct Expiry {
    expiry: String,
}

#[derive(Serialize)]
struct SigningProfile {
    usages: BTreeSet<KeyUsage>,
    expiry: String,
}

impl Usage {
    /// The profile of [`ca_config_json`] that signs it; `None` for authorities, which sign themselves.
    ///
    /// `kubernetes` is the hard way's own, good for either end of a connection.
    pub fn cfssl_profile(self) -> Option<&'static str> {
        match self {
            Self::Authority => None,
            Self::Client => Some("client"),
            Self::Server => Some("server"),
            Self::Peer => Some("kubernetes"),
            Self::TokenSigning => Some("signing"),
        }
    }
}

/// The certificate request of `cfssl gencert`, the file `NAME-csr.json`.
pub fn csr_json(profile: &CertificateProfile, pki: &Pki) -> String {
    let subject = &pki.subject;
    json(&Request {
        common_name: &profile.common_name,
        hosts: &profile.names,
        key: match pki.algorithm {
            KeyAlgorithm::Rsa2048 => Key { algo: "rsa", size: 2048 },
            KeyAlgorithm::EcdsaP256 => Key { algo: "ecdsa", size: 256 },
        },
        names: [RequestName {
            country: &subject.country,
            locality: &subject.locality,
            organization: &profile.organization,
            organizational_unit: &subject.organizational_unit,
            state: &subject.state,
        }],
        ca: profile.is_authority().then(|| RequestAuthority {
            expiry: hours(profile.validity_days),
            pathlen: 0,
            pathlenzero: true,
        }),
    })
}

/// The signing policy of `cfssl gencert -config`, the file `ca-config.json`: a profile for each use of a certificate.
pub fn ca_config_json(pki: &Pki) -> String {
    let expiry = hours(pki.validity.leaf_days);
    let profiles = [Usage::Client, Usage::Server, Usage::Peer, Usage::TokenSigning]
        .into_iter()
        .filter_map(|usage| {
            let profile = SigningProfile { usages: usage.key_usages(pki.algorithm), expiry: expiry.clone() };
            Some((usage.cfssl_profile()?, profile))
        })
        .collect();
    json(&Config { signing: Signing { default: Expiry { expiry: expiry.clone() }, profiles } })
}

/// cfssl reads durations as Go does, which knows no days.
fn hours(days: u32) -> String {
    format!("{}h", u64::from(days) * 24)
}

fn json(value: &impl Serialize) -> String {
    let mut text = serde_json::to_string_pretty(value).expect("plain structs are always JSON");
    text.push('\n');
    text
}
