//! Machines that leave, dead ones, and machines that are put in the place of others.

use hardway_design::{BudgetSeen, CordonedBy, GroupId, Manner, NodeSeen, Observed, PodSeen};
use hardway_plan::{Action, Entry, Plan, Selection, Sight, departed, held_up, lint, narrow, plan, strangers};
use hardway_spec::{MachineName, Removal};

use crate::example::{CLUSTER, Example};

fn leaving(removal: Removal) -> (Example, Sight) {
    let before = Example::large();
    let sight = before.applied();
    (before.changed(|cluster| of(cluster, "w2").removed = Some(removal)), sight)
}

fn of<'a>(cluster: &'a mut hardway_spec::Cluster, name: &str) -> &'a mut hardway_spec::Machine {
    cluster.spec.machines.iter_mut().find(|machine| machine.name.as_str() == name).unwrap()
}

fn w2() -> MachineName {
    "w2".into()
}

fn force() -> Removal {
    Removal { force: true, ..Removal::default() }
}

fn planned(example: &Example, sight: &Sight) -> Plan {
    plan(CLUSTER, &example.design(), sight).unwrap()
}

/// The stages about `w2`, each with its edges and what it does.
fn about_w2(plan: &Plan) -> Vec<String> {
    let stages = plan.stages.iter().filter(|stage| stage.belongs_to() == hardway_design::Place::Machine(w2()));
    let line = |stage: &hardway_plan::Stage| {
        let after: Vec<String> = stage.after.iter().map(ToString::to_string).collect();
        let mut titles: Vec<&str> = stage.steps.iter().map(|step| step.title.as_str()).collect();
        if titles.len() > 3 {
            titles = vec!["…", titles[titles.len() - 1]];
        }
        format!("{} after [{}]: {}", stage.id, after.join(" "), titles.join(", "))
    };
    stages.map(line).collect()
}

#[test]
fn a_worker_is_drained_then_cleaned_then_forgotten() {
    let (example, sight) = leaving(Removal::default());
    let plan = planned(&example, &sight);
    assert_eq!(
        about_w2(&plan),
        [
            "drain-w2@cluster after []: Cordon node w2, Move the pods of node w2 away",
            "removal@w2 after [drain-w2@cluster]: …, Remove hardway's own folders",
            "node-w2@cluster after [drain-w2@cluster removal@w2 removed-machines@cluster]: Delete node w2",
        ]
    );
    // The others lose its name, and nothing restarts for it.
    for stage in plan.stages.iter().filter(|stage| stage.belongs_to() != hardway_design::Place::Machine(w2())) {
        for step in stage.steps.iter().filter(|step| !step.action.only_waits()) {
            let expected = matches!(step.action, Action::WriteHosts(_) | Action::ApplyObject(_));
            assert!(expected, "{}: {}", stage.id, step.title);
        }
    }
}

#[test]
fn everything_of_the_inventory_goes() {
    let (example, sight) = leaving(Removal::default());
    let plan = planned(&example, &sight);
    let inventory: serde_json::Value =
        serde_json::from_str(sight.machines[&w2()].inventory.as_deref().unwrap()).unwrap();
    let removal = plan.stages.iter().find(|stage| stage.id == GroupId::on(&w2(), "removal")).unwrap();
    let removed = removal.steps.iter().map(|step| match &step.action {
        Action::Remove(_) => 1,
        Action::RemovePackages(names) => names.len(),
        _ => 0,
    });
    assert_eq!(removed.sum::<usize>(), inventory["entries"].as_array().unwrap().len());
    assert!(
        removal
            .steps
            .iter()
            .any(|step| matches!(&step.action, Action::Remove(Entry::Unit { name }) if name == "kubelet.service"))
    );
}

#[test]
fn a_machine_that_has_left_needs_nothing_more() {
    let (example, mut sight) = leaving(Removal::default());
    sight.machines.insert(w2(), Observed::default());
    sight.nodes.remove("w2");
    assert_eq!(about_w2(&planned(&example, &sight)), [""; 0]);
    assert_eq!(departed(&example.design(), &sight), (vec![&w2()], Vec::new()));
}

#[test]
fn a_dead_machine_is_forgotten_without_asking_it() {
    let (example, mut sight) = leaving(force());
    sight.machines.remove(&w2());
    let plan = planned(&example, &sight);
    assert_eq!(
        about_w2(&plan),
        [
            "drain-w2@cluster after []: Forget the pods of node w2",
            "node-w2@cluster after [drain-w2@cluster removed-machines@cluster]: Delete node w2",
        ]
    );
    assert_eq!(departed(&example.design(), &sight), (Vec::new(), vec![&w2()]));
}

#[test]
fn a_dead_machine_that_comes_back_is_cleaned() {
    let (example, mut sight) = leaving(force());
    sight.nodes.remove("w2");
    let plan = planned(&example, &sight);
    assert_eq!(about_w2(&plan), ["removal@w2 after []: …, Remove hardway's own folders"]);
}

#[test]
fn a_machine_that_does_not_answer_is_not_taken_for_dead() {
    let (example, mut sight) = leaving(Removal::default());
    sight.machines.remove(&w2());
    assert_eq!(about_w2(&planned(&example, &sight)), [""; 0]);
}

#[test]
fn pods_are_not_left_behind_where_the_api_does_not_answer() {
    let (example, mut sight) = leaving(Removal::default());
    (sight.cluster, sight.nodes) = (None, Default::default());
    assert_eq!(about_w2(&planned(&example, &sight)), [""; 0]);
    let held = held_up(CLUSTER, &example.design(), &sight).unwrap();
    assert!(held[0].machines.contains(&w2()) && held[0].help.contains("removed: {force: true}"), "{held:?}");
    let (forced, _) = leaving(force());
    assert_eq!(about_w2(&planned(&forced, &sight)).len(), 1);
    assert!(held_up(CLUSTER, &forced.design(), &sight).unwrap().is_empty());
}

#[test]
fn a_control_plane_goes_when_all_others_do_without_it() {
    let before = Example::large();
    let sight = before.applied();
    let after = before.changed(|cluster| {
        for name in ["cp2", "cp3"] {
            of(cluster, name).removed = Some(Removal::default());
        }
    });
    let plan = planned(&after, &sight);
    let removal = plan.stages.iter().find(|stage| stage.id == GroupId::on(&"cp3".into(), "removal")).unwrap();
    let reload = plan.stages.iter().find(|stage| {
        stage
            .steps
            .iter()
            .any(|step| matches!(&step.action, Action::ReloadUnit { unit, .. } if unit == "haproxy.service"))
    });
    assert!(removal.after.contains(&reload.unwrap().id), "{:?}", removal.after);
}

#[test]
fn how_pods_end_is_as_the_spec_says() {
    let drain = |removal: Removal| {
        let (example, sight) = leaving(removal);
        let plan = planned(&example, &sight);
        let steps = plan.stages.into_iter().flat_map(|stage| stage.steps);
        let mut drains = steps.filter_map(|step| match step.action {
            Action::Drain(drain) => {
                Some((drain.manner, drain.limit.as_secs(), drain.grace_period.map(|g| g.as_secs())))
            }
            _ => None,
        });
        drains.next().unwrap()
    };
    assert_eq!(drain(Removal::default()), (Manner::Ask, 300, None));
    assert_eq!(drain(force()), (Manner::Insist, 300, None));
    let hurried = Removal { force: false, timeout_seconds: 20, grace_period_seconds: Some(3) };
    assert_eq!(drain(hurried), (Manner::Ask, 20, Some(3)));
}

#[test]
fn a_narrowed_plan_takes_a_machine_away_whole_or_not_at_all() {
    let (example, sight) = leaving(Removal::default());
    let narrowed = |name: &str| {
        let selection = Selection::new(&example.cluster, &[name.to_owned()], &[]).unwrap();
        about_w2(&narrow(planned(&example, &sight), &selection).0).len()
    };
    assert_eq!((narrowed("w2"), narrowed("cluster"), narrowed("w1")), (3, 0, 0));
}

#[test]
fn a_node_that_somebody_else_cordoned_is_not_cordoned_again() {
    let (example, mut sight) = leaving(Removal::default());
    for (by, expected) in [(CordonedBy::Others, false), (CordonedBy::Hardway, true)] {
        sight.nodes.get_mut("w2").unwrap().cordoned = Some(by);
        assert_eq!(about_w2(&planned(&example, &sight))[0].contains("Cordon"), expected);
    }
}

#[test]
fn a_node_that_was_cordoned_to_leave_and_stays_takes_pods_again() {
    let example = Example::large();
    let mut sight = example.applied();
    sight.nodes.get_mut("w2").unwrap().cordoned = Some(CordonedBy::Others);
    assert!(planned(&example, &sight).is_empty());
    sight.nodes.get_mut("w2").unwrap().cordoned = Some(CordonedBy::Hardway);
    assert_eq!(about_w2(&planned(&example, &sight)), ["uncordon-w2@cluster after []: Uncordon node w2"]);
}

#[test]
fn the_node_of_a_machine_that_was_replaced_is_deleted_before_anything_is_done_to_the_new_one() {
    let example = Example::large();
    let mut sight = example.applied();
    sight.machines.insert(w2(), Observed::default());
    let plan = planned(&example, &sight);
    let node = plan.stages.iter().find(|stage| stage.id.to_string() == "node-w2@cluster").unwrap();
    assert_eq!(node.steps.last().unwrap().title, "Delete node w2");
    let first = plan.stages.iter().find(|stage| stage.id == GroupId::on(&w2(), "inventory")).unwrap();
    assert_eq!(first.after, std::slice::from_ref(&node.id));
    let kubelet = plan.stages.iter().find(|stage| stage.id == GroupId::on(&w2(), "kubelet")).unwrap();
    assert!(kubelet.after.contains(&first.id));
}

#[test]
fn the_node_of_a_new_machine_gets_what_the_old_one_had() {
    let example = Example::large();
    let mut sight = example.applied();
    sight.machines.insert("cp3".into(), Observed::default());
    let plan = planned(&example, &sight);
    let nodes = plan.stages.iter().find(|stage| stage.id == GroupId::in_cluster("nodes")).unwrap();
    let applied: Vec<&str> =
        nodes.steps.iter().map(|step| step.title.as_str()).filter(|title| title.starts_with("Apply")).collect();
    assert_eq!(applied, ["Apply Node cp3"]);
}

#[test]
fn the_policy_goes_with_the_last_entry_of_a_removed_machine() {
    let (example, mut sight) = leaving(Removal::default());
    let removed: Vec<_> = example.design().in_cluster().flat_map(|group| group.resources.clone()).collect();
    let seen = sight.cluster.as_mut().unwrap();
    for resource in removed.iter().filter(|resource| resource.id().0.contains("hardway-removed-machines")) {
        let observation = hardway_design::Observation::Object { live: 1.into(), dry_run: 1.into() };
        seen.insert(resource.id(), observation);
    }
    sight.machines.remove(&w2());
    sight.nodes.remove("w2");
    let after = example.changed(|cluster| cluster.spec.machines.retain(|machine| machine.name != w2()));
    let plan = planned(&after, &sight);
    let titles: Vec<&str> = plan
        .stages
        .iter()
        .flat_map(|stage| &stage.steps)
        .filter(|step| matches!(step.action, Action::DeleteObject(_)))
        .map(|step| step.title.as_str())
        .collect();
    let expected = ["ValidatingAdmissionPolicyBinding", "ValidatingAdmissionPolicy"];
    assert_eq!(titles, expected.map(|kind| format!("Delete {kind} hardway-removed-machines")));
}

#[test]
fn a_node_that_the_spec_does_not_list_is_a_stranger() {
    let (example, mut sight) = leaving(Removal::default());
    sight.nodes.insert("w9".to_owned(), NodeSeen::default());
    assert_eq!(strangers(&example.cluster, &sight), ["w9"]);
}

fn pod(name: &str, is_replaced: bool, budgets: &[(&str, i32)]) -> PodSeen {
    let budgets = budgets.iter().map(|(name, allowed)| BudgetSeen { name: (*name).to_owned(), allowed: *allowed });
    PodSeen { name: name.to_owned(), is_replaced, budgets: budgets.collect() }
}

fn findings(removal: Removal) -> Vec<String> {
    let (example, mut sight) = leaving(removal);
    sight.nodes.get_mut("w2").unwrap().pods = vec![
        pod("a/free", true, &[("loose", 1)]),
        pod("a/held", true, &[("tight", 0)]),
        pod("a/twice", true, &[("loose", 1), ("other", 1)]),
        pod("a/alone", false, &[]),
    ];
    let design = example.design();
    let found = lint(CLUSTER, &design, &sight, &planned(&example, &sight)).unwrap();
    found.iter().map(|finding| format!("{}: {}", finding.rule, finding.harm)).collect()
}

#[test]
fn pods_that_may_not_leave_are_named_before_anything_starts() {
    assert_eq!(
        findings(Removal::default()),
        [
            "disruption-budget: a/twice may not leave w2 now, by PodDisruptionBudget a/loose and a/other",
            "disruption-budget: a/held may not leave w2 now, by PodDisruptionBudget a/tight",
            "unmanaged-pods: no controller would start a/alone again elsewhere",
        ]
    );
}

#[test]
fn who_forces_is_not_held_up_by_pods() {
    assert_eq!(findings(force()), [""; 0]);
}

#[test]
fn an_address_that_leads_to_another_machine_of_the_cluster_is_refused() {
    let example = Example::large();
    let mut sight = example.applied();
    let other = sight.machines[&w2()].inventory.clone();
    sight.machines.get_mut(&"w1".into()).unwrap().inventory = other;
    let error = plan(CLUSTER, &example.design(), &sight).unwrap_err();
    assert!(error.to_string().starts_with("the machine at w1's address is w2; "), "{error}");
}
