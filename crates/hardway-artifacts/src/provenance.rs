//! Where an artifact came from, and what vouched for it.

use hardway_spec::Trust;
use serde::{Deserialize, Serialize};

use crate::SourceKind;

/// What is remembered of how an artifact was taken for the first time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provenance {
    pub source: SourceKind,
    /// A URL, an image reference with its digest, or a Go package with its module's version.
    pub origin: String,
    pub trust: Trust,
}
