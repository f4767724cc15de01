//! Why a design can't be made.

use hardway_pki::MissingKeyPair;
use hardway_spec::MachineName;

/// Something that the design needs is not among its inputs.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DesignError {
    #[error("the workspace's certificates are incomplete")]
    KeyPair(#[from] MissingKeyPair),
    #[error("no binary {name} among the artifacts")]
    MissingBinary { name: String },
    #[error("no image {name} among the artifacts")]
    MissingImage { name: String },
    #[error("machine {machine} was not probed")]
    MissingFacts { machine: MachineName },
    #[error("the cluster has no control plane")]
    NoControlPlane,
    #[error("pod range {range} is too small to give each of {nodes} nodes a /{prefix}")]
    PodRangeTooSmall { range: ipnet::IpNet, nodes: usize, prefix: u8 },
}
