//! Where binaries and images come from, and how much has to vouch for them.

use std::fmt;

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Artifacts {
    pub source: ArtifactSource,
    /// What must vouch for an artifact when it is taken for the first time. Later `hardway.lock` does.
    pub require: Trust,
    /// A file with digests that you know, for releases that you built yourself: lines of a SHA-256 or SHA-512 in
    /// hexadecimal and upstream's address of the file. They vouch as those that hardway was shipped with, and count for
    /// more. A relative path starts at the workspace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digests: Option<String>,
    /// The mirror's places, for the source `mirror`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mirror: Option<Mirror>,
}

/// The sources that an operator can choose from. A bundle is named on the command line instead.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ArtifactSource {
    /// Upstream's releases where they can be reached, else Go modules; where `hardway.lock` names a source, that one.
    #[default]
    Auto,
    /// What upstream published.
    Releases,
    /// What upstream published, from a place of the operator's.
    Mirror,
    /// Built here from Go modules.
    Modules,
}

/// A place that holds upstream's releases in upstream's own layouts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Mirror {
    /// An https URL. Below it stand upstream's hosts, each with its own paths: `dl.k8s.io/…`, `github.com/…`.
    pub files: String,
    /// A registry and a prefix in it, such as `registry.example.com/k8s`. Below it stand upstream's registries, each
    /// with its own repositories: `registry.k8s.io/pause`, `docker.io/calico/node`.
    pub images: String,
    /// A file of PEM certificates that the mirror's own is checked against, beside the system's; a relative path starts
    /// at the workspace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authority: Option<String>,
}

/// What vouched for an artifact when it was taken for the first time, the least first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Trust {
    /// The place that it came from, over TLS, and nothing else.
    #[default]
    FirstUse,
    /// A checksum file that upstream published beside it.
    Checksum,
    /// A signature of who published it: upstream's, checked by `cosign`, or a distribution's, checked by its package
    /// manager.
    Signature,
    /// A digest that this hardway was shipped with, or that the operator knew before.
    Shipped,
}

impl fmt::Display for Trust {
    /// As the spec writes it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::FirstUse => "first-use",
            Self::Checksum => "checksum",
            Self::Signature => "signature",
            Self::Shipped => "shipped",
        })
    }
}
