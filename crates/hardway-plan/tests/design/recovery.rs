//! Too few members of etcd are left: whose data are kept, what is lost, and how the others come back.

use std::collections::BTreeMap;

use hardway_design::{Design, EtcdData, EtcdRecovery};
use hardway_plan::{EtcdRemains, EtcdSurvey, Plan, RecoveryRefused, Sight, lint, plan, recover, survivors};
use hardway_spec::MachineName;

use crate::example::{CLUSTER, Example, stop};
use crate::members::{lose_data, nobody_answers, on, script, waits_for};

fn name(name: &str) -> MachineName {
    MachineName::from(name)
}

fn data(revision: u64, hash: u32) -> EtcdData {
    EtcdData { revision, compacted: 17, hash }
}

fn held(revision: u64, hash: u32) -> EtcdRemains {
    EtcdRemains::Data(data(revision, hash))
}

fn survey(members: impl IntoIterator<Item = (&'static str, EtcdRemains)>) -> EtcdSurvey {
    let members = members.into_iter().map(|(machine, remains)| (name(machine), remains)).collect();
    EtcdSurvey { members, shared: BTreeMap::new() }
}

fn design() -> Design {
    Example::large().design()
}

/// Of three members, cp2 and cp3 came back without their data.
fn two_lost(example: &Example) -> Sight {
    let mut sight = example.applied();
    for machine in ["cp2", "cp3"] {
        lose_data(&mut sight, machine);
    }
    nobody_answers(&mut sight);
    sight.cluster = None;
    sight
}

fn recovered_from(example: &Example, source: &str) -> Design {
    let recovery = EtcdRecovery { source: name(source), token: "test-1204-0badcafe".to_owned() };
    Design { recovery: Some(recovery), ..example.design() }
}

fn planned(design: &Design, sight: &Sight) -> Plan {
    plan(CLUSTER, design, sight).unwrap()
}

#[test]
fn the_newest_data_are_proposed() {
    let survey = survey([("cp1", held(1200, 1)), ("cp2", held(1204, 0x0bad_cafe)), ("cp3", EtcdRemains::Nothing)]);
    let proposed = recover(CLUSTER, &design(), &survey, None).unwrap();
    assert_eq!(proposed.recovery, EtcdRecovery { source: name("cp2"), token: "test-1204-0badcafe".to_owned() });
    assert_eq!(proposed.losses, ["what was written last and reached only cp3: nobody can tell whether there was any"]);
    assert_eq!(proposed.doubts, [""; 0]);
}

#[test]
fn what_older_data_lack_is_said() {
    let survey = survey([("cp1", held(1200, 1)), ("cp2", held(1204, 2)), ("cp3", held(1201, 3))]);
    let proposed = recover(CLUSTER, &design(), &survey, Some(&name("cp1"))).unwrap();
    assert_eq!(
        proposed.losses,
        [
            "4 changes that cp2 has and cp1 does not, up to revision 1204",
            "1 change that cp3 has and cp1 does not, up to revision 1201"
        ]
    );
}

#[test]
fn data_that_are_no_copies_of_each_other_are_doubtful() {
    let mut survey = survey([("cp1", held(1200, 1)), ("cp2", held(1204, 2)), ("cp3", held(1204, 2))]);
    assert_eq!(survey.shared_revision(), Some(1200));
    survey.shared =
        [("cp1", 1), ("cp2", 1), ("cp3", 9)].map(|(machine, hash)| (name(machine), data(1200, hash))).into();
    let proposed = recover(CLUSTER, &design(), &survey, None).unwrap();
    assert_eq!(proposed.losses, [""; 0]);
    assert_eq!(proposed.doubts, ["cp2 and cp3 differ in what they hold of revision 1200: one of them is damaged"]);
    // Compacted at another revision, they cannot be compared.
    survey.shared.get_mut(&name("cp3")).unwrap().compacted = 18;
    assert_eq!(recover(CLUSTER, &design(), &survey, None).unwrap().doubts, [""; 0]);
}

#[test]
fn only_a_member_with_data_is_gone_on_from() {
    let survey = survey([("cp1", EtcdRemains::Nothing), ("cp2", held(1204, 2)), ("cp3", EtcdRemains::GivenUp)]);
    let from = |machine: &str| recover(CLUSTER, &design(), &survey, Some(&name(machine))).unwrap_err();
    assert_eq!(from("cp1"), RecoveryRefused::WithoutData(name("cp1")));
    assert_eq!(from("w1"), RecoveryRefused::NoMember(name("w1")));
}

#[test]
fn a_quorum_is_not_recovered() {
    let example = Example::large();
    let design = example.design();
    assert_eq!(survivors(&design, &example.applied(), None), Err(RecoveryRefused::HasQuorum));

    let mut sight = example.applied();
    nobody_answers(&mut sight);
    lose_data(&mut sight, "cp3");
    assert_eq!(survivors(&design, &sight, None), Err(RecoveryRefused::EnoughLeft(vec![name("cp1"), name("cp2")])));
    // Somebody who says whose data to keep has looked.
    assert!(survivors(&design, &sight, Some(&name("cp1"))).is_ok());
}

#[test]
fn a_machine_that_is_silent_must_be_said_to_be_dead() {
    let example = Example::large();
    let mut sight = two_lost(&example);
    sight.machines.remove(&name("cp3"));
    assert_eq!(survivors(&example.design(), &sight, None), Err(RecoveryRefused::Silent(vec![name("cp3")])));

    let given_up = example.changed(|cluster| {
        let machine = cluster.spec.machines.iter_mut().find(|machine| machine.name.as_str() == "cp3").unwrap();
        machine.removed = Some(hardway_spec::Removal { force: true, ..Default::default() });
    });
    let design = given_up.design();
    let found = survivors(&design, &sight, None).unwrap();
    assert_eq!(found[&name("cp1")], None, "it is asked");
    assert_eq!(found[&name("cp2")], Some(EtcdRemains::Nothing));
    assert_eq!(found[&name("cp3")], Some(EtcdRemains::GivenUp));
}

#[test]
fn where_no_data_are_left_nothing_is_recovered() {
    let example = Example::large();
    let mut sight = two_lost(&example);
    lose_data(&mut sight, "cp1");
    assert_eq!(survivors(&example.design(), &sight, None), Err(RecoveryRefused::NothingLeft));
}

#[test]
fn the_others_join_the_one_whose_data_are_kept() {
    let example = Example::large();
    let sight = two_lost(&example);
    let design = recovered_from(&example, "cp1");
    let plan = planned(&design, &sight);
    assert_eq!(
        script(&plan),
        "etcd@cp1: Make the data of cp1 those of a new cluster of etcd -- etcd has 1 voting member then and survives no loss\n\
         etcd@cp1: Start etcd.service\n\
         etcd@cp2: Add cp2 to etcd's members, as a learner\n\
         etcd@cp2: Start etcd.service\n\
         etcd@cp2: Give cp2 its vote in etcd, once it has all data -- etcd has 2 voting members then and survives no loss\n\
         etcd@cp3: Add cp3 to etcd's members, as a learner\n\
         etcd@cp3: Start etcd.service\n\
         etcd@cp3: Give cp3 its vote in etcd, once it has all data -- etcd has 3 voting members then and survives the loss of one\n"
    );
    for machine in ["cp1", "cp2", "cp3"] {
        assert!(
            waits_for(&plan, &on(machine, "kube-apiserver"), &on(machine, "etcd")),
            "{machine}'s API server restarts"
        );
    }
    let findings = lint(CLUSTER, &design, &sight, &plan).unwrap();
    assert_eq!(findings, []);
}

#[test]
fn members_that_have_older_data_give_them_up() {
    let example = Example::large();
    let mut sight = example.applied();
    nobody_answers(&mut sight);
    stop(&mut sight, "cp3", "etcd.service");
    let text = script(&planned(&recovered_from(&example, "cp3"), &sight));
    assert!(text.starts_with("etcd@cp3: Make the data of cp3"), "{text}");
    assert!(
        text.contains("etcd@cp1: Add cp1 to etcd's members, as a learner\netcd@cp1: Start etcd.service\n"),
        "{text}"
    );
}
