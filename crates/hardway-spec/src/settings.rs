//! What an operator sets of machines beyond what hardway needs: for all with a role, or for one.

use std::collections::BTreeMap;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::{Cluster, Component, Machine, Role};

/// Labels by their keys.
pub type Labels = BTreeMap<String, String>;

/// Flags by their names, without dashes.
pub type Flags = BTreeMap<String, String>;

/// Flags by the component that is given them.
pub type ExtraArgs = BTreeMap<Component, Flags>;

/// Settings of all machines with a role. A machine's own win over them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Roles {
    pub control_plane: NodeSettings,
    pub etcd: MemberSettings,
    pub worker: NodeSettings,
}

/// Settings of a role that makes a machine a node.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct NodeSettings {
    /// Labels of the nodes.
    #[schemars(with = "BTreeMap<String, Text>")]
    pub labels: Labels,
    /// Taints of the nodes, beside control planes' own.
    pub taints: Vec<Taint>,
    /// More flags of the components that the machines run, by the component.
    #[schemars(with = "BTreeMap<Component, BTreeMap<String, Text>>")]
    pub extra_args: ExtraArgs,
}

/// Settings of machines that run etcd alone.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct MemberSettings {
    /// More flags of etcd.
    #[schemars(with = "BTreeMap<Component, BTreeMap<String, Text>>")]
    pub extra_args: ExtraArgs,
}

/// Keeps pods off a node, but those that tolerate it. A key may stand once with each effect.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Taint {
    pub key: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(with = "Text")]
    pub value: String,
    pub effect: TaintEffect,
}

/// What becomes of pods that do not tolerate a taint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
pub enum TaintEffect {
    NoSchedule,
    PreferNoSchedule,
    NoExecute,
}

impl TaintEffect {
    /// As the spec and the API write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NoSchedule => "NoSchedule",
            Self::PreferNoSchedule => "PreferNoSchedule",
            Self::NoExecute => "NoExecute",
        }
    }
}

impl fmt::Display for TaintEffect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Display for Taint {
    /// As kubectl and the kubelet write it: `dedicated=gpu:NoSchedule`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key, value, effect } = self;
        let equals = if value.is_empty() { "" } else { "=" };
        write!(f, "{key}{equals}{value}:{effect}")
    }
}

/// A text that YAML may take for a number or a boolean, as it is written.
pub(crate) struct Text;

impl JsonSchema for Text {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Text".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["string", "number", "boolean"] })
    }
}

impl Roles {
    /// What is set for a role's nodes; None for roles that make no node.
    pub fn of_nodes(&self, role: Role) -> Option<&NodeSettings> {
        match role {
            Role::ControlPlane => Some(&self.control_plane),
            Role::Worker => Some(&self.worker),
            Role::Etcd | Role::LoadBalancer => None,
        }
    }

    /// The flags that are set for a role's components; None for roles that run none of them.
    pub fn extra_args(&self, role: Role) -> Option<&ExtraArgs> {
        match role {
            Role::ControlPlane => Some(&self.control_plane.extra_args),
            Role::Etcd => Some(&self.etcd.extra_args),
            Role::Worker => Some(&self.worker.extra_args),
            Role::LoadBalancer => None,
        }
    }
}

impl Cluster {
    /// The labels that the spec sets of a node: its roles', and its own, which win.
    pub fn labels<'a>(&'a self, machine: &'a Machine) -> BTreeMap<&'a str, &'a str> {
        let of_roles = machine.roles.iter().filter_map(|role| self.spec.roles.of_nodes(*role));
        pairs(of_roles.map(|settings| &settings.labels).chain([&machine.labels]))
    }

    /// The taints that the spec sets of a node, by key and effect: its roles', and its own, which win.
    pub fn taints(&self, machine: &Machine) -> Vec<Taint> {
        let of_roles = machine.roles.iter().filter_map(|role| self.spec.roles.of_nodes(*role));
        let taints = of_roles.flat_map(|settings| &settings.taints).chain(&machine.taints);
        let by_key: BTreeMap<_, _> = taints.map(|taint| ((&taint.key, taint.effect), taint)).collect();
        by_key.into_values().cloned().collect()
    }

    /// Whether a taint of the spec keeps pods off the node that do not tolerate it.
    pub fn keeps_pods_off(&self, machine: &Machine) -> bool {
        self.taints(machine).iter().any(|taint| taint.effect != TaintEffect::PreferNoSchedule)
    }

    /// The flags that the spec adds to a component of a machine: its roles', and its own, which win.
    pub fn extra_args<'a>(&'a self, machine: &'a Machine, component: Component) -> BTreeMap<&'a str, &'a str> {
        let of_roles = machine.roles.iter().filter_map(|role| self.spec.roles.extra_args(*role));
        pairs(of_roles.chain([&machine.extra_args]).filter_map(|arguments| arguments.get(&component)))
    }
}

/// The later win.
fn pairs<'a>(maps: impl Iterator<Item = &'a BTreeMap<String, String>>) -> BTreeMap<&'a str, &'a str> {
    maps.flatten().map(|(key, value)| (key.as_str(), value.as_str())).collect()
}
