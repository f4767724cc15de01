//! The registered nodes as a plan needs to know them, and what would move from those that leave.

use std::collections::{BTreeMap, BTreeSet};

use hardway_design::{BudgetSeen, CordonedBy, NodeSeen, PodSeen};
use k8s_openapi::api::core::v1::{Node, Pod};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, LabelSelectorRequirement, OwnerReference};
use kube::Api;
use kube::api::{ListParams, Patch, PatchParams};
use serde_json::Value;

use crate::kind::collection;
use crate::live::CALL_TIMEOUT;
use crate::{Error, Live, MANAGER};

/// Marks a node that hardway cordoned, so that it lets it take pods again where it stays after all.
pub(crate) const CORDONED: &str = "hardway/cordoned";

/// The mark of what the kubelet runs from a file: the API holds its mirror only.
/// <https://kubernetes.io/docs/reference/labels-annotations-taints/#kubernetes-io-config-mirror>
const MIRROR: &str = "kubernetes.io/config.mirror";

impl Live {
    /// Every registered node; of those in `leaving`, with the pods that would move elsewhere.
    ///
    /// # Errors
    /// The API's refusal, or no answer.
    pub async fn observe_nodes(&self, leaving: &BTreeSet<String>) -> Result<BTreeMap<String, NodeSeen>, Error> {
        let nodes: Api<Node> = Api::all(self.client.clone());
        let all = ListParams::default();
        let nodes = self.within(CALL_TIMEOUT, "list the nodes", nodes.list(&all)).await?;
        let mut seen: BTreeMap<String, NodeSeen> = nodes
            .items
            .into_iter()
            .map(|node| {
                let cordoned = cordoned(&node);
                (node.metadata.name.unwrap_or_default(), NodeSeen { cordoned, pods: Vec::new() })
            })
            .collect();
        if !seen.keys().any(|name| leaving.contains(name)) {
            return Ok(seen);
        }
        let budgets: Api<PodDisruptionBudget> = Api::all(self.client.clone());
        let budgets = self.within(CALL_TIMEOUT, "list the PodDisruptionBudgets", budgets.list(&all)).await?.items;
        for (name, node) in seen.iter_mut().filter(|(name, _)| leaving.contains(*name)) {
            let pods: Api<Pod> = Api::all(self.client.clone());
            let params = ListParams::default().fields(&on_node(name));
            let pods = self.within(CALL_TIMEOUT, &format!("list the pods of {name}"), pods.list(&params)).await?;
            let moving = pods.items.iter().filter(|pod| !belongs_to_node(pod));
            node.pods = moving.map(|pod| pod_seen(pod, &budgets)).collect();
        }
        Ok(seen)
    }

    /// Changes a node as the merge patch says (RFC 7386).
    pub(crate) async fn patch_node(&self, call: &str, name: &str, patch: &Value) -> Result<(), Error> {
        let params = PatchParams { field_manager: Some(MANAGER.to_owned()), ..PatchParams::default() };
        let request = collection("v1", "Node", None)?.patch(name, &params, &Patch::Merge(patch));
        self.json::<Value>(call, request).await.map(drop)
    }
}

/// A field selector.
pub(crate) fn on_node(node: &str) -> String {
    format!("spec.nodeName={node}")
}

/// Whether the pod is part of its node, and would be made again there at once.
pub(crate) fn belongs_to_node(pod: &Pod) -> bool {
    let mirror = pod.metadata.annotations.as_ref().is_some_and(|annotations| annotations.contains_key(MIRROR));
    mirror || controller(pod).is_some_and(|owner| owner.kind == "DaemonSet")
}

fn controller(pod: &Pod) -> Option<&OwnerReference> {
    pod.metadata.owner_references.iter().flatten().find(|owner| owner.controller == Some(true))
}

fn cordoned(node: &Node) -> Option<CordonedBy> {
    let unschedulable = node.spec.as_ref().and_then(|spec| spec.unschedulable).unwrap_or(false);
    let ours = node.metadata.annotations.as_ref().is_some_and(|annotations| annotations.contains_key(CORDONED));
    unschedulable.then_some(if ours { CordonedBy::Hardway } else { CordonedBy::Others })
}

fn pod_seen(pod: &Pod, budgets: &[PodDisruptionBudget]) -> PodSeen {
    let text = |field: &Option<String>| field.clone().unwrap_or_default();
    let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref()).unwrap_or_default();
    // Or about to be: somebody has deleted it.
    let over = matches!(phase, "Succeeded" | "Failed") || pod.metadata.deletion_timestamp.is_some();
    // As canIgnorePDB in pkg/registry/core/pod/storage/eviction.go has it.
    let ignores_budgets = over || phase == "Pending";
    let ready = pod.status.iter().flat_map(|status| status.conditions.iter().flatten());
    let ready = ready.into_iter().any(|condition| condition.type_ == "Ready" && condition.status == "True");
    let covering = budgets.iter().filter(|budget| !ignores_budgets && covers(budget, pod));
    let covering = covering.filter(|budget| ready || keeps_unready_pods(budget));
    PodSeen {
        name: format!("{}/{}", text(&pod.metadata.namespace), text(&pod.metadata.name)),
        is_replaced: over || controller(pod).is_some(),
        budgets: covering
            .map(|budget| BudgetSeen {
                name: text(&budget.metadata.name),
                allowed: budget.status.as_ref().and_then(|status| status.disruptions_allowed).unwrap_or(0),
            })
            .collect(),
    }
}

/// <https://kubernetes.io/docs/tasks/run-application/configure-pdb/#unhealthy-pod-eviction-policy>
fn keeps_unready_pods(budget: &PodDisruptionBudget) -> bool {
    let policy = budget.spec.as_ref().and_then(|spec| spec.unhealthy_pod_eviction_policy.as_deref());
    let is_met = budget.status.as_ref().is_some_and(|status| {
        let desired = status.desired_healthy.unwrap_or(0);
        desired > 0 && status.current_healthy.unwrap_or(0) >= desired
    });
    policy != Some("AlwaysAllow") && !is_met
}

fn covers(budget: &PodDisruptionBudget, pod: &Pod) -> bool {
    let selector = budget.spec.as_ref().and_then(|spec| spec.selector.as_ref());
    budget.metadata.namespace == pod.metadata.namespace && selector.is_some_and(|selector| selects(selector, pod))
}

/// An empty selector selects everything: <https://kubernetes.io/docs/reference/labels-annotations-taints/>.
fn selects(selector: &LabelSelector, pod: &Pod) -> bool {
    let none = BTreeMap::new();
    let labels = pod.metadata.labels.as_ref().unwrap_or(&none);
    let has = |requirement: &LabelSelectorRequirement| {
        let value = labels.get(&requirement.key);
        let listed = || value.is_some_and(|value| requirement.values.iter().flatten().any(|other| other == value));
        match requirement.operator.as_str() {
            "In" => listed(),
            "NotIn" => !listed(),
            "Exists" => value.is_some(),
            _ => value.is_none(),
        }
    };
    selector.match_labels.iter().flatten().all(|(key, value)| labels.get(key) == Some(value))
        && selector.match_expressions.iter().flatten().all(has)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::fake;

    fn node(name: &str, spec: Value, annotations: Value) -> Value {
        json!({"metadata": {"name": name, "annotations": annotations}, "spec": spec})
    }

    fn budget(name: &str, selector: Value, allowed: i32) -> Value {
        json!({
            "metadata": {"name": name, "namespace": "a"}, "spec": {"selector": selector},
            "status": {"disruptionsAllowed": allowed, "currentHealthy": 1, "desiredHealthy": 1, "expectedPods": 1},
        })
    }

    fn pod(name: &str, phase: &str, controller: Option<&str>) -> Value {
        let owner = controller
            .map(|kind| json!([{"apiVersion": "apps/v1", "kind": kind, "name": "o", "uid": "u", "controller": true}]));
        let metadata = json!({"name": name, "namespace": "a", "labels": {"app": "web"}, "ownerReferences": owner});
        let ready = json!([{"type": "Ready", "status": if phase == "Running" { "True" } else { "False" }}]);
        json!({"metadata": metadata, "status": {"phase": phase, "conditions": ready}})
    }

    #[test]
    fn what_is_not_ready_is_kept_only_where_too_few_are() {
        let read = |budget: Value| serde_json::from_value::<PodDisruptionBudget>(budget).unwrap();
        let mut budget = budget("b", json!({}), 0);
        assert!(!keeps_unready_pods(&read(budget.clone())));
        budget["status"]["currentHealthy"] = 0.into();
        assert!(keeps_unready_pods(&read(budget.clone())));
        budget["spec"]["unhealthyPodEvictionPolicy"] = "AlwaysAllow".into();
        assert!(!keeps_unready_pods(&read(budget)));
    }

    #[tokio::test]
    async fn pods_are_asked_about_only_where_a_node_leaves() {
        let nodes = || {
            fake::list(&[
                node("w1", json!({}), json!({})),
                node("w2", json!({"unschedulable": true}), json!({})),
                node("w3", json!({"unschedulable": true}), json!({CORDONED: ""})),
            ])
        };
        let (live, asked) = fake::live(vec![nodes()]);
        let seen = live.observe_nodes(&BTreeSet::from(["w9".to_owned()])).await.unwrap();
        let cordoned: Vec<_> = seen.values().map(|node| node.cordoned).collect();
        assert_eq!(cordoned, [None, Some(CordonedBy::Others), Some(CordonedBy::Hardway)]);
        assert_eq!(asked.lock().unwrap().len(), 1);

        let (live, asked) = fake::live(vec![nodes(), fake::list(&[]), fake::list(&[pod("p", "Running", None)])]);
        let seen = live.observe_nodes(&BTreeSet::from(["w1".to_owned()])).await.unwrap();
        assert_eq!(seen["w1"].pods.iter().map(|pod| &pod.name).collect::<Vec<_>>(), ["a/p"]);
        assert!(asked.lock().unwrap()[2].contains("spec.nodeName%3Dw1"));
    }

    #[tokio::test]
    async fn what_would_hold_pods_is_seen_and_what_belongs_to_the_node_is_not() {
        let mut deleted = pod("deleted", "Running", None);
        deleted["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z".into();
        let (live, _) = fake::live(vec![
            fake::list(&[node("w1", json!({}), json!({}))]),
            fake::list(&[
                budget("web", json!({"matchLabels": {"app": "web"}}), 0),
                budget(
                    "other",
                    json!({"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["web"]}]}),
                    0,
                ),
                budget("all", json!({}), 1),
            ]),
            fake::list(&[
                pod("held", "Running", Some("ReplicaSet")),
                pod("over", "Succeeded", None),
                deleted,
                pod("alone", "Running", None),
                pod("agent", "Running", Some("DaemonSet")),
            ]),
        ]);
        let seen = live.observe_nodes(&BTreeSet::from(["w1".to_owned()])).await.unwrap();
        let both =
            vec![BudgetSeen { name: "web".to_owned(), allowed: 0 }, BudgetSeen { name: "all".to_owned(), allowed: 1 }];
        let gone = |name| (name, true, Vec::new());
        let expected = [("a/held", true, both.clone()), gone("a/over"), gone("a/deleted"), ("a/alone", false, both)];
        let expected =
            expected.map(|(name, is_replaced, budgets)| PodSeen { name: name.to_owned(), is_replaced, budgets });
        assert_eq!(seen["w1"].pods, expected);
    }
}
