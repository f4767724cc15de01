//! Rules of the flags that an operator adds: that the component runs there, knows the flag, and heeds it.

use std::collections::BTreeSet;

use super::Checker;
use crate::flags::{Claim, Flag};
use crate::shape::entry_path;
use crate::{Component, ExtraArgs, Flags, Role, suggest};

pub(super) fn check(checker: &mut Checker<'_>) {
    let cluster = checker.cluster;
    for role in [Role::ControlPlane, Role::Etcd, Role::Worker] {
        let path = format!("spec.roles.{role}.extraArgs");
        let runs = |component| cluster.role_runs(role, component);
        let Some(arguments) = cluster.spec.roles.extra_args(role) else { continue };
        let nobody = role == Role::Etcd && cluster.machines_with(role).next().is_none();
        if nobody && !arguments.is_empty() && roles_are_known(checker) {
            let help = "control planes run etcd then: set it in `spec.roles.control-plane`";
            checker.report(&path, "no machine has the role `etcd`", help);
        } else {
            of_all(checker, &path, arguments, &format!("the role `{role}`"), runs);
        }
    }
    for (index, machine) in cluster.spec.machines.iter().enumerate() {
        let path = format!("spec.machines[{index}].extraArgs");
        let runs = |component| cluster.runs(machine, component);
        of_all(checker, &path, &machine.extra_args, machine.name.as_str(), runs);
        if checker.is_sound(&format!("spec.machines[{index}].roles")) {
            roles_agree(checker, index);
        }
    }
}

fn of_all(checker: &mut Checker<'_>, path: &str, arguments: &ExtraArgs, whose: &str, runs: impl Fn(Component) -> bool) {
    let known = roles_are_known(checker);
    for (component, flags) in arguments {
        let path = format!("{path}.{component}");
        if known && !flags.is_empty() && !runs(*component) {
            checker.report(&path, format!("{whose} runs no {component}"), whereabouts(*component));
        } else {
            of_component(checker, &path, *component, flags);
        }
    }
}

/// Whether it can be said which machine runs what.
fn roles_are_known(checker: &Checker<'_>) -> bool {
    let mut roles = (0..checker.cluster.spec.machines.len()).map(|index| format!("spec.machines[{index}].roles"));
    checker.is_sound("spec.controlPlane.node") && roles.all(|path| checker.is_sound(&path))
}

fn whereabouts(component: Component) -> &'static str {
    match component {
        Component::Etcd => "it runs on machines with the role `etcd`, or where there are none on control planes",
        Component::KubeApiserver | Component::KubeControllerManager | Component::KubeScheduler => {
            "it runs on control planes"
        }
        Component::Kubelet | Component::KubeProxy | Component::Containerd => {
            "it runs on workers, and on control planes with `controlPlane.node: true`"
        }
    }
}

fn of_component(checker: &mut Checker<'_>, path: &str, component: Component, flags: &Flags) {
    let known = component.flags();
    for (name, value) in flags {
        let path = entry_path(path, name);
        if !checker.is_sound(&path) {
            continue;
        }
        match known.iter().find(|flag| flag.name == *name) {
            Some(flag) => of_flag(checker, &path, component, flag, value),
            None => unknown(checker, &path, component, name, &known),
        }
    }
}

fn unknown(checker: &mut Checker<'_>, path: &str, component: Component, name: &str, known: &[Flag]) {
    let names = || known.iter().map(|flag| flag.name.as_str());
    let bare = name.trim_start_matches('-');
    let help = if bare != name && names().any(|known| known == bare) {
        format!("write it without dashes: `{bare}`")
    } else {
        match suggest::nearest(bare, names()) {
            Some(nearest) => format!("did you mean `{nearest}`?"),
            None => format!("`{component} --help` lists its flags"),
        }
    };
    checker.report_key(path, format!("{component} {} has no flag `{name}`", component.version()), help);
}

fn of_flag(checker: &mut Checker<'_>, path: &str, component: Component, flag: &Flag, value: &str) {
    let name = &flag.name;
    match component.claim(flag) {
        Claim::Ours(instead) => {
            checker.report_key(path, format!("{component}'s `{name}` is hardway's to set"), instead);
        }
        Claim::Ignored => checker.report_key(
            path,
            format!("{component} takes no heed of `{name}`, since hardway gives it a configuration file"),
            "take it out",
        ),
        Claim::Free | Claim::Default | Claim::Shared => {
            if value.chars().any(char::is_control) {
                checker.report(path, "a flag's value is one line of plain text", "write it without line breaks");
            } else if !flag.kind.accepts(value) {
                let help = format!("it takes {}", flag.kind.description());
                checker.report(path, format!("`{value}` is no value of {component}'s `{name}`"), help);
            }
        }
    }
}

/// Two roles of one machine must not ask for different values, unless the machine itself says which.
fn roles_agree(checker: &mut Checker<'_>, index: usize) {
    let machine = &checker.cluster.spec.machines[index];
    let roles = &checker.cluster.spec.roles;
    let asked: Vec<(Role, &ExtraArgs)> =
        machine.roles.iter().filter_map(|role| Some((*role, roles.extra_args(*role)?))).collect();
    let mut problems = BTreeSet::new();
    for (position, (role, arguments)) in asked.iter().enumerate() {
        for (other_role, others) in &asked[..position] {
            for (component, flags) in arguments.iter() {
                let own = machine.extra_args.get(component);
                for (name, value) in flags {
                    let other = others.get(component).and_then(|flags| flags.get(name));
                    let settled = own.is_some_and(|own| own.contains_key(name));
                    if !settled && other.is_some_and(|other| other != value) {
                        problems.insert((*other_role, *role, *component, name.clone()));
                    }
                }
            }
        }
    }
    for (one, other, component, name) in problems {
        checker.report(
            &format!("spec.machines[{index}].roles"),
            format!("the roles `{one}` and `{other}` give {component}'s `{name}` different values"),
            format!("set it in the machine's own `extraArgs`, which win: `{component}: {{{name}: …}}`"),
        );
    }
}
