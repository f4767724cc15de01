//! What must hold of every design.

use std::collections::BTreeSet;

use hardway_design::{
    Content, DesignError, PackageArchive, PackageOrigin, Place, Resource, design, encryption_config, kubeconfigs,
    package_names,
};
use hardway_spec::{Bridge, Cni};

use crate::cluster::{Scenario, all, plain};

#[test]
fn every_group_waits_for_groups_that_exist() {
    for scenario in all() {
        let design = scenario.design();
        let ids: BTreeSet<_> = design.groups.iter().map(|group| &group.id).collect();
        assert_eq!(ids.len(), design.groups.len(), "{}: two groups of one name", scenario.name);
        for group in &design.groups {
            for after in &group.after {
                assert!(ids.contains(after), "{}: {} waits for {after}, which is not there", scenario.name, group.id);
            }
        }
    }
}

#[test]
fn no_group_waits_for_itself() {
    for scenario in all() {
        let design = scenario.design();
        let mut done = BTreeSet::new();
        let mut left: Vec<_> = design.groups.iter().collect();
        while !left.is_empty() {
            let before = left.len();
            left.retain(|group| {
                let ready = group.after.iter().all(|after| done.contains(after));
                if ready {
                    done.insert(&group.id);
                }
                !ready
            });
            let names: Vec<_> = left.iter().map(|group| group.id.to_string()).collect();
            assert!(left.len() < before, "{}: a circle among {names:?}", scenario.name);
        }
    }
}

#[test]
fn resources_are_unique_on_their_place() {
    for scenario in all() {
        let design = scenario.design();
        let mut seen = BTreeSet::new();
        for group in &design.groups {
            for resource in &group.resources {
                assert!(
                    seen.insert((&group.id.place, resource.id())),
                    "{}: {} twice on {}",
                    scenario.name,
                    resource.id(),
                    group.id.place
                );
            }
        }
    }
}

#[test]
fn what_restarts_a_unit_is_on_its_machine() {
    for scenario in all() {
        let design = scenario.design();
        for machine in &scenario.cluster.spec.machines {
            let resources = || design.on_machine(&machine.name).flat_map(|group| &group.resources);
            let paths: BTreeSet<&str> = resources()
                .filter_map(|resource| match resource {
                    Resource::File(file) => Some(file.path.as_str()),
                    Resource::Binary(binary) => Some(binary.link.as_str()),
                    Resource::Link(link) => Some(link.path.as_str()),
                    _ => None,
                })
                .collect();
            for resource in resources() {
                let Resource::Unit(unit) = resource else { continue };
                for path in unit.restart_on.iter().chain(&unit.reload_on) {
                    assert!(
                        paths.contains(path.as_str()),
                        "{}: {path} of {} on {}",
                        scenario.name,
                        unit.name,
                        machine.name
                    );
                }
            }
        }
    }
}

#[test]
fn keys_are_secret_and_closed_to_others() {
    for scenario in all() {
        for group in scenario.design().groups {
            for resource in group.resources {
                let Resource::File(file) = resource else { continue };
                if holds_key(&file.content) || file.path.contains("kubeconfig") {
                    assert!(file.content.is_secret(), "{}: {} is not secret", scenario.name, file.path);
                    assert_eq!(file.mode, 0o600, "{}: {}", scenario.name, file.path);
                }
            }
        }
    }
}

fn holds_key(content: &Content) -> bool {
    String::from_utf8_lossy(content.bytes()).contains("PRIVATE KEY")
}

#[test]
fn kubeconfigs_and_the_encryption_config_are_the_same_bytes_in_the_workspace() {
    let scenario = plain();
    let design = scenario.design();
    let files: Vec<_> = design
        .groups
        .iter()
        .filter(|group| matches!(group.id.place, Place::Machine(_)))
        .flat_map(|group| &group.resources)
        .filter_map(|resource| match resource {
            Resource::File(file) => Some(file),
            _ => None,
        })
        .collect();
    for (path, content) in kubeconfigs(&scenario.inputs()).unwrap() {
        let everywhere = path.ends_with("admin-remote.kubeconfig") || files.iter().any(|file| file.content == content);
        assert!(everywhere, "{path} is on no machine");
    }
    let encryption = encryption_config(&scenario.encryption_key);
    assert!(files.iter().any(|file| file.content == encryption));
}

#[test]
fn a_pod_range_without_a_share_for_each_node_is_refused() {
    let mut scenario = plain();
    scenario.cluster.spec.network.cni = Cni::Bridge(Bridge {});
    scenario.cluster.spec.network.pods = "10.200.0.0/23".parse().unwrap();
    let error = design(&scenario.inputs()).unwrap_err();
    assert!(matches!(error, DesignError::PodRangeTooSmall { nodes: 3, prefix: 24, .. }), "{error}");
}

#[test]
fn a_machine_that_was_not_probed_is_named() {
    let mut scenario = plain();
    let machine = "w2".into();
    scenario.facts.remove(&machine);
    assert_eq!(design(&scenario.inputs()).unwrap_err(), DesignError::MissingFacts { machine });
}

#[test]
fn packages_come_from_mirrors_unless_archives_are_at_hand() {
    let mut scenario = plain();
    let origins = |scenario: &Scenario| -> Vec<PackageOrigin> {
        let resources = scenario.design().groups.into_iter().flat_map(|group| group.resources);
        let origins = resources.filter_map(|resource| match resource {
            Resource::Package(package) => Some(package.origin),
            _ => None,
        });
        origins.collect()
    };
    assert!(origins(&scenario).iter().all(|origin| *origin == PackageOrigin::Mirrors));
    let archive = PackageArchive { sha256: "ab".repeat(32), size: 1 };
    scenario.catalog.packages = Some([("debian-12".to_owned(), archive.clone())].into());
    assert!(origins(&scenario).iter().all(|origin| *origin == PackageOrigin::Archive(archive.clone())));
    for facts in scenario.facts.values_mut() {
        facts.os.version = "13".to_owned();
    }
    let nowhere = PackageOrigin::Nowhere { os: "debian-13".to_owned() };
    assert!(origins(&scenario).iter().all(|origin| *origin == nowhere));
}

#[test]
fn the_names_of_packages_are_known_without_a_machine() {
    for scenario in all() {
        let design = scenario.design();
        let resources = design.groups.iter().flat_map(|group| &group.resources);
        let designed: BTreeSet<&str> = resources
            .filter_map(|resource| match resource {
                Resource::Package(package) => Some(package.name.as_str()),
                _ => None,
            })
            .collect();
        assert_eq!(package_names(&scenario.cluster), designed, "{}", scenario.name);
    }
}
