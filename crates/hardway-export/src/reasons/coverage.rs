//! The tables against designs of every shape.

use std::collections::BTreeSet;

use hardway_design::{Group, Resource};
use hardway_spec::Component;
use hardway_spec::flags::Claim;

use super::subject::Subject;
use super::{TABLES, Topic, inside, row, why};
use crate::example::Example;

/// Calls `ask` with everything in a group that has a reason.
fn subjects(group: &Group, ask: &mut dyn FnMut(Subject<'_>)) {
    let mut named = |topic: Topic<'_>, name: &str| ask(Subject { topic, name: name.to_owned(), value: None });
    named(Topic::Groups, &group.id.name);
    for resource in &group.resources {
        match resource {
            Resource::Package(package) => named(Topic::Packages, &package.name),
            Resource::User(user) => named(Topic::Users, &user.name),
            Resource::Directory(directory) => named(Topic::Paths, &directory.path),
            Resource::Link(link) => named(Topic::Paths, &link.path),
            Resource::Binary(binary) => named(Topic::Binaries, &binary.name),
            Resource::Image(image) => named(Topic::Images, &image.name),
            Resource::Module(module) => named(Topic::Modules, &module.name),
            Resource::Sysctl(sysctl) => named(Topic::Sysctls, &sysctl.key),
            Resource::File(file) => named(Topic::Paths, &file.path),
            // Each of these says itself what it is for.
            Resource::Hosts(_)
            | Resource::SwapOff
            | Resource::Unit(_)
            | Resource::EtcdMember(_)
            | Resource::Task(_)
            | Resource::Object(_)
            | Resource::Await(_)
            | Resource::Remains(_)
            | Resource::Wait(_) => {}
        }
    }
    for resource in &group.resources {
        if let Resource::File(file) = resource {
            inside(file, ask);
        }
    }
}

#[test]
fn everything_in_a_design_has_a_reason() {
    let mut without = BTreeSet::new();
    for example in Example::of_every_shape() {
        for group in &example.design().groups {
            subjects(group, &mut |subject| {
                if why(subject.topic, &subject.name).is_none() {
                    without.insert(format!("{:?} {}", subject.topic, subject.name));
                }
            });
        }
    }
    assert!(without.is_empty(), "no reason for\n{}", without.into_iter().collect::<Vec<_>>().join("\n"));
}

#[test]
fn every_reason_is_for_something_in_a_design() {
    let mut orphans: BTreeSet<(Topic<'_>, &str)> = TABLES
        .iter()
        .copied()
        .flatten()
        .flat_map(|table| table.rows.iter().map(|(of, _)| (table.topic, *of)))
        .collect();
    for example in Example::of_every_shape() {
        for group in &example.design().groups {
            subjects(group, &mut |subject| {
                if let Some((of, _)) = row(subject.topic, &subject.name) {
                    orphans.retain(|(topic, name)| !(*topic == subject.topic && name == of));
                }
            });
        }
    }
    assert!(orphans.is_empty(), "nothing is explained by\n{orphans:#?}");
}

/// Configuration documents that have fields in place of a component's flags.
const INSTEAD_OF_FLAGS: [(&str, Component); 3] = [
    ("KubeletConfiguration", Component::Kubelet),
    ("KubeSchedulerConfiguration", Component::KubeScheduler),
    ("KubeProxyConfiguration", Component::KubeProxy),
];

/// The component and the name of its flag that a thing of a design is, or stands for.
fn flag_of(topic: Topic<'_>, name: &str) -> Option<(Component, String)> {
    match topic {
        Topic::Flags(program) => {
            let component = Component::ALL.into_iter().find(|component| component.as_str() == program)?;
            Some((component, name.trim_start_matches('-').to_owned()))
        }
        Topic::Fields(kind) => {
            let (_, component) = INSTEAD_OF_FLAGS.into_iter().find(|(document, _)| *document == kind)?;
            let field = name.rsplit('.').next()?.to_lowercase();
            let flags = component.flags().into_iter().map(|flag| flag.name);
            Some((component, flags.into_iter().find(|flag| flag.replace('-', "") == field)?))
        }
        _ => None,
    }
}

#[test]
fn an_operator_is_kept_from_every_flag_that_hardway_sets() {
    let mut asked = BTreeSet::new();
    let mut free = BTreeSet::new();
    for example in Example::of_every_shape().iter().filter(|example| !example.has_extra_args()) {
        for group in &example.design().groups {
            subjects(group, &mut |subject| {
                let Some((component, flag)) = flag_of(subject.topic, &subject.name) else { return };
                if component.claim_of(&flag).is_none_or(|claim| claim == Claim::Free) {
                    free.insert(format!("{component} {flag}"));
                }
                asked.insert((component, flag));
            });
        }
    }
    assert!(asked.len() > 80 && asked.contains(&(Component::Kubelet, "cluster-dns".to_owned())), "{asked:?}");
    assert!(free.is_empty(), "hardway-spec/src/flags/ours.rs lacks\n{free:#?}");
}

#[test]
fn what_an_operator_adds_is_said_to_be_asked_for() {
    let asked = |name: &str| why(Topic::Flags("kubelet"), name);
    assert!(asked("--max-pods").is_some_and(|why| why.contains("cluster.yaml")));
    assert_eq!(asked("--no-such-flag"), None);
    assert!(asked("--config").is_some_and(|why| !why.contains("cluster.yaml")));
}

#[test]
fn no_thing_has_two_reasons() {
    let mut seen = BTreeSet::new();
    for table in TABLES.iter().copied().flatten() {
        for (of, _) in table.rows {
            assert!(seen.insert((table.topic, of)), "{:?} {of} has two", table.topic);
        }
    }
}
