//! What the cluster is: one module per component, each machine's resources and the cluster's objects.
//!
//! Invariant: no I/O, clock, randomness or async. The same inputs give the same design, byte for byte.

mod cni;
mod containerd;
mod encryption;
mod error;
mod etcd;
pub mod example;
mod flags;
mod groups;
mod haproxy;
mod inputs;
mod keepalived;
mod kube_apiserver;
mod kube_controller_manager;
mod kube_proxy;
mod kube_scheduler;
mod kubeconfig;
mod kubelet;
pub mod landmarks;
mod model;
mod nginx;
mod objects;
mod operating_system;
mod paths;
mod remains;
mod resources;
mod systemd;
mod tls;
mod yaml;

pub use encryption::encryption_config;
pub use error::DesignError;
pub use etcd::etcd_data;
pub use groups::design;
pub use inputs::Inputs;
pub use kubeconfig::kubeconfigs;
pub use model::*;
pub use objects::{Manifest, manifests};
pub use operating_system::package_names;
