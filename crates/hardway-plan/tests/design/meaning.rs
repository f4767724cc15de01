//! What steps say that the operator would notice.

use hardway_plan::{Sight, plan};

use crate::example::{CLUSTER, Example, make_stale, plan_between, stop};

fn disruptions(example: &Example, sight: &Sight) -> Vec<String> {
    let plan = plan(CLUSTER, &example.design(), sight).unwrap();
    plan.stages.iter().flat_map(|stage| &stage.steps).filter_map(|step| step.disruption.clone()).collect()
}

fn restarting(example: &Example, machine: &str, unit: &str) -> Vec<String> {
    let mut sight = example.applied();
    make_stale(&mut sight, machine, unit);
    disruptions(example, &sight)
}

#[test]
fn the_only_control_plane_takes_the_api_away() {
    let example = Example::small();
    let said = |unit| restarting(&example, "cp1", unit);
    assert_eq!(
        said("kube-apiserver.service"),
        ["kube-apiserver restarts on cp1: the only control plane, so the API is away for about 2 s"]
    );
    assert_eq!(said("etcd.service"), ["etcd restarts on cp1: the only etcd member, so the API is away for about 1 s"]);
    assert_eq!(
        said("kube-controller-manager.service"),
        ["kube-controller-manager restarts on cp1: the only control plane, so no controller acts for about 15 s"]
    );
    assert_eq!(
        said("kube-scheduler.service"),
        ["kube-scheduler restarts on cp1: the only control plane, so new pods get no node for about 2 s"]
    );
    assert_eq!(
        restarting(&example, "lb", "haproxy.service"),
        ["haproxy restarts on lb: the only load balancer, so connections to the API break and new ones are refused \
          for a moment"]
    );
}

#[test]
fn one_of_three_is_not_missed() {
    let example = Example::large();
    assert_eq!(
        restarting(&example, "cp2", "kube-apiserver.service"),
        ["kube-apiserver restarts on cp2: one of three control planes, the others answer meanwhile"]
    );
    assert_eq!(
        restarting(&example, "cp2", "etcd.service"),
        ["etcd restarts on cp2: one of three etcd members, the others keep the quorum meanwhile"]
    );
}

#[test]
fn members_without_a_majority_among_the_others_take_the_api_away() {
    let example = Example::large();
    let mut sight = example.applied();
    make_stale(&mut sight, "cp1", "etcd.service");
    sight.machines.remove(&"cp3".into());
    assert_eq!(
        disruptions(&example, &sight),
        ["etcd restarts on cp1: one of three etcd members, and the others that run are too few to go on, so the API \
          is away for about 1 s"]
    );
}

#[test]
fn others_that_are_down_and_stay_so_do_not_count() {
    let example = Example::large();
    let mut sight = example.applied();
    make_stale(&mut sight, "cp1", "kube-apiserver.service");
    sight.machines.remove(&"cp2".into());
    sight.machines.remove(&"cp3".into());
    assert_eq!(
        disruptions(&example, &sight),
        ["kube-apiserver restarts on cp1: one of three control planes, and none of the others runs, so the API is \
          away for about 2 s"]
    );
    // One that comes up before counts.
    let mut sight = example.applied();
    make_stale(&mut sight, "cp1", "kube-apiserver.service");
    stop(&mut sight, "cp2", "kube-apiserver.service");
    stop(&mut sight, "cp3", "kube-apiserver.service");
    assert_eq!(
        disruptions(&example, &sight),
        ["kube-apiserver restarts on cp1: one of three control planes, the others answer meanwhile"]
    );
}

#[test]
fn a_nodes_own_units_say_what_goes_on() {
    let example = Example::small();
    for (unit, said) in [
        ("kubelet", "running pods go on, none starts or stops meanwhile"),
        ("containerd", "running containers go on, none starts or stops meanwhile"),
        ("kube-proxy", "its rules stay and Services go on, changes to them wait meanwhile"),
    ] {
        assert_eq!(restarting(&example, "w1", &format!("{unit}.service")), [format!("{unit} restarts on w1: {said}")]);
    }
}

#[test]
fn a_start_or_a_reload_is_noticed_by_nobody() {
    let example = Example::small();
    let mut sight = example.applied();
    stop(&mut sight, "cp1", "kube-apiserver.service");
    assert_eq!(disruptions(&example, &sight), [""; 0]);
    let plan = plan_between(&example, &example.changed(|cluster| cluster.spec.endpoint = "other.hardway.test".into()))
        .unwrap();
    let reload = plan.stages.iter().flat_map(|stage| &stage.steps).find(|step| step.title == "Reload haproxy.service");
    assert_eq!(reload.unwrap().disruption, None);
}
