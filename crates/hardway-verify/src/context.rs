//! What a verification is given.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use hardway_cluster::Live;
use hardway_design::Design;
use hardway_machine::Machine;
use hardway_pki::Bundle;
use hardway_spec::{Cluster, MachineName};

/// The cluster as it should be, and the ways to what it is.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    pub cluster: &'a Cluster,
    /// The workspace's certificates and keys.
    pub bundle: &'a Bundle,
    pub design: &'a Design,
    /// Every machine of the cluster.
    pub machines: &'a BTreeMap<MachineName, Arc<dyn Machine>>,
    /// The API as the cluster's administrator, at the endpoint's address.
    pub live: &'a Live,
    /// The workspace's `configs` folder, where the kubeconfigs are.
    pub configs: &'a Path,
    /// The operator's kubectl, where there is one.
    pub kubectl: Option<&'a Path>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Whether every file and binary that the design puts on the machines is hashed there.
    pub deep: bool,
    /// How long to wait for what a young cluster cannot have yet: metrics-server gives a node's usage after its
    /// second look at it, 10 to 25 s after its own start. Where that is not enough, such a check does not apply.
    pub patience: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self { deep: false, patience: Duration::from_secs(45) }
    }
}
