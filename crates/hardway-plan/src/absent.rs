//! What still goes on while machines cannot be reached, and what waits for them.

use std::collections::BTreeSet;

use hardway_design::{Await, Design, GroupId, Resource, Shared};
use hardway_spec::MachineName;

use crate::narrow::keep;
use crate::planner::{downstream, edges};
use crate::{Action, LeftOut, Plan, Step, units};

/// Leaves out what cannot come about without the machines that cannot be reached.
///
/// Where the API answers, the cluster does without them already: only what would be asked about their own nodes goes.
/// Where it does not, what most of them run together is looked at: without a majority of etcd's members, an API server
/// or a load balancer there will be none of it, and all that rests on it would wait in vain.
pub fn without(plan: Plan, design: &Design, absent: &BTreeSet<MachineName>, api_answers: bool) -> (Plan, Vec<LeftOut>) {
    if absent.is_empty() {
        return (plan, Vec::new());
    }
    let lost = if api_answers { BTreeSet::new() } else { downstream(edges(design), cannot_come_about(design, absent)) };
    let plan = about_others(plan, absent);
    let ids = plan.stages.iter().map(|stage| &stage.id);
    let kept: BTreeSet<GroupId> = ids.filter(|id| !lost.contains(id)).cloned().collect();
    keep(&plan, &kept)
}

/// The groups of units that several machines share, where too few of them can be reached.
fn cannot_come_about<'a>(design: &'a Design, absent: &BTreeSet<MachineName>) -> BTreeSet<&'a GroupId> {
    let too_few = |name: &str, shared: &Shared| {
        let machines = units::machines(design, name);
        let reached = machines.iter().filter(|machine| !absent.contains(**machine)).count();
        reached < shared.needs.of(machines.len())
    };
    let shared = units::shared(design).into_iter();
    let lost: BTreeSet<&str> = shared.filter(|(name, shared)| too_few(name, shared)).map(|(name, _)| name).collect();
    let holds_lost =
        |resource: &Resource| matches!(resource, Resource::Unit(unit) if lost.contains(unit.name.as_str()));
    let groups = design.groups.iter().filter(|group| group.resources.iter().any(holds_lost));
    groups.map(|group| &group.id).collect()
}

/// A plan that asks and tells the cluster nothing about these machines' nodes.
fn about_others(mut plan: Plan, absent: &BTreeSet<MachineName>) -> Plan {
    for stage in &mut plan.stages {
        stage.steps.retain(|step| !is_about(step, absent));
    }
    let kept: BTreeSet<GroupId> =
        plan.stages.iter().filter(|stage| !stage.steps.is_empty()).map(|stage| stage.id.clone()).collect();
    keep(&plan, &kept).0
}

fn is_about(step: &Step, absent: &BTreeSet<MachineName>) -> bool {
    let absent = |name: &str| absent.contains(&MachineName::from(name));
    match &step.action {
        Action::WaitInCluster(Await::NodeReady(node)) => absent(node),
        // Its pods may be on their nodes, or be meant for them.
        Action::WaitInCluster(Await::RolledOut { .. }) => true,
        Action::ApplyObject(object) => object.kind() == "Node" && absent(object.name()),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use hardway_design::{Disruption, Group, Needs, Object, Unit};
    use serde_json::json;

    use super::*;
    use crate::{Sight, plan};

    fn id(text: &str) -> GroupId {
        match text.split_once('@').unwrap() {
            (name, "cluster") => GroupId::in_cluster(name),
            (name, machine) => GroupId::on(&MachineName::from(machine), name),
        }
    }

    fn group(name: &str, after: &[&str], resources: Vec<Resource>) -> Group {
        Group { id: id(name), after: after.iter().map(|name| id(name)).collect(), resources }
    }

    fn unit(name: &str, shared: Option<Disruption>) -> Resource {
        Resource::Unit(Unit {
            name: name.to_owned(),
            restart_on: Vec::new(),
            reload_on: Vec::new(),
            ready: None,
            disruption: shared,
        })
    }

    fn shared(role: &'static str, needs: Needs) -> Option<Disruption> {
        Some(Disruption::Shared(Shared { role, needs, among_others: "", alone: "", agreement: None }))
    }

    /// Three members of etcd with API servers, and two workers.
    fn design() -> Design {
        let planes = ["cp1", "cp2", "cp3"];
        let mut groups = Vec::new();
        for plane in planes {
            groups.push(group(
                &format!("etcd@{plane}"),
                &[],
                vec![unit("etcd.service", shared("etcd member", Needs::Majority))],
            ));
            let after = planes.map(|plane| format!("etcd@{plane}"));
            let after: Vec<&str> = after.iter().map(String::as_str).collect();
            groups.push(group(
                &format!("api@{plane}"),
                &after,
                vec![unit("kube-apiserver.service", shared("control plane", Needs::One))],
            ));
        }
        let node = |name: &str| Resource::Await(Await::NodeReady(name.to_owned()));
        let label = |name: &str| {
            let value = json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}});
            Resource::Object(Object { value })
        };
        let rolled_out = Resource::Await(Await::RolledOut {
            kind: "DaemonSet".to_owned(),
            namespace: "kube-system".to_owned(),
            name: "net".to_owned(),
        });
        let binding =
            json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "r"}});
        groups.push(group(
            "rbac@cluster",
            &["api@cp1", "api@cp2", "api@cp3"],
            vec![Resource::Object(Object { value: binding })],
        ));
        for worker in ["w1", "w2"] {
            groups.push(group(&format!("copy@{worker}"), &[], vec![unit("containerd.service", None)]));
            let after = format!("copy@{worker}");
            groups.push(group(
                &format!("kubelet@{worker}"),
                &[&after, "rbac@cluster"],
                vec![unit("kubelet.service", None)],
            ));
        }
        let nodes = vec![node("w1"), node("w2"), label("w2"), rolled_out];
        groups.push(group("nodes@cluster", &["kubelet@w1", "kubelet@w2"], nodes));
        Design { groups, ..Design::default() }
    }

    /// What is left of the first plan, as stages and titles, and what waits.
    fn planned(absent: &[&str], api_answers: bool) -> (BTreeSet<String>, Vec<String>, Vec<String>) {
        let design = design();
        let absent: BTreeSet<MachineName> = absent.iter().map(|name| MachineName::from(*name)).collect();
        let machines = ["cp1", "cp2", "cp3", "w1", "w2"].map(MachineName::from);
        let seen = machines.into_iter().filter(|name| !absent.contains(name)).map(|name| (name, Default::default()));
        let sight = Sight { machines: seen.collect(), ..Sight::default() };
        let plan = plan("c", &design, &sight).unwrap();
        let (plan, waiting) = without(plan, &design, &absent, api_answers);
        let stages = plan.stages.iter().filter(|stage| stage.id.name != "inventory").map(|stage| stage.id.to_string());
        let titles = plan.stages.iter().filter(|stage| stage.id == id("nodes@cluster")).flat_map(|stage| &stage.steps);
        let waiting = waiting.iter().map(|left| left.place.to_string());
        (stages.collect(), titles.map(|step| step.title.clone()).collect(), waiting.collect())
    }

    #[test]
    fn a_worker_that_is_away_holds_nothing_up() {
        let (stages, nodes, waiting) = planned(&["w2"], false);
        assert!(stages.contains("kubelet@w1") && stages.contains("api@cp1"), "{stages:?}");
        assert_eq!(nodes, ["Wait until node w1 is Ready"]);
        assert!(waiting.is_empty());
    }

    #[test]
    fn a_majority_of_etcd_is_enough_to_begin_with() {
        let (stages, _, waiting) = planned(&["cp2"], false);
        assert!(stages.contains("etcd@cp1") && stages.contains("rbac@cluster") && stages.contains("kubelet@w1"));
        assert!(waiting.is_empty());
    }

    #[test]
    fn without_a_majority_of_etcd_only_what_does_not_need_it_is_done() {
        let (stages, _, waiting) = planned(&["cp2", "cp3"], false);
        assert_eq!(stages, ["copy@w1", "copy@w2"].map(ToOwned::to_owned).into());
        assert_eq!(waiting, ["cp1", "cluster", "w1", "w2"].map(ToOwned::to_owned).to_vec());
    }

    #[test]
    fn a_cluster_that_answers_needs_nobody_who_is_away() {
        let (stages, _, waiting) = planned(&["cp2", "cp3"], true);
        assert!(stages.contains("etcd@cp1") && stages.contains("kubelet@w1"), "{stages:?}");
        assert!(waiting.is_empty());
    }
}
