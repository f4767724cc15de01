//! How registries are reached.

use crate::{Credentials, Patience};

/// Upstream's registries without credentials, unless it says otherwise.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// A registry and a prefix in it, such as `registry.example.com:5000/k8s`. Below it stand upstream's registries:
    /// `registry.k8s.io/pause:3.10.2` is at `registry.example.com:5000/k8s/registry.k8s.io/pause:3.10.2`.
    pub mirror: Option<String>,
    /// PEM certificates of authorities that count beside the system's.
    pub authority: Option<Vec<u8>>,
    /// For the mirror's registry: upstream's are asked without a name.
    pub credentials: Option<Credentials>,
    pub patience: Patience,
}
