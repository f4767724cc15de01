//! What the spec says of certificates.

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Pki {
    pub algorithm: KeyAlgorithm,
    pub subject: Subject,
    pub validity: Validity,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub enum KeyAlgorithm {
    #[default]
    #[serde(rename = "rsa-2048")]
    Rsa2048,
    #[serde(rename = "ecdsa-p256")]
    EcdsaP256,
}

/// Subject fields that every certificate bears; CN and O are each component's own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Subject {
    /// C: two letters (ISO 3166-1 alpha-2).
    pub country: String,
    /// ST.
    pub state: String,
    /// L.
    pub locality: String,
    /// OU.
    pub organizational_unit: String,
}

impl Default for Subject {
    fn default() -> Self {
        Self {
            country: "GB".to_owned(),
            state: "England".to_owned(),
            locality: "London".to_owned(),
            organizational_unit: "Kubernetes".to_owned(),
        }
    }
}

/// A century, in days: dates beyond 9999 cannot be written into certificates, and nobody means more.
const VALIDITY_LIMIT: u32 = 36_500;

/// How long certificates are valid, in days from their issue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Validity {
    /// Certificate authorities, in days.
    #[schemars(range(min = 1, max = VALIDITY_LIMIT))]
    pub authority_days: u32,
    /// All other certificates, in days.
    #[schemars(range(min = 1, max = VALIDITY_LIMIT))]
    pub leaf_days: u32,
}

impl Default for Validity {
    fn default() -> Self {
        Self { authority_days: 3650, leaf_days: 365 }
    }
}
