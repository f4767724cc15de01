//! The document `cluster.yaml` as a whole.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::{Artifacts, LoadBalancer, Machine, Network, Pki, Role, Roles, versions};

/// The one version of the document that this hardway reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub enum ApiVersion {
    #[serde(rename = "hardway/v1alpha1")]
    V1Alpha1,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub enum Kind {
    Cluster,
}

/// A cluster as the operator asked for it, defaults filled in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Cluster {
    pub api_version: ApiVersion,
    pub kind: Kind,
    pub metadata: Metadata,
    pub spec: ClusterSpec,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Metadata {
    /// The cluster's name, a DNS label: it names the cluster in kubeconfigs.
    pub name: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ClusterSpec {
    #[serde(default)]
    pub kubernetes: Kubernetes,
    #[serde(default)]
    pub artifacts: Artifacts,
    /// The DNS name that clients call; load balancers answer to it.
    #[serde(default = "default_endpoint")]
    pub endpoint: String,
    #[serde(default)]
    pub load_balancer: LoadBalancer,
    #[serde(default)]
    pub network: Network,
    #[serde(default)]
    pub pki: Pki,
    #[serde(default)]
    pub control_plane: ControlPlane,
    #[serde(default)]
    pub addons: Addons,
    /// What is set of all machines with a role.
    #[serde(default)]
    pub roles: Roles,
    #[serde(default)]
    pub ssh: Ssh,
    /// Every machine of the cluster, and those that leave it, each once.
    pub machines: Vec<Machine>,
}

pub(crate) fn default_endpoint() -> String {
    "k8s.hardway.test".to_owned()
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Kubernetes {
    /// The version, without a leading `v`.
    pub version: String,
}

impl Default for Kubernetes {
    fn default() -> Self {
        Self { version: versions::KUBERNETES.to_owned() }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ControlPlane {
    /// Whether control planes also run kubelet and kube-proxy, as tainted nodes.
    pub node: bool,
}

impl Default for ControlPlane {
    fn default() -> Self {
        Self { node: true }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Addons {
    pub metrics_server: bool,
}

impl Default for Addons {
    fn default() -> Self {
        Self { metrics_server: true }
    }
}

/// How machines are reached, where a machine does not say otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Ssh {
    /// root, or a user who may become root through sudo.
    pub user: String,
    /// sshd's.
    #[schemars(range(min = 1))]
    pub port: u16,
    /// A private key file; `~/` is the operator's home, a relative path starts at the workspace.
    /// Without it, the agent and what `ssh -G` names are tried.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identity_file: Option<String>,
}

impl Default for Ssh {
    fn default() -> Self {
        Self { user: "root".to_owned(), port: 22, identity_file: None }
    }
}

impl Cluster {
    /// The machines that make up the cluster: all but those that leave it.
    pub fn machines(&self) -> impl Iterator<Item = &Machine> {
        self.spec.machines.iter().filter(|machine| machine.removed.is_none())
    }

    /// The machines that leave the cluster, or have left it.
    pub fn leaving(&self) -> impl Iterator<Item = &Machine> {
        self.spec.machines.iter().filter(|machine| machine.removed.is_some())
    }

    pub fn machines_with(&self, role: Role) -> impl Iterator<Item = &Machine> {
        self.machines().filter(move |machine| machine.roles.contains(&role))
    }

    pub fn load_balancers(&self) -> impl Iterator<Item = &Machine> {
        self.machines_with(Role::LoadBalancer)
    }

    pub fn control_planes(&self) -> impl Iterator<Item = &Machine> {
        self.machines_with(Role::ControlPlane)
    }

    /// Machines that run an etcd member: those with the role, or else every control plane.
    pub fn etcd_members(&self) -> impl Iterator<Item = &Machine> {
        self.machines_with(self.etcd_role())
    }

    /// The role of machines that run an etcd member.
    pub(crate) fn etcd_role(&self) -> Role {
        if self.machines_with(Role::Etcd).next().is_some() { Role::Etcd } else { Role::ControlPlane }
    }

    /// Machines that register as nodes: workers, and control planes unless the spec says otherwise.
    pub fn nodes(&self) -> impl Iterator<Item = &Machine> {
        self.machines().filter(|machine| self.is_node(machine))
    }

    pub fn is_node(&self, machine: &Machine) -> bool {
        machine.roles.iter().any(|role| self.is_node_role(*role))
    }

    pub(crate) fn is_node_role(&self, role: Role) -> bool {
        match role {
            Role::Worker => true,
            Role::ControlPlane => self.spec.control_plane.node,
            Role::Etcd | Role::LoadBalancer => false,
        }
    }

    /// Also one that leaves the cluster.
    pub fn machine(&self, name: &str) -> Option<&Machine> {
        self.spec.machines.iter().find(|machine| machine.name.as_str() == name)
    }

    /// The address behind [`ClusterSpec::endpoint`]: the one that the load balancers share, or else the first one's own,
    /// or else the first control plane's.
    pub fn endpoint_address(&self) -> Option<IpAddr> {
        let first = || self.load_balancers().chain(self.control_planes()).next().map(|machine| machine.address);
        self.spec.load_balancer.virtual_address.or_else(first)
    }
}
