//! Roles that machines lose, while the machines stay.

use std::collections::BTreeMap;

use hardway_design::{CordonedBy, GroupId, ResourceId};
use hardway_plan::{Action, Entry, Plan, Sight, Stage, held_up, lint, plan, rested_on};
use hardway_spec::{Cluster, MachineName, Role};

use crate::example::{CLUSTER, Example};

fn of<'a>(cluster: &'a mut Cluster, name: &str) -> &'a mut hardway_spec::Machine {
    cluster.spec.machines.iter_mut().find(|machine| machine.name.as_str() == name).unwrap()
}

fn with_role(names: &[&str], role: Role) -> (Example, Sight) {
    let before = Example::large();
    let sight = before.applied();
    let after = before.changed(|cluster| {
        for name in names {
            of(cluster, name).roles = vec![role];
        }
    });
    (after, sight)
}

fn planned(example: &Example, sight: &Sight) -> Plan {
    plan(CLUSTER, &example.design(), sight).unwrap()
}

fn stage<'a>(plan: &'a Plan, id: &str) -> &'a Stage {
    let found = plan.stages.iter().find(|stage| stage.id.to_string() == id);
    found.unwrap_or_else(|| panic!("{id} is not in the plan"))
}

/// Whether `later` begins only when `earlier` is done.
fn waits(plan: &Plan, later: &str, earlier: &GroupId) -> bool {
    let stages: BTreeMap<&GroupId, &Stage> = plan.stages.iter().map(|stage| (&stage.id, stage)).collect();
    let mut open = vec![&stage(plan, later).id];
    let mut seen = Vec::new();
    while let Some(id) = open.pop() {
        if id == earlier {
            return true;
        }
        if !seen.contains(&id) {
            seen.push(id);
            open.extend(stages.get(id).into_iter().flat_map(|stage| &stage.after));
        }
    }
    false
}

fn titles(plan: &Plan, id: &str) -> Vec<String> {
    stage(plan, id).steps.iter().map(|step| step.title.clone()).collect()
}

#[test]
fn a_worker_that_becomes_something_else_is_drained_before_its_kubelet_goes() {
    let (example, sight) = with_role(&["w2"], Role::LoadBalancer);
    let plan = planned(&example, &sight);
    assert_eq!(titles(&plan, "drain-w2@cluster"), ["Cordon node w2", "Move the pods of node w2 away"]);
    assert!(waits(&plan, "removal@w2", &stage(&plan, "drain-w2@cluster").id));
    assert!(waits(&plan, "node-w2@cluster", &stage(&plan, "removal@w2").id));
    assert_eq!(titles(&plan, "node-w2@cluster"), ["Delete node w2"]);
    let removal = stage(&plan, "removal@w2");
    let stops = |step: &hardway_plan::Step| matches!(&step.action, Action::Remove(Entry::Unit { name }) if name == "kubelet.service");
    assert!(removal.steps.iter().any(stops));
    assert!(!removal.steps.iter().any(|step| matches!(step.action, Action::RemoveHardway)));
}

#[test]
fn a_run_that_was_cut_off_is_gone_on_with() {
    let (example, mut sight) = with_role(&["w2"], Role::LoadBalancer);
    sight.nodes.get_mut("w2").unwrap().cordoned = Some(CordonedBy::Hardway);
    assert!(!planned(&example, &sight).stages.iter().any(|stage| stage.id.name == "uncordon-w2"));
    // The kubelet is gone already.
    let inventory = sight.machines.get_mut(&MachineName::from("w2")).unwrap().inventory.as_mut().unwrap();
    *inventory = inventory.replace("kubelet.service", "other.service");
    let plan = planned(&example, &sight);
    assert_eq!(titles(&plan, "drain-w2@cluster"), ["Forget the pods of node w2"]);
    assert_eq!(titles(&plan, "node-w2@cluster"), ["Delete node w2"]);
}

#[test]
fn pods_are_not_left_behind_where_the_api_does_not_answer() {
    let (example, mut sight) = with_role(&["w2"], Role::LoadBalancer);
    (sight.cluster, sight.nodes) = (None, BTreeMap::new());
    let held = held_up(CLUSTER, &example.design(), &sight).unwrap();
    assert_eq!(held[0].machines, ["w2".into()].into());
}

#[test]
fn a_control_plane_that_becomes_a_worker_leaves_etcd_when_all_else_is_done() {
    let (example, sight) = with_role(&["cp2", "cp3"], Role::Worker);
    let plan = planned(&example, &sight);
    let leave = stage(&plan, "etcd-leave@cp1");
    assert_eq!(titles(&plan, "etcd-leave@cp1"), ["Remove cp2 from etcd's members", "Remove cp3 from etcd's members"]);
    let reload = plan.stages.iter().find(|stage| {
        let reloads = |action: &Action| matches!(action, Action::ReloadUnit { unit, .. } if unit == "haproxy.service");
        stage.steps.iter().any(|step| reloads(&step.action))
    });
    for removal in ["removal@cp2", "removal@cp3"] {
        assert!(waits(&plan, &leave.id.to_string(), &stage(&plan, removal).id), "{removal}");
        assert!(waits(&plan, removal, &reload.unwrap().id), "{removal}");
        let (first, rest) = (titles(&plan, removal), titles(&plan, &removal.replace('@', "-of-etcd@")));
        assert!(first.contains(&"Stop and disable kube-apiserver.service".to_owned()), "{first:?}");
        assert!(rest[0] == "Stop and disable etcd.service", "{rest:?}");
        assert!(waits(&plan, &removal.replace('@', "-of-etcd@"), &leave.id), "{removal}");
    }
    assert!(!plan.stages.iter().any(|stage| stage.id.name.starts_with("drain-")));
    let machines: Vec<MachineName> = rested_on(&plan);
    assert_eq!(machines, ["cp2".into(), "cp3".into()]);
    let rules: Vec<_> = lint(CLUSTER, &example.design(), &sight, &plan).unwrap();
    assert!(rules.iter().all(|finding| !finding.rule.starts_with("etcd")), "{rules:?}");
}

#[test]
fn one_that_never_was_a_member_is_not_waited_for() {
    let (example, mut sight) = with_role(&[], Role::Worker);
    for machine in ["w1", "w2", "lb"] {
        sight.machines.remove(&MachineName::from(machine));
    }
    for observed in sight.machines.values_mut() {
        observed.resources.remove(&ResourceId("etcd-member".to_owned()));
    }
    let plan = planned(&example, &sight);
    let founds = |step: &hardway_plan::Step| step.title == "Let etcd's first start found the cluster";
    assert!(plan.stages.iter().flat_map(|stage| &stage.steps).any(founds));
}
