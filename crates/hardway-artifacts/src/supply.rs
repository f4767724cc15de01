//! What decides where artifacts come from.

use std::collections::BTreeMap;

use camino::Utf8PathBuf;
use hardway_spec::Artifacts;

use crate::{Credentials, Lock};

/// The operator's choices.
#[derive(Debug, Clone, Default)]
pub struct Supply {
    /// What the spec says.
    pub artifacts: Artifacts,
    /// PEM certificates that the mirror's own is checked against, beside the system's.
    pub authority: Option<Vec<u8>>,
    /// For the mirror, and nobody else.
    pub credentials: Option<Credentials>,
    /// Digests that the operator knows, by upstream's address of the file: SHA-256 or SHA-512 in hexadecimal. They count
    /// for more than those that hardway carries.
    pub digests: BTreeMap<String, String>,
    /// The Kubernetes version that the spec asks for.
    pub kubernetes: String,
    /// What the artifacts have to be, where that is known.
    pub lock: Option<Lock>,
    /// A file that everything comes from, whatever the spec says.
    pub bundle: Option<Utf8PathBuf>,
}
