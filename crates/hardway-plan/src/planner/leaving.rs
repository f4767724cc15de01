//! Machines that leave or lose a role, and nodes whose machine is another one now.
//!
//! A machine that leaves does so in three stages: `drain-NAME@cluster` moves its node's pods away, `removal@NAME` takes
//! everything off the machine, as `reset` does, and `node-NAME@cluster` deletes its node once no kubelet is there to
//! register it again. One that is to be no node any more goes the same way, but for what its `removal@NAME` leaves there.
//! What else must come before a machine is touched is an edge of its `removal@NAME`.

use std::collections::BTreeSet;
use std::time::Duration;

use hardway_design::landmarks::{ETCD, HAPROXY, KUBE_APISERVER, KUBELET, REMOVED_MACHINES};
use hardway_design::{
    CordonedBy, Design, Drain, GroupId, Leaving, Manner, NodeSeen, Object, Place, Resource, ResourceId,
};
use hardway_spec::{MachineName, Removal};
use serde_json::json;

use super::rolling::goes_last;
use super::{Sight, record};
use crate::{Action, Entry, Inventory, InventoryError, Plan, Stage, Step, removal};

/// Of the pods that move, so many are named.
const NAMED: usize = 5;

/// Adds what takes each leaving machine out of the cluster.
///
/// Left as they are: machines that could not be reached and are not said to be dead, and nodes' machines without the
/// API that would move their pods.
///
/// # Errors
/// [`InventoryError`] where a machine holds another cluster or a newer hardway's inventory.
pub(super) fn remove_machines(
    plan: &mut Plan,
    cluster: &str,
    design: &Design,
    sight: &Sight,
) -> Result<(), InventoryError> {
    // The others do without a machine that they rest on before it goes: load balancers and what is configured with it.
    let others: Vec<GroupId> = plan.stages.iter().map(|stage| stage.id.clone()).collect();
    for leaving in &design.leaving {
        let name = &leaving.machine;
        let observed = sight.machines.get(name);
        let force = leaving.removal.force;
        if (observed.is_none() && !force) || waits_for_the_api(leaving, sight) {
            continue;
        }
        let inventory = observed.and_then(|observed| observed.inventory.as_deref());
        let inventory = inventory.map(|text| Inventory::parse(text, name, cluster)).transpose()?;
        let manner = match (observed.is_some(), force) {
            (false, _) => Manner::Forget,
            (true, true) => Manner::Insist,
            (true, false) => Manner::Ask,
        };
        let why = format!("{name} leaves the cluster");
        let drain = sight.nodes.get(name.as_str()).map(|node| drain_stage(name, node, manner, leaving.removal, &why));
        let mut before_node: Vec<GroupId> = Vec::new();
        if let Some(drain) = drain {
            before_node.push(drain.id.clone());
            plan.stages.push(drain);
        }
        if let Some(inventory) = inventory {
            let mut stage = removal::stage(name, inventory);
            stage.after = before_node.clone();
            if !leaving.is_only_a_worker {
                stage.after.extend(others.iter().cloned());
            }
            before_node.push(stage.id.clone());
            plan.stages.push(stage);
        }
        if sight.nodes.contains_key(name.as_str()) {
            let guard = GroupId::in_cluster(REMOVED_MACHINES);
            before_node.extend(others.iter().filter(|id| **id == guard).cloned());
            let delete = delete_node(name, why);
            plan.stages.push(Stage { id: node_stage(name), after: before_node, steps: vec![delete] });
        }
    }
    Ok(())
}

/// Whether the machine's pods would have to move, and nobody is there to move them.
pub(crate) fn waits_for_the_api(leaving: &Leaving, sight: &Sight) -> bool {
    leaving.is_node && !leaving.removal.force && sight.cluster.is_none()
}

/// Adds what makes a machine that stays a node no more.
pub(super) fn withdraw_nodes(plan: &mut Plan, design: &Design, sight: &Sight) {
    for name in design.without_kubelet() {
        let (Some(node), true) = (sight.nodes.get(name.as_str()), sight.machines.contains_key(name)) else { continue };
        let removal = GroupId::on(name, record::REMOVAL);
        let stage = plan.stages.iter_mut().find(|stage| stage.id == removal && stops(stage, &[KUBELET]));
        // Without a kubelet nobody ends its pods.
        let manner = if stage.is_some() { Manner::Ask } else { Manner::Forget };
        let why = format!("{name} is to be no node any more");
        let drain = drain_stage(name, node, manner, Removal::default(), &why);
        let mut before_node = vec![drain.id.clone()];
        if let Some(stage) = stage {
            stage.after.push(drain.id.clone());
            before_node.push(removal);
        }
        plan.stages.push(drain);
        plan.stages.push(Stage { id: node_stage(name), after: before_node, steps: vec![delete_node(name, why)] });
    }
}

/// Lets machines that stay keep what others rest on until those do without it. To be called when all else has its order.
pub(super) fn rested_on_goes_last(plan: &mut Plan, design: &Design) {
    for name in rested_on(plan) {
        if design.leaving.iter().all(|leaving| leaving.machine != name) {
            goes_last(plan, &GroupId::on(&name, record::REMOVAL));
        }
    }
}

/// The machines that stop something for good that others rest on.
pub fn rested_on(plan: &Plan) -> Vec<MachineName> {
    let removals = plan.stages.iter().filter(|stage| stage.id.name == record::REMOVAL);
    let stopping = removals.filter(|stage| stops(stage, &[ETCD, KUBE_APISERVER, HAPROXY]));
    let machine = |stage: &Stage| match &stage.id.place {
        Place::Machine(name) => Some(name.clone()),
        Place::Cluster => None,
    };
    stopping.filter_map(machine).collect()
}

fn stops(stage: &Stage, units: &[&str]) -> bool {
    let is_removed =
        |step: &Step| matches!(&step.action, Action::Remove(Entry::Unit { name }) if units.contains(&name.as_str()));
    stage.steps.iter().any(is_removed)
}

/// `why`: that the node goes.
fn drain_stage(machine: &MachineName, node: &NodeSeen, manner: Manner, removal: Removal, why: &str) -> Stage {
    let name = machine.to_string();
    let id = GroupId::in_cluster(format!("drain-{name}"));
    let mut steps = Vec::new();
    if manner != Manner::Forget && node.cordoned != Some(CordonedBy::Others) {
        let reason = match node.cordoned {
            Some(CordonedBy::Hardway) => "an earlier run cordoned it and did not come to its end".to_owned(),
            _ => why.to_owned(),
        };
        let before = GroupId::on(machine, record::REMOVAL);
        let action = Action::Cordon { node: name.clone(), before };
        steps.push(step(format!("Cordon node {name}"), reason, &name, action));
    }
    let drain = Drain {
        node: name.clone(),
        manner,
        grace_period: removal.grace_period_seconds.map(|seconds| Duration::from_secs(seconds.into())),
        limit: Duration::from_secs(removal.timeout_seconds.into()),
    };
    let title = match manner {
        Manner::Forget => format!("Forget the pods of node {name}"),
        Manner::Ask | Manner::Insist => format!("Move the pods of node {name} away"),
    };
    let reason = match (manner, removal.force) {
        (Manner::Forget, true) => format!("{name} does not answer, and cluster.yaml says that it is dead"),
        _ => why.to_owned(),
    };
    let moves = step(title, reason, &name, Action::Drain(drain));
    steps.push(Step { disruption: disruption(&name, node, manner), ..moves });
    Stage { id, after: Vec::new(), steps }
}

fn disruption(name: &str, node: &NodeSeen, manner: Manner) -> Option<String> {
    if node.pods.is_empty() {
        return None;
    }
    let count = node.pods.len();
    let mut pods: Vec<&str> = node.pods.iter().take(NAMED).map(|pod| pod.name.as_str()).collect();
    let others = format!("{} more", count - pods.len());
    if count > pods.len() {
        pods.push(&others);
    }
    let what = match manner {
        Manner::Ask => "end on it and start elsewhere, as their PodDisruptionBudgets allow",
        Manner::Insist => "end on it and start elsewhere, whatever their PodDisruptionBudgets say",
        Manner::Forget => "start elsewhere",
    };
    let plural = if count == 1 { "pod" } else { "pods" };
    Some(format!("{count} {plural} of {name} {what}: {}", pods.join(", ")))
}

/// Adds what lets a node take pods again whose machine was to leave and stays.
pub(super) fn uncordon_who_stays(plan: &mut Plan, design: &Design, sight: &Sight) {
    let withdrawn: BTreeSet<&MachineName> = design.without_kubelet().collect();
    for name in design.by_machine().into_keys().filter(|name| !withdrawn.contains(name)) {
        let Some(NodeSeen { cordoned: Some(CordonedBy::Hardway), .. }) = sight.nodes.get(name.as_str()) else {
            continue;
        };
        let id = GroupId::in_cluster(format!("uncordon-{name}"));
        let reason = format!("a run cordoned it to remove {name}, which stays");
        let uncordon = step(format!("Uncordon node {name}"), reason, name.as_str(), Action::Uncordon(name.to_string()));
        plan.stages.push(Stage { id, after: Vec::new(), steps: vec![uncordon] });
    }
}

/// The machines that have been put in the place of others of the same name, whose nodes are still there.
///
/// Such a machine is known by having no inventory. Its own is written only when the node is deleted, so that a run that
/// was cut off before still finds it so.
fn in_place_of_others(sight: &Sight) -> impl Iterator<Item = &MachineName> {
    let new = sight.machines.iter().filter(|(_, observed)| observed.inventory.is_none());
    new.map(|(name, _)| name).filter(|name| sight.nodes.contains_key(name.as_str()))
}

/// The nodes that this plan deletes and that come again as new ones.
pub(super) fn nodes_to_come_again(sight: &Sight) -> BTreeSet<ResourceId> {
    in_place_of_others(sight).map(|name| node_id(name.as_str())).collect()
}

/// Adds what deletes the nodes that machines of before have left.
pub(super) fn forget_replaced_nodes(plan: &mut Plan, sight: &Sight) {
    for name in in_place_of_others(sight) {
        let first = GroupId::on(name, record::STAGE);
        let Some(stage) = plan.stages.iter_mut().find(|stage| stage.id == first) else { continue };
        let id = node_stage(name);
        stage.after.push(id.clone());
        let reason = || format!("it is of another machine: nothing of hardway's is on this {name}");
        let drain = Drain { node: name.to_string(), manner: Manner::Forget, grace_period: None, limit: Duration::ZERO };
        let title = format!("Forget the pods of node {name}");
        let steps = vec![step(title, reason(), name.as_str(), Action::Drain(drain)), delete_node(name, reason())];
        plan.stages.push(Stage { id, after: Vec::new(), steps });
    }
}

/// Adds what deletes objects that another spec asked for.
pub(super) fn remove_retired_objects(plan: &mut Plan, design: &Design, sight: &Sight) {
    let seen = |object: &&Object| {
        let id = Resource::Object((*object).clone()).id();
        sight.cluster.as_ref().is_some_and(|objects| objects.contains_key(&id))
    };
    let steps: Vec<Step> = design
        .retired
        .iter()
        .filter(seen)
        .map(|object| Step {
            title: format!("Delete {} {}", object.kind(), object.name()),
            reason: "cluster.yaml no longer asks for it".to_owned(),
            resource: Resource::Object(object.clone()).id(),
            change: None,
            disruption: None,
            action: Action::DeleteObject(object.clone()),
        })
        .collect();
    if !steps.is_empty() {
        plan.stages.push(Stage { id: GroupId::in_cluster("retired-objects"), after: Vec::new(), steps });
    }
}

fn node_stage(name: &MachineName) -> GroupId {
    GroupId::in_cluster(format!("node-{name}"))
}

fn delete_node(name: &MachineName, reason: String) -> Step {
    let value = json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}});
    step(format!("Delete node {name}"), reason, name.as_str(), Action::DeleteObject(Object { value }))
}

fn step(title: String, reason: String, node: &str, action: Action) -> Step {
    Step { title, reason, resource: node_id(node), change: None, disruption: None, action }
}

fn node_id(name: &str) -> ResourceId {
    ResourceId(format!("object:v1/Node//{name}"))
}
