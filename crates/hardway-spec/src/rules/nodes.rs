//! Rules of nodes' labels and taints.
//!
//! Syntax: <https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#syntax-and-character-set>, as
//! `k8s.io/apimachinery/pkg/api/validate/content` checks it.

use std::collections::BTreeMap;

use super::Checker;
use super::names::{LABEL_LIMIT, is_subdomain};
use crate::shape::entry_path;
use crate::{Labels, NodeSettings, Role, Taint};

/// Labels that are not the operator's, and whose they are.
const RESERVED_LABELS: [(&str, &str); 6] = [
    (CONTROL_PLANE, "hardway gives it to control planes"),
    ("kubernetes.io/hostname", KUBELETS),
    ("kubernetes.io/os", KUBELETS),
    ("kubernetes.io/arch", KUBELETS),
    ("beta.kubernetes.io/os", KUBELETS),
    ("beta.kubernetes.io/arch", KUBELETS),
];

/// Taints that come and go with a node's state
/// (<https://kubernetes.io/docs/reference/labels-annotations-taints/>), and hardway's own.
const RESERVED_TAINTS: [(&str, &str); 9] = [
    (CONTROL_PLANE, "hardway gives it to control planes that are no workers"),
    ("node.kubernetes.io/not-ready", CONTROLLERS),
    ("node.kubernetes.io/unreachable", CONTROLLERS),
    ("node.kubernetes.io/unschedulable", "`kubectl cordon` sets it"),
    ("node.kubernetes.io/memory-pressure", CONTROLLERS),
    ("node.kubernetes.io/disk-pressure", CONTROLLERS),
    ("node.kubernetes.io/pid-pressure", CONTROLLERS),
    ("node.kubernetes.io/network-unavailable", CONTROLLERS),
    ("node.cloudprovider.kubernetes.io/uninitialized", "the kubelet sets it"),
];

const CONTROL_PLANE: &str = "node-role.kubernetes.io/control-plane";
const KUBELETS: &str = "the kubelet sets it to what the machine is";
const CONTROLLERS: &str = "Kubernetes sets it and takes it away with the node's state";

const NAME_HELP: &str = "use at most 63 letters, digits, `-`, `_` and `.`, beginning and ending with a letter or digit";
const KEY_HELP: &str = "a key is a name of at most 63 letters, digits, `-`, `_` and `.`, beginning and ending with a \
                        letter or digit, or a DNS name, `/` and such a name: `example.com/disk`";
const NODES_HELP: &str = "only nodes have them: workers, and control planes with `controlPlane.node: true`";

pub(super) fn check(checker: &mut Checker<'_>) {
    let cluster = checker.cluster;
    for role in [Role::ControlPlane, Role::Worker] {
        let Some(NodeSettings { labels, taints, .. }) = cluster.spec.roles.of_nodes(role) else { continue };
        let whose = format!("a machine with the role `{role}` alone");
        let is_node = cluster.is_node_role(role) || !checker.is_sound("spec.controlPlane.node");
        of(checker, &format!("spec.roles.{role}"), labels, taints, (&whose, is_node));
    }
    for (index, machine) in cluster.spec.machines.iter().enumerate() {
        let path = format!("spec.machines[{index}]");
        let known = checker.is_sound(&format!("{path}.roles")) && checker.is_sound("spec.controlPlane.node");
        let is_node = cluster.is_node(machine) || !known;
        of(checker, &path, &machine.labels, &machine.taints, (machine.name.as_str(), is_node));
        if known {
            roles_agree(checker, index);
        }
    }
    if checker.is_sound("spec.machines") && checker.is_sound("spec.roles") {
        somewhere_for_pods(checker);
    }
}

fn of(checker: &mut Checker<'_>, path: &str, labels: &Labels, taints: &[Taint], (whose, is_node): (&str, bool)) {
    for (field, is_empty) in [("labels", labels.is_empty()), ("taints", taints.is_empty())] {
        if !is_node && !is_empty {
            checker.report(&format!("{path}.{field}"), format!("{whose} is no node"), NODES_HELP);
        }
    }
    for (key, value) in labels {
        let path = entry_path(&format!("{path}.labels"), key);
        if !checker.is_sound(&path) {
            continue;
        }
        if !is_key(key) {
            checker.report_key(&path, format!("`{key}` cannot be a label's key"), KEY_HELP);
        } else if let Some((_, whose)) = RESERVED_LABELS.iter().find(|(reserved, _)| reserved == key) {
            checker.report_key(&path, format!("the label `{key}` is reserved: {whose}"), "take it out");
        }
        if !is_value(value) {
            checker.report(&path, format!("`{value}` cannot be a label's value"), NAME_HELP);
        }
    }
    for (index, taint) in taints.iter().enumerate() {
        of_taint(checker, &format!("{path}.taints[{index}]"), taint, &taints[..index]);
    }
}

fn of_taint(checker: &mut Checker<'_>, path: &str, taint: &Taint, before: &[Taint]) {
    let (key_path, value_path) = (format!("{path}.key"), format!("{path}.value"));
    let Taint { key, value, effect } = taint;
    if checker.is_sound(&key_path) {
        if !is_key(key) {
            checker.report(&key_path, format!("`{key}` cannot be a taint's key"), KEY_HELP);
        } else if let Some((_, whose)) = RESERVED_TAINTS.iter().find(|(reserved, _)| reserved == key) {
            checker.report(&key_path, format!("the taint `{key}` is reserved: {whose}"), "take it out");
        } else if checker.is_sound(path) && before.iter().any(|other| other.key == *key && other.effect == *effect) {
            checker.report(path, format!("a taint `{key}` with {effect} is here already"), "keep one of them");
        }
    }
    if checker.is_sound(&value_path) && !is_value(value) {
        checker.report(&value_path, format!("`{value}` cannot be a taint's value"), NAME_HELP);
    }
}

/// Two roles of one machine must not ask for different values, unless the machine itself says which.
fn roles_agree(checker: &mut Checker<'_>, index: usize) {
    let machine = &checker.cluster.spec.machines[index];
    let mut asked: BTreeMap<String, (Role, &str)> = BTreeMap::new();
    let mut problems = Vec::new();
    for role in &machine.roles {
        let Some(settings) = checker.cluster.spec.roles.of_nodes(*role) else { continue };
        let labels = settings.labels.iter().filter(|(key, _)| !machine.labels.contains_key(*key));
        let labels = labels.map(|(key, value)| (format!("the label `{key}`"), value));
        let same = |one: &Taint, other: &Taint| one.key == other.key && one.effect == other.effect;
        let taints = settings.taints.iter().filter(|taint| !machine.taints.iter().any(|own| same(own, taint)));
        let taints = taints.map(|taint| (format!("the taint `{}` with {}", taint.key, taint.effect), &taint.value));
        for (what, value) in labels.chain(taints) {
            match asked.get(&what) {
                Some((other, another)) if another != value => problems.push((*other, *role, what)),
                _ => _ = asked.insert(what, (*role, value)),
            }
        }
    }
    for (one, other, what) in problems {
        checker.report(
            &format!("spec.machines[{index}].roles"),
            format!("the roles `{one}` and `{other}` give {what} different values"),
            "set it for the machine itself, which wins",
        );
    }
}

/// CoreDNS and other pods of the cluster's own tolerate no taint of the operator's.
fn somewhere_for_pods(checker: &mut Checker<'_>) {
    let cluster = checker.cluster;
    let mut nodes: Vec<_> = cluster.machines_with(Role::Worker).collect();
    if nodes.is_empty() {
        nodes = cluster.nodes().collect();
    }
    if !nodes.is_empty() && nodes.iter().all(|machine| cluster.keeps_pods_off(machine)) {
        checker.report(
            "spec.machines",
            "every node that runs pods has a taint, and the cluster's own pods would have no place",
            "leave one of them without a taint of the effects `NoSchedule` and `NoExecute`, for CoreDNS and others",
        );
    }
}

/// Kubernetes' "qualified name".
fn is_key(key: &str) -> bool {
    match key.split_once('/') {
        Some((prefix, name)) => is_subdomain(prefix) && is_qualified(name),
        None => is_qualified(key),
    }
}

fn is_value(value: &str) -> bool {
    value.is_empty() || is_qualified(value)
}

fn is_qualified(name: &str) -> bool {
    let is_edge = |c: char| c.is_ascii_alphanumeric();
    name.len() <= LABEL_LIMIT
        && name.starts_with(is_edge)
        && name.ends_with(is_edge)
        && name.chars().all(|c| is_edge(c) || "-_.".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_values_are_as_kubernetes_has_them() {
        let long = "a".repeat(63);
        for good in ["a", "disk", "example.com/disk", "A.b_c-1", "1", &long, &format!("example.com/{long}")] {
            assert!(is_key(good), "{good}");
        }
        let long = "a".repeat(64);
        for bad in ["", "/a", "a/", "a/b/c", "-a", "a-", "Example.com/a", "a b", "ä", &long] {
            assert!(!is_key(bad), "{bad}");
        }
        assert!(is_value("") && is_value("true") && is_value("v1.2_3") && !is_value("a/b") && !is_value("-1"));
    }
}
