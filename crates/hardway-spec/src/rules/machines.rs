//! Rules of the machines: names, addresses, roles, and what the cluster needs of them together.

use std::collections::BTreeMap;

use super::Checker;
use super::names::{LABEL_HELP, is_label};
use crate::{Machine, Role};

const PATH: &str = "spec.machines";

pub(super) fn check(checker: &mut Checker<'_>) {
    names(checker);
    addresses(checker);
    roles(checker);
    if checker.is_sound(PATH) {
        cluster(checker);
    }
}

fn names(checker: &mut Checker<'_>) {
    let mut seen = BTreeMap::new();
    for (index, machine) in checker.cluster.spec.machines.iter().enumerate() {
        let path = format!("{PATH}[{index}].name");
        let name = machine.name.as_str();
        if !checker.is_sound(&path) {
            continue;
        }
        if !is_label(name) {
            checker.report(&path, format!("`{name}` cannot be a machine's name"), LABEL_HELP);
        } else if name == "localhost" {
            checker.report(&path, "every machine is `localhost` to itself", "use a name of its own");
        }
        if let Some(first) = seen.insert(name, index) {
            let line = checker.places.of(&format!("{PATH}[{first}].name")).line;
            checker.report(
                &path,
                format!("another machine is `{name}` already"),
                format!("it stands on line {line}; to put a new machine in its place, change that one's address"),
            );
        }
    }
}

fn addresses(checker: &mut Checker<'_>) {
    let mut seen = BTreeMap::new();
    for (index, machine) in checker.cluster.spec.machines.iter().enumerate() {
        let path = format!("{PATH}[{index}].address");
        if !checker.is_sound(&path) {
            continue;
        }
        if let Some(first) = seen.insert(machine.address, index) {
            let line = checker.places.of(&format!("{PATH}[{first}].address")).line;
            let help = match checker.cluster.spec.machines[first].removed.or(machine.removed) {
                Some(_) => "one of them leaves: apply that first, and take its entry out",
                None => "a machine with several roles is listed once",
            };
            checker.report(
                &path,
                format!("another machine has the address {} already", machine.address),
                format!("it stands on line {line}; {help}"),
            );
        }
    }
}

fn roles(checker: &mut Checker<'_>) {
    for (index, machine) in checker.cluster.spec.machines.iter().enumerate() {
        let path = format!("{PATH}[{index}].roles");
        if !checker.is_sound(&path) {
            continue;
        }
        if machine.roles.is_empty() {
            checker.report(
                &path,
                "the machine has no role",
                "use `load-balancer`, `control-plane`, `etcd` or `worker`, or take the machine out",
            );
        }
        for (position, role) in machine.roles.iter().enumerate() {
            if machine.roles[..position].contains(role) {
                checker.report(&format!("{path}[{position}]"), format!("`{role}` is here twice"), "once is enough");
            }
        }
        if machine.roles.contains(&Role::LoadBalancer) && machine.roles.iter().any(|role| *role != Role::LoadBalancer) {
            checker.report(
                &path,
                "a load balancer cannot have another role",
                "its ports 6443 and 443 would be taken twice: use a machine of its own",
            );
        }
    }
}

/// Where it is said of a machine that it leaves, or else where all machines are: what is to be changed.
fn place_of_last(checker: &Checker<'_>, matters: impl Fn(&Machine) -> bool) -> String {
    let machines = checker.cluster.spec.machines.iter();
    let leaving = machines.enumerate().filter(|(_, machine)| machine.removed.is_some() && matters(machine));
    leaving.last().map_or(PATH.to_owned(), |(index, _)| format!("{PATH}[{index}].removed"))
}

fn cluster(checker: &mut Checker<'_>) {
    let cluster = checker.cluster;
    if cluster.control_planes().next().is_none() {
        let path = place_of_last(checker, |machine| machine.roles.contains(&Role::ControlPlane));
        if path == PATH {
            checker.report(PATH, "no machine is a control plane", "give one of them the role `control-plane`");
        } else {
            let help = "keep it, or add another before it leaves; `hardway reset` takes the whole cluster away";
            checker.report(&path, "the last control plane cannot leave", help);
        }
        return;
    }
    let members = cluster.etcd_members().count();
    if members.is_multiple_of(2) {
        let (role, who) = if cluster.machines_with(Role::Etcd).next().is_some() {
            (Role::Etcd, "machines with the role `etcd`")
        } else {
            (Role::ControlPlane, "control planes, which run etcd where no machine has the role `etcd`")
        };
        let path = place_of_last(checker, |machine| machine.roles.contains(&role));
        checker.report(
            &path,
            format!("etcd would have {members} members"),
            format!(
                "{members} survive the loss of no more machines than {} do: use an odd number of {who}",
                members - 1
            ),
        );
    }
    if cluster.nodes().next().is_none() {
        let path = place_of_last(checker, |machine| cluster.is_node(machine));
        if path == PATH {
            checker.report(
                PATH,
                "no machine would run pods",
                "give one of them the role `worker`, or leave `controlPlane.node` at `true`",
            );
        } else {
            let help = "add another machine with the role `worker` before it leaves";
            checker.report(&path, "the last machine that runs pods cannot leave", help);
        }
    }
}
