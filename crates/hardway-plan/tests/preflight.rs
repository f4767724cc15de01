//! What stands in the way on a machine, and what is said of it.

use std::collections::{BTreeMap, BTreeSet};

use hardway_design::{
    Design, Group, GroupId, MachineFacts, Observation, Observed, OperatingSystem, Package, PackageOrigin, Resource,
    ResourceId, Unit, UnitObservation,
};
use hardway_plan::{Action, Blob, Obstacle, Plan, Stage, Step, preflight};
use hardway_spec::{Cluster, MachineName};

const SPEC: &str = "\
apiVersion: hardway/v1alpha1
kind: Cluster
metadata: {name: test}
spec:
  machines:
    - {name: lb,  address: 192.0.2.10, roles: [load-balancer]}
    - {name: cp1, address: 192.0.2.11, roles: [control-plane]}
    - {name: w1,  address: 192.0.2.21, roles: [worker]}
    - {name: w2,  address: 192.0.2.22, roles: [worker]}
";

fn cluster() -> Cluster {
    hardway_spec::parse(SPEC, "cluster.yaml").expect("it is valid")
}

fn facts() -> MachineFacts {
    MachineFacts {
        architecture: std::env::consts::ARCH.to_owned(),
        memory: 4_000_000_000,
        disk_total: 40_000_000_000,
        disk_free: 20_000_000_000,
        listening: BTreeMap::from([(22, "sshd".to_owned())]),
        ..hardway_design::example::facts("m")
    }
}

/// All machines as they should be, with `change` made to one or more of them.
fn obstacles_of(machines: &[&str], change: impl Fn(&mut MachineFacts), plan: &Plan) -> Vec<Obstacle> {
    let cluster = cluster();
    let names = cluster.spec.machines.iter().map(|machine| machine.name.clone());
    let facts = names.clone().map(|name| {
        let mut facts = facts();
        if machines.contains(&name.as_str()) {
            change(&mut facts);
        }
        (name, facts)
    });
    let observed = names.map(|name| (name, Observed::default())).collect();
    preflight(&cluster, &Design::default(), &facts.collect(), &observed, plan)
}

fn check(machines: &[&str], change: impl Fn(&mut MachineFacts), cause: &str, help: &str) {
    let expected = Obstacle {
        cause: cause.to_owned(),
        help: help.to_owned(),
        machines: machines.iter().map(|name| MachineName::from(*name)).collect(),
    };
    assert_eq!(obstacles_of(machines, change, &Plan::default()), [expected]);
}

#[test]
fn machines_as_they_should_be_have_nothing_in_their_way() {
    assert_eq!(obstacles_of(&[], |_| {}, &Plan::default()), []);
}

#[test]
fn machines_with_the_same_trouble_are_told_together() {
    check(
        &["w1", "w2"],
        |facts| facts.root = false,
        "its user may not become root",
        "set spec.ssh.user to root, or to a user who may use sudo",
    );
}

#[test]
fn a_clock_that_is_off_is_told_with_its_direction() {
    let help = "set it, and keep it so with an NTP client (apt-get install systemd-timesyncd)";
    check(&["w1"], |facts| facts.clock_offset_ms = 31_000, "its clock is 31 s ahead of this machine's", help);
    check(&["cp1"], |facts| facts.clock_offset_ms = -7_200_000, "its clock is 7200 s behind this machine's", help);
}

#[test]
fn a_few_seconds_between_clocks_are_taken_for_the_probes_own_delay() {
    assert_eq!(obstacles_of(&["w1"], |facts| facts.clock_offset_ms = 4_900, &Plan::default()), []);
}

#[test]
fn an_operating_system_that_is_not_supported_is_named() {
    check(
        &["w2"],
        |facts| {
            facts.os = OperatingSystem {
                id: "alpine".to_owned(),
                version: "3.22.1".to_owned(),
                pretty_name: "Alpine Linux v3.22".to_owned(),
            };
        },
        "its operating system is Alpine Linux v3.22, which hardway does not support",
        "install one of: debian 12 or newer, ubuntu 22 or newer",
    );
}

#[test]
fn versions_older_than_the_oldest_are_refused_and_newer_ones_taken() {
    let with = |id: &'static str, version: &'static str| {
        let change = move |facts: &mut MachineFacts| {
            (facts.os.id, facts.os.version) = (id.to_owned(), version.to_owned());
        };
        obstacles_of(&["w1"], change, &Plan::default()).len()
    };
    assert_eq!(with("debian", "11"), 1);
    assert_eq!(with("debian", ""), 1);
    assert_eq!(with("ubuntu", "20.04"), 1);
    assert_eq!(with("debian", "13"), 0);
    assert_eq!(with("ubuntu", "22.04"), 0);
}

#[test]
fn another_architecture_is_named() {
    let obstacles = obstacles_of(&["w1"], |facts| facts.architecture = "riscv64".to_owned(), &Plan::default());
    assert!(obstacles[0].cause.starts_with("its architecture is riscv64, and the components were obtained for"));
}

fn copies(machine: &str, action: fn(Blob) -> Action, size: u64) -> Plan {
    let blob = Blob {
        artifact: "kubelet".to_owned(),
        sha256: "0".repeat(64),
        size,
        destination: "/opt/hardway/store/0/kubelet".to_owned(),
    };
    let step = Step {
        title: "Copy kubelet".to_owned(),
        reason: "missing".to_owned(),
        resource: ResourceId("binary:/usr/local/bin/kubelet".to_owned()),
        change: None,
        disruption: None,
        action: action(blob),
    };
    Plan { stages: vec![Stage { id: GroupId::on(&machine.into(), "kubelet"), after: Vec::new(), steps: vec![step] }] }
}

#[test]
fn a_disk_that_is_too_small_is_told_with_what_is_needed() {
    let little = |facts: &mut MachineFacts| (facts.disk_total, facts.disk_free) = (4_000_000_000, 2_000_000_000);
    let plan = copies("w1", Action::CopyImage, 500_000_000);
    let expected = Obstacle {
        cause: "2000 MB are free below /var and /opt, and 2500 MB are needed".to_owned(),
        help: "free some space or use a larger disk".to_owned(),
        machines: BTreeSet::from(["w1".into()]),
    };
    assert_eq!(obstacles_of(&["w1", "w2"], little, &plan), [expected]);
    // A binary stays as it comes, an image is unpacked.
    assert_eq!(obstacles_of(&["w1"], little, &copies("w1", Action::CopyBinary, 500_000_000)), []);
}

#[test]
fn a_node_whose_kubelet_would_evict_at_once_is_told() {
    let nearly_full = |facts: &mut MachineFacts| (facts.disk_total, facts.disk_free) = (40_000_000_000, 7_000_000_000);
    let plan = copies("w1", Action::CopyImage, 400_000_000);
    let expected = Obstacle {
        cause: "5800 MB of 40000 MB would be free below /var and /opt, and with less than 6000 MB (15 %) its kubelet \
                evicts pods"
            .to_owned(),
        help: "free 200 MB or use a larger disk".to_owned(),
        machines: BTreeSet::from(["w1".into()]),
    };
    assert_eq!(obstacles_of(&["w1"], nearly_full, &plan), [expected]);
    assert_eq!(obstacles_of(&["w1"], nearly_full, &copies("w1", Action::CopyBinary, 400_000_000)), []);
    assert_eq!(obstacles_of(&["lb"], nearly_full, &copies("lb", Action::CopyImage, 400_000_000)), []);
}

#[test]
fn a_full_disk_is_no_obstacle_where_nothing_is_copied() {
    assert_eq!(obstacles_of(&["w1"], |facts| facts.disk_free = 0, &Plan::default()), []);
}

#[test]
fn a_port_that_another_process_holds_is_told_with_the_process() {
    check(
        &["w1", "w2"],
        |facts| drop(facts.listening.insert(10250, "python3".to_owned())),
        "port 10250, which kubelet needs, is taken by python3",
        "stop python3 there, or give the role to another machine",
    );
    check(
        &["cp1"],
        |facts| drop(facts.listening.insert(2379, String::new())),
        "port 2379, which etcd needs, is taken by a process that could not be seen",
        "find it there with `ss -ltnp`, and stop it or give the role to another machine",
    );
}

#[test]
fn a_port_of_no_role_of_the_machine_may_be_taken() {
    assert_eq!(obstacles_of(&["w1"], |facts| drop(facts.listening.insert(6443, "x".to_owned())), &Plan::default()), []);
}

#[test]
fn a_port_that_our_own_unit_holds_is_ours() {
    let cluster = cluster();
    let lb = MachineName::from("lb");
    let unit = Resource::Unit(Unit {
        name: "haproxy.service".to_owned(),
        restart_on: Vec::new(),
        reload_on: Vec::new(),
        ready: None,
        disruption: None,
    });
    let id = unit.id();
    let design = Design {
        groups: vec![Group { id: GroupId::on(&lb, "haproxy"), after: Vec::new(), resources: vec![unit] }],
        ..Design::default()
    };
    // A process whose name could not be seen.
    let mut facts = facts();
    facts.listening.insert(6443, String::new());
    let seen = |active: &str| {
        let unit = UnitObservation { active: active.to_owned(), ..UnitObservation::default() };
        let resources = BTreeMap::from([(id.clone(), Observation::Unit(unit))]);
        let observed = BTreeMap::from([(lb.clone(), Observed { resources, inventory: None })]);
        let facts = BTreeMap::from([(lb.clone(), facts.clone())]);
        preflight(&cluster, &design, &facts, &observed, &Plan::default()).len()
    };
    assert_eq!(seen("active"), 0);
    assert_eq!(seen("inactive"), 1);
}

#[test]
fn packages_that_come_from_nowhere_are_told_before_anything_is_touched() {
    let w1 = MachineName::from("w1");
    let origin = PackageOrigin::Nowhere { os: "ubuntu-24.04".to_owned() };
    let package = |name: &str| Resource::Package(Package { name: name.to_owned(), origin: origin.clone() });
    let resources = vec![package("conntrack"), package("kmod"), package("nftables")];
    let kmod = resources[1].id();
    let design = Design {
        groups: vec![Group { id: GroupId::on(&w1, "packages"), after: Vec::new(), resources }],
        ..Design::default()
    };
    let seen = BTreeMap::from([(kmod, Observation::Package { version: "30".to_owned() })]);
    let observed = BTreeMap::from([(w1.clone(), Observed { resources: seen, inventory: None })]);
    let facts = BTreeMap::from([(w1.clone(), facts())]);
    let expected = Obstacle {
        cause: "it lacks packages (conntrack, nftables), and none are at hand for ubuntu-24.04".to_owned(),
        help: "bring packages for ubuntu-24.04 along, or install them there: apt-get install conntrack nftables"
            .to_owned(),
        machines: BTreeSet::from([w1]),
    };
    assert_eq!(preflight(&cluster(), &design, &facts, &observed, &Plan::default()), [expected]);
}
