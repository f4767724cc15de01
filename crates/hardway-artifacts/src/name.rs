//! How an artifact is named.

use std::fmt;

use serde::Serialize;

/// One thing that can be asked of a [`Store`](crate::Store).
///
/// Binaries and images have names of their own: there is a binary `coredns` and an image of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ArtifactName {
    /// A program, by the name it bears on a machine: `kubelet`.
    Binary(&'static str),
    /// A container image, by the last part of its reference: `calico-node`.
    Image(&'static str),
}

impl fmt::Display for ArtifactName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Binary(name) => f.write_str(name),
            Self::Image(name) => write!(f, "image/{name}"),
        }
    }
}
