//! A machine as the spec names it.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::settings::Text;
use crate::{Component, ExtraArgs, Labels, Taint};

/// A machine's name: a DNS label (RFC 1123), also its node name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(transparent)]
pub struct MachineName(pub String);

impl MachineName {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for MachineName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl From<&str> for MachineName {
    fn from(name: &str) -> Self {
        Self(name.to_owned())
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    LoadBalancer,
    ControlPlane,
    Etcd,
    Worker,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::LoadBalancer => "load-balancer",
            Self::ControlPlane => "control-plane",
            Self::Etcd => "etcd",
            Self::Worker => "worker",
        })
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Machine {
    pub name: MachineName,
    /// The address that the other machines and the operator reach it at.
    pub address: IpAddr,
    pub roles: Vec<Role>,
    /// Labels of its node, beside those of its roles in `spec.roles`; the machine's own win.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(with = "BTreeMap<String, Text>")]
    pub labels: Labels,
    /// Taints of its node, beside those of its roles; the machine's own win where key and effect are the same.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub taints: Vec<Taint>,
    /// More flags of the components that it runs, beside those of its roles; the machine's own win.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(with = "BTreeMap<Component, BTreeMap<String, Text>>")]
    pub extra_args: ExtraArgs,
    /// The machine leaves the cluster: `removed: {}`. The next apply takes everything off it; then it can be taken out
    /// of the list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub removed: Option<Removal>,
}

impl Machine {
    /// A machine with nothing set of it but what every machine has.
    pub fn new(name: impl Into<MachineName>, address: IpAddr, roles: Vec<Role>) -> Self {
        Self {
            name: name.into(),
            address,
            roles,
            labels: Labels::new(),
            taints: Vec::new(),
            extra_args: ExtraArgs::new(),
            removed: None,
        }
    }
}

/// How a machine leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Removal {
    /// The machine is dead, or is to be gone at once: it need not answer, and its pods end also where a
    /// PodDisruptionBudget would keep them.
    pub force: bool,
    /// How long its pods may take to leave, in seconds: those that a PodDisruptionBudget holds back are asked to leave
    /// again until then.
    #[schemars(range(min = 1))]
    pub timeout_seconds: u32,
    /// How long each pod may take to end, in seconds. Without it, as long as the pod itself asks for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grace_period_seconds: Option<u32>,
}

impl Default for Removal {
    fn default() -> Self {
        // Ten pods in a row, each with the half minute to end that a pod has by default (terminationGracePeriodSeconds).
        Self { force: false, timeout_seconds: 300, grace_period_seconds: None }
    }
}
