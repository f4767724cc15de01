//! The spec: what the operator wrote in `cluster.yaml`, its types, defaults and rules.
//!
//! Invariant: no I/O. A text goes in, a [`Cluster`] or every [`Problem`] at once comes out.

pub mod versions;

mod cluster;
mod machine;
mod network;
mod pki;

pub use cluster::{Addons, ApiVersion, Cluster, ClusterSpec, ControlPlane, Kind, Kubernetes, Metadata, Ssh};
pub use machine::{Machine, MachineName, Role};
pub use network::{Bridge, Calico, Cni, Encapsulation, Network, ProxyMode};
pub use pki::{KeyAlgorithm, Pki, Subject, Validity};
