//! Planning, on small designs: what is seen decides what is done.

use std::collections::BTreeMap;
use std::time::Duration;

use hardway_design::{
    Await, Condition, Content, Design, Disruption, File, Group, GroupId, Observation, Observed, Package,
    PackageArchive, PackageOrigin, Resource, ResourceId, StoredBinary, Sysctl, Task, Unit, UnitObservation,
};
use hardway_plan::{Action, INVENTORY, Plan, Sight, plan, removal};
use hardway_spec::MachineName;

const CLUSTER: &str = "c";

fn machine() -> MachineName {
    MachineName::from("m1")
}

fn file(path: &str, text: &str) -> Resource {
    let content = Content::text(text);
    Resource::File(File { path: path.to_owned(), mode: 0o600, owner: "root:root".to_owned(), content })
}

fn unit(name: &str, restart_on: &[&str], reload_on: &[&str]) -> Resource {
    let owned = |paths: &[&str]| paths.iter().map(|path| (*path).to_owned()).collect();
    Resource::Unit(Unit {
        name: name.to_owned(),
        restart_on: owned(restart_on),
        reload_on: owned(reload_on),
        ready: None,
        disruption: Some(Disruption::Local("it is away for a moment")),
    })
}

fn group(name: &str, after: &[&str], resources: Vec<Resource>) -> Group {
    let after = after.iter().map(|name| GroupId::on(&machine(), *name)).collect();
    Group { id: GroupId::on(&machine(), name), after, resources }
}

fn package(name: &str, origin: PackageOrigin) -> Resource {
    Resource::Package(Package { name: name.to_owned(), origin })
}

/// The observation that a resource would leave behind had it been applied.
fn applied(resource: &Resource) -> Option<Observation> {
    Some(match resource {
        Resource::File(file) => {
            Observation::File { mode: file.mode, owner: file.owner.clone(), sha256: file.content.sha256(), text: None }
        }
        Resource::Unit(_) => running(),
        Resource::Package(_) => Observation::Package { version: "1".to_owned() },
        Resource::Sysctl(sysctl) => Observation::Sysctl { value: sysctl.value.clone() },
        Resource::Task(_) => Observation::Task { holds: true },
        _ => return None,
    })
}

fn running() -> Observation {
    Observation::Unit(UnitObservation {
        active: "active".to_owned(),
        enabled: "enabled".to_owned(),
        ..UnitObservation::default()
    })
}

/// A machine that a first plan for the design was carried out on.
fn after_apply(design: &Design) -> Observed {
    let first = plan(CLUSTER, design, &bare()).expect("a bare machine has no inventory");
    let inventory = first.stages.iter().flat_map(|stage| &stage.steps).find_map(|step| match &step.action {
        Action::WriteInventory(inventory) => Some(inventory.text()),
        _ => None,
    });
    let resources = design.groups.iter().flat_map(|group| &group.resources);
    Observed {
        resources: resources.filter_map(|resource| Some((resource.id(), applied(resource)?))).collect(),
        inventory,
    }
}

fn bare() -> Sight {
    sight(Observed::default())
}

fn sight(observed: Observed) -> Sight {
    Sight { machines: BTreeMap::from([(machine(), observed)]), ..Sight::default() }
}

fn titles(plan: &Plan) -> Vec<&str> {
    plan.stages.iter().flat_map(|stage| &stage.steps).map(|step| step.title.as_str()).collect()
}

fn etcd() -> Design {
    let resources = vec![
        file("/etc/systemd/system/etcd.service", "[Service]"),
        file("/etc/etcd/ca.pem", "ca"),
        unit("etcd.service", &["/etc/etcd/ca.pem"], &[]),
    ];
    Design { groups: vec![group("etcd", &[], resources)], ..Design::default() }
}

#[test]
fn a_bare_machine_gets_everything_in_the_designs_order() {
    let plan = plan(CLUSTER, &etcd(), &bare()).unwrap();
    assert_eq!(
        titles(&plan),
        [
            &format!("Write {INVENTORY}"),
            "Write /etc/systemd/system/etcd.service",
            "Write /etc/etcd/ca.pem",
            "Enable etcd.service",
            "Start etcd.service",
        ]
    );
}

#[test]
fn a_unit_file_that_a_run_which_was_cut_off_left_is_read_again() {
    let mut observed = after_apply(&etcd());
    let id = ResourceId("unit:etcd.service".to_owned());
    let seen = UnitObservation { enabled: "disabled".to_owned(), ..UnitObservation::default() };
    observed.resources.insert(id, Observation::Unit(seen));
    let plan = plan(CLUSTER, &etcd(), &sight(observed)).unwrap();
    assert_eq!(titles(&plan), ["Enable etcd.service", "Reload systemd's unit files", "Start etcd.service"]);
}

#[test]
fn a_second_apply_has_nothing_to_do() {
    let plan = plan(CLUSTER, &etcd(), &sight(after_apply(&etcd()))).unwrap();
    assert!(plan.is_empty(), "{:?}", titles(&plan));
}

#[test]
fn a_changed_file_restarts_only_the_units_that_read_it() {
    let mut design = etcd();
    design.groups.push(group("other", &[], vec![unit("other.service", &["/etc/other"], &[])]));
    let mut observed = after_apply(&design);
    let id = ResourceId("file:/etc/etcd/ca.pem".to_owned());
    let Some(Observation::File { sha256, .. }) = observed.resources.get_mut(&id) else { panic!("it was applied") };
    *sha256 = "0".repeat(64);
    let plan = plan(CLUSTER, &design, &sight(observed)).unwrap();
    assert_eq!(titles(&plan), ["Write /etc/etcd/ca.pem", "Restart etcd.service"]);
    let restart = plan.stages[0].steps.last().unwrap();
    assert_eq!(restart.reason, "/etc/etcd/ca.pem changes");
    assert_eq!(restart.disruption.as_deref(), Some("etcd restarts on m1: it is away for a moment"));
}

#[test]
fn a_file_that_a_reload_picks_up_causes_no_restart() {
    let design = Design {
        groups: vec![group("lb", &[], vec![file("/etc/lb", "x"), unit("lb.service", &[], &["/etc/lb"])])],
        ..Design::default()
    };
    let mut observed = after_apply(&design);
    observed.resources.remove(&ResourceId("file:/etc/lb".to_owned()));
    let plan = plan(CLUSTER, &design, &sight(observed)).unwrap();
    assert_eq!(titles(&plan), ["Write /etc/lb", "Reload lb.service"]);
}

#[test]
fn a_process_older_than_its_files_is_restarted() {
    let mut observed = after_apply(&etcd());
    let id = ResourceId("unit:etcd.service".to_owned());
    let Some(Observation::Unit(seen)) = observed.resources.get_mut(&id) else { panic!("it was applied") };
    seen.stale = vec!["/etc/etcd/ca.pem".to_owned()];
    let plan = plan(CLUSTER, &etcd(), &sight(observed)).unwrap();
    assert_eq!(titles(&plan), ["Restart etcd.service"]);
}

#[test]
fn a_foreign_drop_in_goes_and_its_unit_restarts() {
    let mut observed = after_apply(&etcd());
    let id = ResourceId("unit:etcd.service".to_owned());
    let Some(Observation::Unit(seen)) = observed.resources.get_mut(&id) else { panic!("it was applied") };
    seen.overrides = vec!["/etc/systemd/system/etcd.service.d/x.conf".to_owned()];
    let plan = plan(CLUSTER, &etcd(), &sight(observed)).unwrap();
    assert_eq!(
        titles(&plan),
        ["Remove /etc/systemd/system/etcd.service.d/x.conf", "Reload systemd's unit files", "Restart etcd.service"]
    );
}

/// The plan where the etcd that runs was seen as `change` leaves it.
fn plan_for_seen(design: &Design, change: impl FnOnce(&mut UnitObservation)) -> Plan {
    let mut observed = after_apply(design);
    let id = ResourceId("unit:etcd.service".to_owned());
    let Some(Observation::Unit(seen)) = observed.resources.get_mut(&id) else { panic!("it was applied") };
    change(seen);
    plan(CLUSTER, design, &sight(observed)).unwrap()
}

fn wrong_file(observed: &mut Observed, change: impl FnOnce(&mut u32, &mut String)) {
    let id = ResourceId("file:/etc/etcd/ca.pem".to_owned());
    let Some(Observation::File { mode, sha256, .. }) = observed.resources.get_mut(&id) else {
        panic!("it was applied")
    };
    change(mode, sha256);
}

#[test]
fn a_process_that_read_the_right_file_goes_on_while_the_file_is_put_back() {
    let ca = Content::text("ca").sha256();
    let plan_with = |read: String| {
        let mut observed = after_apply(&etcd());
        wrong_file(&mut observed, |_, sha256| *sha256 = "0".repeat(64));
        let id = ResourceId("unit:etcd.service".to_owned());
        let Some(Observation::Unit(seen)) = observed.resources.get_mut(&id) else { panic!("it was applied") };
        seen.read = BTreeMap::from([("/etc/etcd/ca.pem".to_owned(), read)]);
        plan(CLUSTER, &etcd(), &sight(observed)).unwrap()
    };
    assert_eq!(titles(&plan_with(ca)), ["Write /etc/etcd/ca.pem"]);
    assert_eq!(titles(&plan_with("1".repeat(64))), ["Write /etc/etcd/ca.pem", "Restart etcd.service"]);
}

#[test]
fn a_process_that_read_another_file_than_the_one_that_stands_there_is_restarted() {
    let plan = plan_for_seen(&etcd(), |seen| {
        seen.read = BTreeMap::from([("/etc/etcd/ca.pem".to_owned(), "1".repeat(64))]);
    });
    assert_eq!(titles(&plan), ["Restart etcd.service"]);
    assert_eq!(plan.stages[0].steps[0].reason, "its process has read another /etc/etcd/ca.pem");
}

#[test]
fn mode_and_owner_are_set_without_writing_the_file() {
    let ca = Content::text("ca").sha256();
    let plan_where = |is_known: bool| {
        let mut observed = after_apply(&etcd());
        wrong_file(&mut observed, |mode, _| *mode = 0o644);
        let id = ResourceId("unit:etcd.service".to_owned());
        let Some(Observation::Unit(seen)) = observed.resources.get_mut(&id) else { panic!("it was applied") };
        seen.read.extend(is_known.then(|| ("/etc/etcd/ca.pem".to_owned(), ca.clone())));
        plan(CLUSTER, &etcd(), &sight(observed)).unwrap()
    };
    assert_eq!(titles(&plan_where(true)), ["Set mode and owner of /etc/etcd/ca.pem"]);
    // Setting them is a change after the process' start: the next look could not tell it from another.
    assert_eq!(titles(&plan_where(false)), ["Set mode and owner of /etc/etcd/ca.pem", "Restart etcd.service"]);
}

#[test]
fn a_process_with_another_command_line_is_restarted() {
    let plan = plan_for_seen(&etcd(), |seen| seen.other_command = Some("etcd --unsafe-no-fsync".to_owned()));
    assert_eq!(titles(&plan), ["Restart etcd.service"]);
    assert!(plan.stages[0].steps[0].reason.contains("--unsafe-no-fsync"));
}

fn etcd_with_program() -> (Design, hardway_design::Binary) {
    let binary = hardway_design::Binary {
        name: "etcd".to_owned(),
        link: "/usr/local/bin/etcd".to_owned(),
        version: "3".to_owned(),
        sha256: "e".repeat(64),
        size: 1,
    };
    let resources = vec![Resource::Binary(binary.clone()), unit("etcd.service", &["/usr/local/bin/etcd"], &[])];
    (Design { groups: vec![group("etcd", &[], resources)], ..Design::default() }, binary)
}

#[test]
fn a_process_that_runs_another_program_is_restarted_and_one_whose_link_alone_moved_is_not() {
    let (design, binary) = etcd_with_program();
    let plan_for = |program: &str, target: &str, stored: (&str, u32)| {
        let mut observed = after_apply(&design);
        let stored = Some(StoredBinary { sha256: stored.0.to_owned(), mode: stored.1, owner: "root:root".to_owned() });
        let target = Some(target.to_owned());
        observed.resources.insert(Resource::Binary(binary.clone()).id(), Observation::Binary { target, stored });
        let id = ResourceId("unit:etcd.service".to_owned());
        let Some(Observation::Unit(seen)) = observed.resources.get_mut(&id) else { panic!("it was applied") };
        seen.program = Some(program.to_owned());
        seen.stale = vec!["/usr/local/bin/etcd".to_owned()];
        titles(&plan(CLUSTER, &design, &sight(observed)).unwrap()).into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    let (path, right) = (binary.store_path(), (binary.sha256.as_str(), 0o755));
    assert_eq!(plan_for(&path, &path, right), [""; 0]);
    assert_eq!(plan_for(&path, "/bin/true", right), ["Link /usr/local/bin/etcd"]);
    assert_eq!(plan_for(&format!("{path} (deleted)"), &path, right), ["Restart etcd.service"]);
    assert_eq!(plan_for("/tmp/etcd", &path, right), ["Restart etcd.service"]);
    assert_eq!(plan_for(&path, &path, ("0", 0o755)), ["Copy etcd 3", "Restart etcd.service"]);
    assert_eq!(plan_for(&path, &path, (right.0, 0o777)), [format!("Set mode and owner of {path}")]);
}

#[test]
fn a_link_in_a_files_place_is_named() {
    let mut observed = after_apply(&etcd());
    let id = ResourceId("file:/etc/etcd/ca.pem".to_owned());
    observed.resources.insert(id, Observation::Link { target: "/tmp/ca".to_owned() });
    let plan = plan(CLUSTER, &etcd(), &sight(observed)).unwrap();
    assert_eq!(plan.stages[0].steps[0].reason, "a link to /tmp/ca stands in its place");
}

#[test]
fn a_unit_whose_file_was_deleted_while_it_runs_is_read_again() {
    let mut observed = after_apply(&etcd());
    observed.resources.remove(&ResourceId("file:/etc/systemd/system/etcd.service".to_owned()));
    let id = ResourceId("unit:etcd.service".to_owned());
    let Some(Observation::Unit(seen)) = observed.resources.get_mut(&id) else { panic!("it was applied") };
    seen.enabled = String::new();
    let plan = plan(CLUSTER, &etcd(), &sight(observed)).unwrap();
    assert!(titles(&plan).contains(&"Reload systemd's unit files"), "{:?}", titles(&plan));
}

#[test]
fn a_masked_unit_that_still_runs_is_enabled_and_not_restarted() {
    let plan = plan_for_seen(&etcd(), |seen| seen.enabled = "masked".to_owned());
    assert_eq!(titles(&plan), ["Enable etcd.service", "Reload systemd's unit files"]);
    assert_eq!(plan.stages[0].steps[0].reason, "is masked");
}

#[test]
fn a_group_with_nothing_to_do_passes_its_edges_on() {
    let design = Design {
        groups: vec![
            group("first", &[], vec![file("/1", "1")]),
            group("second", &["first"], vec![file("/2", "2")]),
            group("third", &["second"], vec![file("/3", "3")]),
        ],
        ..Design::default()
    };
    let mut observed = after_apply(&design);
    observed.resources.remove(&ResourceId("file:/1".to_owned()));
    observed.resources.remove(&ResourceId("file:/3".to_owned()));
    let plan = plan(CLUSTER, &design, &sight(observed)).unwrap();
    let third = plan.stages.iter().find(|stage| stage.id.name == "third").unwrap();
    assert_eq!(third.after, [GroupId::on(&machine(), "first")]);
}

#[test]
fn waits_stay_only_behind_something_that_changes() {
    let wait = Resource::Wait(Condition {
        title: "it answers".to_owned(),
        check: "true".to_owned(),
        timeout: Duration::from_secs(5),
    });
    let node = Resource::Await(Await::NodeReady("m1".to_owned()));
    let cluster =
        Group { id: GroupId::in_cluster("node"), after: vec![GroupId::on(&machine(), "gate")], resources: vec![node] };
    let design = Design {
        groups: vec![group("files", &[], vec![file("/1", "1")]), group("gate", &["files"], vec![wait]), cluster],
        ..Design::default()
    };
    let bare_plan = plan(CLUSTER, &design, &bare()).unwrap();
    assert!(titles(&bare_plan).contains(&"Wait until it answers"));
    assert!(titles(&bare_plan).contains(&"Wait until node m1 is Ready"));
    assert!(plan(CLUSTER, &design, &sight(after_apply(&design))).unwrap().is_empty());
}

#[test]
fn what_was_there_before_is_never_recorded_as_ours() {
    let package = package("curl", PackageOrigin::Mirrors);
    let design =
        Design { groups: vec![group("packages", &[], vec![package.clone(), file("/f", "f")])], ..Design::default() };
    let observed = Observed {
        resources: BTreeMap::from([(package.id(), Observation::Package { version: "8".to_owned() })]),
        inventory: None,
    };
    let first = plan(CLUSTER, &design, &sight(observed)).unwrap();
    let Action::WriteInventory(inventory) = &first.stages[0].steps[0].action else { panic!("the inventory is first") };
    let keys: Vec<String> = inventory.entries.iter().map(hardway_plan::Entry::key).collect();
    assert_eq!(keys, ["file:/f"]);
}

#[test]
fn what_leaves_the_design_is_removed_last_and_forgotten() {
    let design = etcd();
    let observed = after_apply(&design);
    let smaller =
        Design { groups: vec![group("etcd", &[], vec![file("/etc/etcd/ca.pem", "ca")])], ..Design::default() };
    let plan = plan(CLUSTER, &smaller, &sight(observed)).unwrap();
    assert_eq!(
        titles(&plan),
        ["Stop and disable etcd.service", "Remove /etc/systemd/system/etcd.service", &format!("Write {INVENTORY}"),]
    );
}

#[test]
fn removal_goes_backwards_through_the_inventory() {
    let plan = removal(CLUSTER, &sight(after_apply(&etcd()))).unwrap();
    assert_eq!(
        titles(&plan),
        [
            "Stop and disable etcd.service",
            "Remove /etc/etcd/ca.pem",
            "Remove /etc/systemd/system/etcd.service",
            "Remove hardway's own folders",
        ]
    );
}

#[test]
fn a_machine_of_another_cluster_is_refused() {
    let error = plan("other", &etcd(), &sight(after_apply(&etcd()))).unwrap_err();
    assert_eq!(error.to_string(), r#"m1 belongs to the cluster "c", not to "other""#);
}

#[test]
fn a_setting_that_was_different_is_remembered_to_be_put_back() {
    let setting = Resource::Sysctl(Sysctl { key: "net.ipv4.ip_forward".to_owned(), value: "1".to_owned() });
    let design = Design { groups: vec![group("kernel", &[], vec![setting.clone()])], ..Design::default() };
    let seen = BTreeMap::from([(setting.id(), Observation::Sysctl { value: "0".to_owned() })]);
    let plan = plan(CLUSTER, &design, &sight(Observed { resources: seen, inventory: None })).unwrap();
    let Action::WriteInventory(inventory) = &plan.stages[0].steps[0].action else { panic!("the inventory is first") };
    assert!(inventory.text().contains(r#""previous": "0""#));
}

#[test]
fn a_task_runs_until_its_check_holds() {
    let task = Resource::Task(Task {
        name: "auth".to_owned(),
        title: "Turn it on".to_owned(),
        check: "test -f /on".to_owned(),
        run: "touch /on".to_owned(),
    });
    let design = Design { groups: vec![group("auth", &[], vec![task.clone()])], ..Design::default() };
    let mut observed = after_apply(&design);
    observed.resources.insert(task.id(), Observation::Task { holds: false });
    assert_eq!(titles(&plan(CLUSTER, &design, &sight(observed)).unwrap()), ["Turn it on"]);
}

/// Two packages from an archive, and a file that waits for them.
fn packages_from_archive() -> Design {
    let archive = PackageArchive { sha256: "ab".repeat(32), size: 30_000_000 };
    let packages = ["curl", "nginx"].map(|name| package(name, PackageOrigin::Archive(archive.clone())));
    Design {
        groups: vec![group("packages", &[], packages.into()), group("web", &["packages"], vec![file("/f", "f")])],
        ..Design::default()
    }
}

const ARCHIVES: &str = "/var/lib/hardway/package-archives";

#[test]
fn packages_that_are_missing_come_with_their_archive_which_goes_last() {
    let plan = plan(CLUSTER, &packages_from_archive(), &bare()).unwrap();
    assert_eq!(
        titles(&plan),
        [
            &format!("Write {INVENTORY}"),
            "Copy the archive of packages",
            "Install curl, nginx",
            "Write /f",
            &format!("Remove {ARCHIVES}"),
            &format!("Write {INVENTORY}"),
        ]
    );
    let actions: Vec<&Action> = plan.stages.iter().flat_map(|stage| &stage.steps).map(|step| &step.action).collect();
    let blob = actions[1].blob().unwrap();
    assert_eq!((blob.size, blob.destination.as_str()), (30_000_000, &*format!("{ARCHIVES}/{}.tar", "ab".repeat(32))));
    assert!(!actions[1].runs_as_script());
    let Action::InstallPackages { archive: Some(archive), .. } = actions[2] else { panic!("{:?}", actions[2]) };
    assert_eq!(*archive, blob.destination);
    // Recorded before it is there, and forgotten when it is gone.
    let [Action::WriteInventory(first), Action::WriteInventory(last)] = [actions[0], actions[5]] else {
        panic!("the inventory is first and last")
    };
    let key = format!("directory:{ARCHIVES}");
    assert!(first.find(&key).is_some() && last.find(&key).is_none());
    let removal = plan.stages.last().unwrap();
    assert_eq!(removal.after.len(), 2);
    assert_eq!(removal.steps[0].reason, "needed only as long as this run goes on");
}

#[test]
fn no_archive_is_copied_where_all_packages_are_there() {
    let design = packages_from_archive();
    let mut observed = after_apply(&design);
    let inventory = plan(CLUSTER, &design, &bare()).unwrap().stages.last().unwrap().steps.last().unwrap().clone();
    let Action::WriteInventory(inventory) = inventory.action else { panic!("the inventory is last") };
    observed.inventory = Some(inventory.text());
    assert!(plan(CLUSTER, &design, &sight(observed)).unwrap().is_empty());
}

#[test]
fn an_archive_that_a_run_which_was_cut_off_left_is_removed() {
    let design = packages_from_archive();
    // The inventory is the first plan's first, and the packages are there.
    let observed = after_apply(&design);
    let plan = plan(CLUSTER, &design, &sight(observed.clone())).unwrap();
    assert_eq!(titles(&plan), [format!("Remove {ARCHIVES}"), format!("Write {INVENTORY}")]);
    let removal = removal(CLUSTER, &sight(observed)).unwrap();
    assert!(titles(&removal).contains(&&*format!("Remove {ARCHIVES}")));
}

#[test]
fn an_archive_that_was_copied_by_a_run_which_was_cut_off_is_copied_and_removed_once_more() {
    let design = packages_from_archive();
    let mut observed = after_apply(&design);
    observed.resources.remove(&ResourceId("package:nginx".to_owned()));
    let plan = plan(CLUSTER, &design, &sight(observed)).unwrap();
    assert_eq!(
        titles(&plan),
        ["Copy the archive of packages", "Install nginx", &format!("Remove {ARCHIVES}"), &format!("Write {INVENTORY}"),]
    );
}
