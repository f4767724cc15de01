//! The components whose flags an operator may add to, and which machines run them.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Cluster, Machine, Role, versions};

// Without descriptions of their own, the words are one list in the schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(inline)]
pub enum Component {
    Etcd,
    KubeApiserver,
    KubeControllerManager,
    KubeScheduler,
    Kubelet,
    KubeProxy,
    Containerd,
}

impl Component {
    pub const ALL: [Self; 7] = [
        Self::Etcd,
        Self::KubeApiserver,
        Self::KubeControllerManager,
        Self::KubeScheduler,
        Self::Kubelet,
        Self::KubeProxy,
        Self::Containerd,
    ];

    /// The program's name, which is the spec's word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Etcd => "etcd",
            Self::KubeApiserver => "kube-apiserver",
            Self::KubeControllerManager => "kube-controller-manager",
            Self::KubeScheduler => "kube-scheduler",
            Self::Kubelet => "kubelet",
            Self::KubeProxy => "kube-proxy",
            Self::Containerd => "containerd",
        }
    }

    /// The version whose flags hardway knows.
    pub fn version(self) -> &'static str {
        match self {
            Self::Etcd => versions::ETCD,
            Self::Containerd => versions::CONTAINERD,
            _ => versions::KUBERNETES,
        }
    }
}

impl fmt::Display for Component {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Cluster {
    /// Whether a machine runs the component because of this role.
    pub fn role_runs(&self, role: Role, component: Component) -> bool {
        match component {
            Component::Etcd => role == self.etcd_role(),
            Component::KubeApiserver | Component::KubeControllerManager | Component::KubeScheduler => {
                role == Role::ControlPlane
            }
            Component::Kubelet | Component::KubeProxy | Component::Containerd => self.is_node_role(role),
        }
    }

    pub fn runs(&self, machine: &Machine, component: Component) -> bool {
        machine.roles.iter().any(|role| self.role_runs(*role, component))
    }
}
