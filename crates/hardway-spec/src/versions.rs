//! Every version that hardway puts on a machine, in one table.
//!
//! Invariant: no other file of the project spells a component's version.

/// A part of the cluster and the upstream version that hardway installs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ComponentVersion {
    /// Upstream's own name for the component.
    pub component: &'static str,
    /// Upstream's version, without a leading `v`.
    pub version: &'static str,
}

pub const KUBERNETES: &str = "1.37.2";
pub const ETCD: &str = "3.7.3";
pub const CONTAINERD: &str = "2.4.2";
pub const RUNC: &str = "1.5.2";
pub const CNI_PLUGINS: &str = "1.9.1";
pub const COREDNS: &str = "1.15.0";
/// Release 3.28.5 plus the fixes that the module proxy's commit carries.
pub const CALICO: &str = "3.28.5";
pub const METRICS_SERVER: &str = "0.9.0";
/// The sandbox container's image, built from Kubernetes' `build/pause`.
pub const PAUSE: &str = "3.10.2";
/// Kubernetes' own test image, built from its `test/images/agnhost`.
pub const AGNHOST: &str = "2.66.1";
/// Our DNS test image. Its contents are the host distribution's, so the number is our recipe's.
pub const DNSUTILS: &str = "1.0.0";

/// The Kubernetes versions a spec may ask for.
pub const SUPPORTED_KUBERNETES: &[&str] = &[KUBERNETES];

/// The table, as `hardway status` and the documentation show it.
pub const TABLE: &[ComponentVersion] = &[
    ComponentVersion { component: "kubernetes", version: KUBERNETES },
    ComponentVersion { component: "etcd", version: ETCD },
    ComponentVersion { component: "containerd", version: CONTAINERD },
    ComponentVersion { component: "runc", version: RUNC },
    ComponentVersion { component: "cni-plugins", version: CNI_PLUGINS },
    ComponentVersion { component: "coredns", version: COREDNS },
    ComponentVersion { component: "calico", version: CALICO },
    ComponentVersion { component: "metrics-server", version: METRICS_SERVER },
    ComponentVersion { component: "pause", version: PAUSE },
];
