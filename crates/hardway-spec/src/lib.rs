//! The spec: what the operator wrote in `cluster.yaml`, its types, defaults and rules.
//!
//! Invariant: no I/O. A text goes in, a [`Cluster`] or every [`Problem`] at once comes out.

pub mod flags;
pub mod upstream_images;
pub mod versions;

mod artifacts;
mod cluster;
mod component;
mod init;
mod load_balancer;
mod machine;
mod network;
mod parse;
mod pki;
mod problem;
mod rules;
mod schema;
mod settings;
mod shape;
mod suggest;
mod tree;

pub use artifacts::{ArtifactSource, Artifacts, Mirror, Trust};
pub use cluster::{Addons, ApiVersion, Cluster, ClusterSpec, ControlPlane, Kind, Kubernetes, Metadata, Ssh};
pub use component::Component;
pub use init::{InitAnswers, init_document};
pub use load_balancer::LoadBalancer;
pub use machine::{Machine, MachineName, Removal, Role};
pub use network::{Bridge, Calico, Cni, Encapsulation, Network, ProxyMode};
pub use parse::parse;
pub use pki::{KeyAlgorithm, Pki, Subject, Validity};
pub use problem::{Problem, SpecErrors};
pub use schema::json_schema;
pub use settings::{ExtraArgs, Flags, Labels, MemberSettings, NodeSettings, Roles, Taint, TaintEffect};
pub use suggest::did_you_mean;
