//! One machine at a time, behind health gates.

use std::collections::{BTreeMap, BTreeSet};

use hardway_design::GroupId;
use hardway_plan::{Action, Plan, Sight, plan};
use hardway_spec::{Cluster, MachineName};

use crate::example::{CLUSTER, Example, make_stale, plan_between, stop, tamper};

const ETCD: &str = "etcd.service";
const API: &str = "kube-apiserver.service";

fn planned(example: &Example, sight: &Sight) -> Plan {
    plan(CLUSTER, &example.design(), sight).unwrap()
}

fn id(machine: &str, group: &str) -> GroupId {
    GroupId::on(&MachineName::from(machine), group)
}

/// Every stage that is done before `of` begins.
fn before(plan: &Plan, of: &GroupId) -> BTreeSet<GroupId> {
    let after: BTreeMap<_, _> = plan.stages.iter().map(|stage| (&stage.id, &stage.after)).collect();
    let mut found = BTreeSet::new();
    let mut open = vec![of.clone()];
    while let Some(next) = open.pop() {
        for earlier in after.get(&next).into_iter().flat_map(|after| after.iter()) {
            if found.insert(earlier.clone()) {
                open.push(earlier.clone());
            }
        }
    }
    found
}

fn has_no_circle(plan: &Plan) -> bool {
    plan.stages.iter().all(|stage| !before(plan, &stage.id).contains(&stage.id))
}

/// Whether of every two of these stages one waits for the other.
fn in_a_row(plan: &Plan, stages: &[GroupId]) -> bool {
    stages.iter().all(|one| {
        let earlier = before(plan, one);
        stages.iter().all(|other| one == other || earlier.contains(other) || before(plan, other).contains(one))
    })
}

fn restarts(plan: &Plan, unit: &str) -> Vec<GroupId> {
    let restarts = |action: &Action| matches!(action, Action::RestartUnit { unit: name, .. } if name == unit);
    let stages = plan.stages.iter().filter(|stage| stage.steps.iter().any(|step| restarts(&step.action)));
    stages.map(|stage| stage.id.clone()).collect()
}

#[test]
fn api_servers_restart_one_after_another() {
    let before = Example::large();
    let after = before.changed(|cluster| cluster.spec.control_plane.node = false);
    let plan = plan_between(&before, &after).unwrap();
    let stages = restarts(&plan, API);
    assert_eq!(stages, ["cp1", "cp2", "cp3"].map(|machine| id(machine, "kube-apiserver")));
    assert!(in_a_row(&plan, &stages));
    assert!(has_no_circle(&plan));
}

#[test]
fn the_gate_is_the_unit_being_ready_again() {
    let before = Example::large();
    let after = before.changed(|cluster| cluster.spec.control_plane.node = false);
    let plan = plan_between(&before, &after).unwrap();
    let stage = plan.stages.iter().find(|stage| stage.id == id("cp1", "kube-apiserver")).unwrap();
    let ready = stage.steps.iter().find_map(|step| match &step.action {
        Action::RestartUnit { unit, ready, .. } if unit == API => ready.as_ref(),
        _ => None,
    });
    assert!(ready.unwrap().check.contains("/readyz"), "the stage ends when the API server answers");
}

#[test]
fn a_first_bring_up_is_as_parallel_as_the_design() {
    let example = Example::large();
    let design = example.design();
    let mut sight = example.applied();
    sight.machines.values_mut().for_each(|observed| *observed = Default::default());
    (sight.cluster, sight.nodes) = (None, Default::default());
    let plan = planned(&example, &sight);
    for stage in plan.stages.iter().filter(|stage| stage.id.name != "inventory") {
        let group = design.groups.iter().find(|group| group.id == stage.id).unwrap();
        let own = stage.after.iter().filter(|id| id.name != "inventory");
        assert!(own.clone().all(|id| group.after.contains(id)), "{} waits for more than its group", stage.id);
    }
    assert!(!plan.is_empty());
}

#[test]
fn what_is_down_comes_up_before_what_runs_restarts() {
    let example = Example::large();
    for unit in [ETCD, API] {
        let mut sight = example.applied();
        stop(&mut sight, "cp3", unit);
        make_stale(&mut sight, "cp1", unit);
        make_stale(&mut sight, "cp2", unit);
        let plan = planned(&example, &sight);
        let group = unit.strip_suffix(".service").unwrap();
        for machine in ["cp1", "cp2"] {
            assert!(before(&plan, &id(machine, group)).contains(&id("cp3", group)), "{unit} on {machine}");
        }
        assert!(in_a_row(&plan, &restarts(&plan, unit)), "{unit}");
    }
}

#[test]
fn an_etcd_without_a_quorum_is_not_waited_for() {
    let example = Example::large();
    let mut sight = example.applied();
    stop(&mut sight, "cp2", ETCD);
    stop(&mut sight, "cp3", ETCD);
    make_stale(&mut sight, "cp1", ETCD);
    let plan = planned(&example, &sight);
    for machine in ["cp1", "cp2", "cp3"] {
        let own = id(machine, "etcd");
        let etcd = before(&plan, &own).into_iter().filter(|stage| stage.name == "etcd");
        assert_eq!(etcd.collect::<Vec<_>>(), [], "{own}");
    }
}

#[test]
fn members_that_would_not_trust_each_other_restart_together() {
    let example = Example::large();
    let mut sight = example.applied();
    for machine in ["cp1", "cp2", "cp3"] {
        tamper(&mut sight, machine, "/etc/etcd/pki/ca.pem");
        make_stale(&mut sight, machine, ETCD);
    }
    let plan = planned(&example, &sight);
    assert_eq!(restarts(&plan, ETCD).len(), 3);
    assert!(before(&plan, &id("cp2", "etcd")).iter().all(|stage| stage.name != "etcd"));

    // A single one that was tampered with joins the others as they are.
    let mut sight = example.applied();
    tamper(&mut sight, "cp2", "/etc/etcd/pki/ca.pem");
    ["cp1", "cp2", "cp3"].iter().for_each(|machine| make_stale(&mut sight, machine, ETCD));
    let plan = planned(&example, &sight);
    assert!(in_a_row(&plan, &restarts(&plan, ETCD)));
}

#[test]
fn load_balancers_restart_one_after_another() {
    let example = Example::new(&["lb1 load-balancer", "lb2 load-balancer", "cp1 control-plane", "w1 worker"]);
    let mut sight = example.applied();
    make_stale(&mut sight, "lb1", "haproxy.service");
    make_stale(&mut sight, "lb2", "haproxy.service");
    let plan = planned(&example, &sight);
    let stages = restarts(&plan, "haproxy.service");
    assert_eq!(stages.len(), 2);
    assert!(in_a_row(&plan, &stages));
}

#[test]
fn a_control_plane_that_becomes_something_else_restarts_no_other() {
    let before_example = Example::large();
    let to_worker = |cluster: &mut Cluster| {
        let machine = cluster.spec.machines.iter_mut().find(|machine| machine.name.as_str() == "cp3").unwrap();
        machine.roles = vec![hardway_spec::Role::Worker];
    };
    let plan = plan_between(&before_example, &before_example.changed(to_worker)).unwrap();
    assert!(plan.stages.iter().any(|stage| stage.id == id("cp3", "removal")));
    assert!(restarts(&plan, API).is_empty(), "each asks its own member");
    assert!(has_no_circle(&plan));
}

const UNITS: [&str; 4] = [ETCD, API, "kube-controller-manager.service", "kube-scheduler.service"];
const MACHINES: [&str; 3] = ["cp1", "cp2", "cp3"];

/// Up to date, stale or down.
fn put(sight: &mut Sight, machine: &str, unit: &str, state: usize) {
    match state {
        0 => {}
        1 => make_stale(sight, machine, unit),
        _ => stop(sight, machine, unit),
    }
}

#[test]
fn no_edge_closes_a_circle_whatever_is_stale_or_down() {
    let example = Example::new(&["cp1 control-plane", "cp2 control-plane", "cp3 control-plane"]);
    let (base, design) = (example.applied(), example.design());
    let mut sights = Vec::new();
    // Every state of two units on three machines, and of whole machines.
    for state in 0..3_usize.pow(6) {
        let mut sight = base.clone();
        let each = [ETCD, API].into_iter().flat_map(|unit| MACHINES.map(|machine| (machine, unit)));
        for (place, (machine, unit)) in each.enumerate() {
            put(&mut sight, machine, unit, state / 3_usize.pow(place as u32) % 3);
        }
        sights.push(sight);
    }
    for state in 0..3_usize.pow(3) {
        let mut sight = base.clone();
        for (place, machine) in MACHINES.into_iter().enumerate() {
            UNITS.iter().for_each(|unit| put(&mut sight, machine, unit, state / 3_usize.pow(place as u32) % 3));
        }
        sights.push(sight);
    }
    for (number, sight) in sights.iter().enumerate() {
        let plan = plan(CLUSTER, &design, sight).unwrap();
        assert!(has_no_circle(&plan), "{number}");
        for unit in UNITS {
            let up = MACHINES.iter().filter(|machine| is_up(sight, machine, unit)).count();
            let kept = unit != ETCD || up > MACHINES.len() / 2;
            assert!(!kept || in_a_row(&plan, &restarts(&plan, unit)), "{number}: {unit}");
        }
    }
}

fn is_up(sight: &Sight, machine: &str, unit: &str) -> bool {
    let id = hardway_design::ResourceId(format!("unit:{unit}"));
    matches!(
        sight.machines[&MachineName::from(machine)].resources.get(&id),
        Some(hardway_design::Observation::Unit(unit)) if unit.is_active()
    )
}
