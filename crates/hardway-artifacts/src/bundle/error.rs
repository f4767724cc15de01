//! What can be wrong with a bundle, or with what is to become one.

use std::io;

use camino::Utf8PathBuf;

use crate::Difference;

/// The cause of [`Error::Bundle`](crate::Error::Bundle) and [`Error::BundleNotMade`](crate::Error::BundleNotMade), which
/// name the file.
///
/// No variant prints its source: whoever renders the error walks the chain.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    #[error("it cannot be read")]
    Read(#[source] io::Error),

    #[error("it is not a bundle: `hardway bundle create` makes one")]
    NotABundle,

    #[error("it has format {found}, and this hardway knows {known}: it was made by a newer one")]
    Format { found: u64, known: u64 },

    #[error("it is cut off: {found} bytes are there; carry it over again")]
    CutOff { found: u64 },

    #[error("{member} in it is damaged; carry the bundle over again")]
    Damaged { member: String },

    #[error("its bundle.json is undamaged and cannot be understood: who made it did something else")]
    Index(#[source] serde_json::Error),

    #[error("its bundle.json says what cannot be: {what}")]
    Inconsistent { what: String },

    #[error("it is for {found} machines, and these are {wanted}: make one there with `hardway bundle create`")]
    Architecture { found: String, wanted: String },

    #[error("it holds Kubernetes {found}, and the spec asks for {wanted}: make one from this spec")]
    Kubernetes { found: String, wanted: String },

    #[error("it lacks {}: make one from this spec with this hardway", missing.join(", "))]
    Lacks { missing: Vec<String> },

    #[error(
        "it has no packages for {os} on {architecture} machines, {}: \
         make one with `hardway bundle create --os {os}`",
        if known.is_empty() { "nor for any others".to_owned() } else { format!("only for {}", known.join(", ")) }
    )]
    NoPackages { os: String, architecture: String, known: Vec<String> },

    #[error("the artifacts are not as locked: {}", differences.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Differs { differences: Vec<Difference> },

    #[error("the artifacts do not have one {what}, but {}", if found.is_empty() { "none".to_owned() } else { found.join(" and ") })]
    NotOne { what: &'static str, found: Vec<String> },

    #[error("{path} is not the file that it was when it was obtained: remove its folder from the cache and try again")]
    Changed { path: Utf8PathBuf },

    #[error("{path} cannot be read")]
    ReadInput { path: Utf8PathBuf, source: io::Error },

    #[error("it cannot be written")]
    Write(#[source] io::Error),
}
