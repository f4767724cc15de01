//! etcd's members come and go: what is planned for what is seen of them.

use std::fmt::Write as _;

use hardway_design::{EtcdCall, EtcdChange, EtcdMemberObservation, GroupId, Observation, ResourceId, SeenEtcdMember};
use hardway_plan::{Action, Plan, Sight, lint, plan};
use hardway_spec::{Cluster, MachineName};

use crate::example::{CLUSTER, Example, stop};

const MEMBER: &str = "etcd-member";

fn member<'a>(sight: &'a mut Sight, machine: &str) -> &'a mut EtcdMemberObservation {
    let observed = sight.machines.get_mut(&MachineName::from(machine)).unwrap();
    let seen = observed
        .resources
        .entry(ResourceId(MEMBER.to_owned()))
        .or_insert_with(|| Observation::EtcdMember(EtcdMemberObservation::default()));
    match seen {
        Observation::EtcdMember(seen) => seen,
        other => panic!("{other:?}"),
    }
}

/// What all members of `machines` say of each other.
fn listed(example: &Example, machines: &[&str]) -> Vec<SeenEtcdMember> {
    let address = |name: &str| example.cluster.machine(name).unwrap().address;
    let member = |name: &&str| SeenEtcdMember {
        name: (*name).to_owned(),
        peer_urls: vec![format!("https://{}:2380", address(name))],
        is_learner: false,
    };
    machines.iter().map(member).collect()
}

/// The cluster of `before`, seen for a plan of `after`; machines that are new are bare.
fn seen(before: &Example, after: &Example) -> Sight {
    let mut sight = before.applied();
    for machine in &after.cluster.spec.machines {
        sight.machines.entry(machine.name.clone()).or_default();
    }
    sight
}

/// As if the disk below etcd were a new one.
pub(crate) fn lose_data(sight: &mut Sight, machine: &str) {
    let seen = member(sight, machine);
    (seen.has_data, seen.members) = (false, Vec::new());
    stop(sight, machine, "etcd.service");
}

pub(crate) fn nobody_answers(sight: &mut Sight) {
    for observed in sight.machines.values_mut() {
        if let Some(Observation::EtcdMember(seen)) = observed.resources.get_mut(&ResourceId(MEMBER.to_owned())) {
            seen.members.clear();
        }
    }
}

fn leaves(cluster: &mut Cluster, name: &str) {
    let machine = cluster.spec.machines.iter_mut().find(|machine| machine.name.as_str() == name).unwrap();
    machine.removed = Some(Default::default());
}

fn planned(example: &Example, sight: &Sight) -> Plan {
    plan(CLUSTER, &example.design(), sight).unwrap()
}

/// What is done about the members and their units, a line for each step, in an order that the plan's edges demand.
pub(crate) fn script(plan: &Plan) -> String {
    let mut text = String::new();
    let mut open: Vec<_> = plan.stages.iter().collect();
    while !open.is_empty() {
        let next = open.iter().position(|stage| {
            let waits = |id: &GroupId| open.iter().any(|other| other.id == *id);
            !stage.after.iter().any(waits)
        });
        let stage = open.remove(next.expect("the edges lead in no circle"));
        for step in &stage.steps {
            let about_etcd = match &step.action {
                Action::ChangeEtcd(_) => true,
                Action::StartUnit { unit, .. } | Action::RestartUnit { unit, .. } => unit == "etcd.service",
                _ => false,
            };
            if about_etcd {
                let meaning = step.disruption.as_ref().map(|text| format!(" -- {text}")).unwrap_or_default();
                writeln!(text, "{}: {}{meaning}", stage.id, step.title).unwrap();
            }
        }
    }
    text
}

fn found(example: &Example, sight: &Sight) -> Vec<String> {
    let plan = planned(example, sight);
    let findings = lint(CLUSTER, &example.design(), sight, &plan).unwrap();
    findings.iter().map(|finding| format!("{}: {}", finding.rule, finding.harm)).collect()
}

pub(crate) fn waits_for(plan: &Plan, id: &GroupId, earlier: &GroupId) -> bool {
    let stage = plan.stages.iter().find(|stage| stage.id == *id).unwrap_or_else(|| panic!("no {id}"));
    stage.after.iter().any(|after| after == earlier || waits_for(plan, after, earlier))
}

pub(crate) fn on(machine: &str, group: &str) -> GroupId {
    GroupId::on(&MachineName::from(machine), group)
}

fn bare(example: &Example) -> Sight {
    let mut sight = example.applied();
    sight.machines.values_mut().for_each(|observed| *observed = Default::default());
    sight.cluster = None;
    sight
}

#[test]
fn members_that_never_were_found_together() {
    let example = Example::large();
    let plan = planned(&example, &bare(&example));
    assert_eq!(
        script(&plan),
        "etcd@cp1: Let etcd's first start found the cluster\netcd@cp1: Start etcd.service\n\
         etcd@cp2: Let etcd's first start found the cluster\netcd@cp2: Start etcd.service\n\
         etcd@cp3: Let etcd's first start found the cluster\netcd@cp3: Start etcd.service\n"
    );
    for (one, other) in [("cp1", "cp2"), ("cp2", "cp1"), ("cp3", "cp1")] {
        assert!(!waits_for(&plan, &on(one, "etcd"), &on(other, "etcd")), "they start side by side");
    }
}

#[test]
fn a_founding_that_was_cut_off_is_gone_on_with() {
    let example = Example::large();
    let mut sight = bare(&example);
    // cp1 started and waits for the others; cp2's start was only prepared.
    (member(&mut sight, "cp1").has_data, member(&mut sight, "cp1").first_start) = (true, true);
    member(&mut sight, "cp2").first_start = true;
    assert_eq!(
        script(&planned(&example, &sight)),
        "etcd@cp1: Start etcd.service\n\
         etcd@cp2: Let etcd's first start found the cluster\netcd@cp2: Start etcd.service\n\
         etcd@cp3: Let etcd's first start found the cluster\netcd@cp3: Start etcd.service\n"
    );
}

#[test]
fn whoever_missed_the_founding_joins() {
    let example = Example::large();
    let mut sight = example.applied();
    *member(&mut sight, "cp3") = EtcdMemberObservation::default();
    stop(&mut sight, "cp3", "etcd.service");
    let script = script(&planned(&example, &sight));
    assert!(script.starts_with("etcd@cp3: Remove cp3 from etcd's members") && !script.contains("found"), "{script}");
}

fn add(cluster: &mut Cluster, name: &str, address: &str) {
    let mut machine = cluster.machine("cp1").unwrap().clone();
    machine.name = name.into();
    machine.address = address.parse().unwrap();
    machine.removed = None;
    cluster.spec.machines.push(machine);
}

fn grown() -> (Example, Example) {
    let small = Example::small();
    let large = small.changed(|cluster| {
        add(cluster, "cp2", "192.0.2.98");
        add(cluster, "cp3", "192.0.2.99");
    });
    (small, large)
}

const GROWTH: &str = "etcd@cp2: Add cp2 to etcd's members, as a learner\n\
    etcd@cp2: Start etcd.service\n\
    etcd@cp2: Give cp2 its vote in etcd, once it has all data -- etcd has 2 voting members then and survives no loss\n\
    etcd@cp3: Add cp3 to etcd's members, as a learner\n\
    etcd@cp3: Start etcd.service\n\
    etcd@cp3: Give cp3 its vote in etcd, once it has all data -- etcd has 3 voting members then and survives the loss of one\n";

#[test]
fn one_member_becomes_three_one_after_the_other() {
    let (small, large) = grown();
    let sight = seen(&small, &large);
    let plan = planned(&large, &sight);
    assert_eq!(script(&plan), GROWTH);
    for machine in ["cp2", "cp3"] {
        assert!(waits_for(&plan, &on("lb", "haproxy"), &on(machine, "kube-apiserver")), "backends that answer");
        assert!(waits_for(&plan, &on(machine, "kube-apiserver"), &on("cp3", "etcd")));
    }
    assert!(waits_for(&plan, &on("cp1", "kube-apiserver"), &on("lb", "haproxy")), "the old one restarts behind others");
    assert_eq!(found(&large, &sight), [""; 0]);
}

#[test]
fn a_member_is_asked_for_requests_only_when_it_votes() {
    let (small, large) = grown();
    let plan = planned(&large, &seen(&small, &large));
    let stage = plan.stages.iter().find(|stage| stage.id == on("cp2", "etcd")).unwrap();
    let position = |holds: &dyn Fn(&Action) -> bool| stage.steps.iter().position(|step| holds(&step.action));
    let start = position(&|action| matches!(action, Action::StartUnit { ready: None, .. })).unwrap();
    let vote = position(&|action| matches!(action, Action::ChangeEtcd(EtcdChange::Promote(_)))).unwrap();
    let answers = position(&|action| matches!(action, Action::WaitOnMachine(_))).unwrap();
    assert!(start < vote && vote < answers);
    let Action::ChangeEtcd(EtcdChange::Promote(EtcdCall { through, .. })) = &stage.steps[vote].action else {
        panic!("it is promoted")
    };
    assert_eq!(through, &["https://192.0.2.11:2379"], "cp1 alone is a member that can be asked");
}

#[test]
fn a_growth_that_was_cut_off_is_gone_on_with() {
    let (small, large) = grown();
    let learner = |started: bool| SeenEtcdMember {
        name: if started { "cp2".to_owned() } else { String::new() },
        is_learner: true,
        ..listed(&large, &["cp2"]).remove(0)
    };

    // Added, and never started.
    let mut sight = seen(&small, &large);
    member(&mut sight, "cp1").members.push(learner(false));
    member(&mut sight, "cp2").first_start = true;
    assert!(script(&planned(&large, &sight)).starts_with(GROWTH));

    // Started, and never given its vote.
    let mut sight = seen(&small, &large);
    member(&mut sight, "cp1").members.push(learner(true));
    (member(&mut sight, "cp2").has_data, member(&mut sight, "cp2").was_up) = (true, true);
    let script = script(&planned(&large, &sight));
    assert!(!script.contains("Add cp2") && script.contains("Give cp2 its vote"), "{script}");
    assert!(script.find("Give cp2").unwrap() < script.find("Add cp3").unwrap(), "{script}");
}

#[test]
fn a_member_without_its_data_is_replaced_by_one_of_its_name() {
    let example = Example::large();
    let mut sight = example.applied();
    lose_data(&mut sight, "cp1");
    assert_eq!(
        script(&planned(&example, &sight)),
        "etcd@cp1: Remove cp1 from etcd's members -- etcd has 2 voting members then and survives no loss\n\
         etcd@cp1: Add cp1 to etcd's members, as a learner\n\
         etcd@cp1: Start etcd.service\n\
         etcd@cp1: Give cp1 its vote in etcd, once it has all data -- etcd has 3 voting members then and survives the loss of one\n"
    );
    assert_eq!(found(&example, &sight), [""; 0]);
}

#[test]
fn members_that_are_all_down_start_before_a_lost_one_is_replaced() {
    let example = Example::large();
    let mut sight = example.applied();
    lose_data(&mut sight, "cp2");
    for machine in ["cp1", "cp3"] {
        stop(&mut sight, machine, "etcd.service");
    }
    nobody_answers(&mut sight);
    let plan = planned(&example, &sight);
    assert!(waits_for(&plan, &on("cp2", "etcd"), &on("cp1", "etcd")));
    assert!(waits_for(&plan, &on("cp2", "etcd"), &on("cp3", "etcd")));
    assert!(script(&plan).contains("Add cp2 to etcd's members"));
}

#[test]
fn data_that_are_lost_are_never_founded_anew() {
    for (example, lost) in [(Example::small(), &["cp1"][..]), (Example::large(), &["cp1", "cp2"][..])] {
        let mut sight = example.applied();
        lost.iter().for_each(|machine| lose_data(&mut sight, machine));
        nobody_answers(&mut sight);
        let script = script(&planned(&example, &sight));
        assert!(!script.contains("found the cluster") && !script.contains("Add"), "{script}");
        let findings = found(&example, &sight);
        assert!(findings.iter().any(|found| found.starts_with("etcd-members: etcd has been up")), "{findings:?}");
    }
}

#[test]
fn the_first_of_three_leaves_when_nobody_calls_it_any_more() {
    let before =
        Example::new(&["lb load-balancer", "cp1 control-plane", "cp2 control-plane", "cp3 control-plane", "w1 worker"]);
    let after = before.changed(|cluster| {
        leaves(cluster, "cp1");
        leaves(cluster, "cp2");
    });
    let mut sight = seen(&before, &after);
    assert_eq!(
        script(&planned(&after, &sight)),
        "etcd-leave@cp3: Remove cp1 from etcd's members -- etcd has 2 voting members then and survives no loss\n\
         etcd-leave@cp3: Remove cp2 from etcd's members -- etcd has 1 voting member then and survives no loss\n"
    );
    let plan = planned(&after, &sight);
    assert!(waits_for(&plan, &on("cp3", "etcd-leave"), &on("cp3", "kube-apiserver")));
    assert!(waits_for(&plan, &on("cp3", "etcd-leave"), &on("lb", "haproxy")));
    assert!(waits_for(&plan, &on("cp1", "removal-of-etcd"), &on("cp3", "etcd-leave")));
    // Who is left restarts while the others answer; those end before their members do.
    assert!(waits_for(&plan, &on("lb", "haproxy"), &on("cp3", "kube-apiserver")));
    assert!(waits_for(&plan, &on("cp1", "removal"), &on("lb", "haproxy")));
    assert!(waits_for(&plan, &on("cp3", "etcd-leave"), &on("cp1", "removal")));
    assert_eq!(found(&after, &sight), [""; 0]);

    // Once it has left, there is nothing more to do.
    let members = listed(&before, &["cp3"]);
    for machine in ["cp1", "cp2", "cp3"] {
        member(&mut sight, machine).members.clone_from(&members);
    }
    assert_eq!(script(&planned(&after, &sight)), "");
}

#[test]
fn one_that_takes_another_s_place_joins_before_that_one_leaves() {
    let before = Example::small();
    let after = before.changed(|cluster| {
        leaves(cluster, "cp1");
        add(cluster, "cp2", "192.0.2.99");
    });
    let sight = seen(&before, &after);
    assert_eq!(
        script(&planned(&after, &sight)),
        "etcd@cp2: Add cp2 to etcd's members, as a learner\n\
         etcd@cp2: Start etcd.service\n\
         etcd@cp2: Give cp2 its vote in etcd, once it has all data -- etcd has 2 voting members then and survives no loss\n\
         etcd-leave@cp2: Remove cp1 from etcd's members -- etcd has 1 voting member then and survives no loss\n"
    );
}

#[test]
fn the_dead_are_taken_out_before_others_join() {
    let before = Example::large();
    let after = before.changed(|cluster| {
        leaves(cluster, "cp1");
        add(cluster, "cp4", "192.0.2.99");
    });
    let mut sight = seen(&before, &after);
    sight.machines.remove(&MachineName::from("cp1"));
    assert_eq!(
        script(&planned(&after, &sight)),
        "etcd-forget@cp2: Remove cp1 from etcd's members -- etcd has 2 voting members then and survives no loss\n\
         etcd@cp4: Add cp4 to etcd's members, as a learner\n\
         etcd@cp4: Start etcd.service\n\
         etcd@cp4: Give cp4 its vote in etcd, once it has all data -- etcd has 3 voting members then and survives the loss of one\n"
    );
    assert_eq!(found(&after, &sight), [""; 0]);
}

#[test]
fn nobody_joins_as_long_as_etcd_would_refuse() {
    let before = Example::large();
    let after = before.changed(|cluster| {
        add(cluster, "cp4", "192.0.2.98");
        add(cluster, "cp5", "192.0.2.99");
    });
    let mut sight = seen(&before, &after);
    sight.machines.remove(&MachineName::from("cp3"));
    let findings = found(&after, &sight);
    assert_eq!(findings, ["etcd-quorum: cp4 cannot join etcd as long as cp3 does not answer"]);
}

#[test]
fn a_member_that_the_spec_does_not_have_is_left_alone_and_said() {
    let before = Example::large();
    let after = before.changed(|cluster| cluster.spec.machines.retain(|machine| machine.name.as_str() != "cp1"));
    let mut sight = seen(&before, &after);
    sight.machines.remove(&MachineName::from("cp1"));
    assert_eq!(script(&planned(&after, &sight)), "");
    let findings = found(&after, &sight);
    assert!(
        findings.contains(&"etcd-members: etcd still counts on cp1, which the spec does not have".to_owned()),
        "{findings:?}"
    );
}

fn moved(before: &Example, name: &str, address: &str) -> Example {
    before.changed(|cluster| {
        let machine = cluster.spec.machines.iter_mut().find(|machine| machine.name.as_str() == name).unwrap();
        machine.address = address.parse().unwrap();
    })
}

#[test]
fn members_learn_of_another_address_before_it_is_used() {
    let before = Example::large();
    let after = moved(&moved(&before, "cp2", "192.0.2.98"), "cp3", "192.0.2.99");
    let sight = before.applied();
    assert_eq!(
        script(&planned(&after, &sight)),
        "etcd@cp2: Tell etcd's members that cp2 is at https://192.0.2.98:2380\n\
         etcd@cp2: Restart etcd.service -- etcd restarts on cp2: one of three etcd members, the others keep the quorum meanwhile\n\
         etcd@cp3: Tell etcd's members that cp3 is at https://192.0.2.99:2380\n\
         etcd@cp3: Restart etcd.service -- etcd restarts on cp3: one of three etcd members, the others keep the quorum meanwhile\n"
    );
    let plan = planned(&after, &sight);
    let through = plan.stages.iter().flat_map(|stage| &stage.steps).find_map(|step| match &step.action {
        Action::ChangeEtcd(EtcdChange::Move(call)) => Some(call.through.clone()),
        _ => None,
    });
    // Itself, wherever it is, and those that stay where they were; cp3 does not listen yet where it will be.
    assert_eq!(through.unwrap()[..2], ["https://127.0.0.1:2379", "https://192.0.2.11:2379"]);
    assert_eq!(found(&after, &sight), [""; 0]);
}

#[test]
fn the_only_member_tells_itself_where_it_is() {
    let before = Example::small();
    let after = moved(&before, "cp1", "192.0.2.99");
    let mut sight = before.applied();
    let tells = "etcd@cp1: Tell etcd's members that cp1 is at https://192.0.2.99:2380\n";
    assert!(script(&planned(&after, &sight)).starts_with(tells));
    // It could not start where it was any more.
    stop(&mut sight, "cp1", "etcd.service");
    nobody_answers(&mut sight);
    assert_eq!(script(&planned(&after, &sight)), format!("etcd@cp1: Start etcd.service\n{tells}"));
}

#[test]
fn a_new_member_at_the_address_of_one_that_is_gone_is_not_taken_for_it() {
    let before = Example::large();
    let after = moved(&moved(&before, "cp2", "192.0.2.98"), "cp3", "192.0.2.12");
    let script = script(&planned(&after, &before.applied()));
    assert!(script.contains("that cp2 is at https://192.0.2.98:2380"), "{script}");
    assert!(script.contains("that cp3 is at https://192.0.2.12:2380"), "{script}");
}
