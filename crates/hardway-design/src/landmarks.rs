//! Units and files that rules over plans look for, by the names that every design has them under.

use hardway_pki::Identity;

use crate::paths::CLUSTER_CA;
use crate::{cni, etcd, haproxy, keepalived, kube_apiserver, kubelet, objects};

pub const ETCD: &str = etcd::SERVICE;
pub const KUBE_APISERVER: &str = kube_apiserver::SERVICE;
/// The load balancers'; nodes' own balancers are another unit.
pub const HAPROXY: &str = haproxy::load_balancer::SERVICE;
pub const KUBE_API_BALANCER: &str = haproxy::node::SERVICE;

/// Where load balancers share an address.
pub const KEEPALIVED: &str = keepalived::SERVICE;

/// Where a node's own balancer tells the state of its servers, over HTTP on a Unix socket.
pub const BALANCER_STATE_SOCKET: &str = haproxy::node::STATE_SOCKET;

pub const KUBELET: &str = kubelet::SERVICE;

/// The group that starts a node's kubelet.
pub const KUBELET_GROUP: &str = kubelet::GROUP;

/// The group of the live cluster that keeps removed machines out.
pub const REMOVED_MACHINES: &str = objects::removed_machines::GROUP;

/// The EncryptionConfiguration, with the key that Secrets in etcd are encrypted with.
pub const ENCRYPTION_CONFIG: &str = kube_apiserver::ENCRYPTION;

/// The key that signs service accounts' tokens.
pub const SERVICE_ACCOUNT_KEY: &str = kube_apiserver::SERVICE_ACCOUNT_KEY;

/// The load balancers' certificate, which signs itself: clients with tokens are told to trust it.
pub const SELF_SIGNED: &str = haproxy::load_balancer::CERTIFICATE;

/// An authority, and where the machines that check its certificates keep its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authority {
    /// As text has it: "the cluster's authority".
    pub name: &'static str,
    pub identity: Identity,
    pub paths: &'static [&'static str],
}

pub static AUTHORITIES: [Authority; 3] = [
    Authority {
        name: "the cluster's authority",
        identity: Identity::ClusterAuthority,
        paths: &[CLUSTER_CA, haproxy::AUTHORITY],
    },
    Authority {
        name: "etcd's authority",
        identity: Identity::EtcdAuthority,
        paths: &[etcd::AUTHORITY, kube_apiserver::ETCD_AUTHORITY, cni::ETCD_AUTHORITY],
    },
    Authority {
        name: "the front proxy's authority",
        identity: Identity::FrontProxyAuthority,
        paths: &[kube_apiserver::FRONT_PROXY_AUTHORITY],
    },
];
