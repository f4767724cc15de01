//! The inventory: written before anything else is, so that a half-built machine can be cleaned.

use hardway_design::{Group, GroupId, Observation, Resource};
use hardway_spec::MachineName;

use super::MachineView;
use super::files::replaces_foreign_file;
use crate::inventory::{Entry, INVENTORY, Inventory};
use crate::removal::removal_steps;
use crate::{Action, Change, Stage, Step};

pub(super) const STAGE: &str = "inventory";
pub(super) const REMOVAL: &str = "removal";

/// The stage that records what this plan puts there, and the one that takes away what is no longer wanted.
pub(super) fn stages(cluster: &str, machine: &MachineName, groups: &[&Group], view: &MachineView<'_>) -> Vec<Stage> {
    let resources: Vec<&Resource> = groups.iter().flat_map(|group| &group.resources).collect();
    let mut wanted = Inventory::new(cluster, machine);
    wanted.entries = resources.iter().filter_map(|resource| entry(resource, view)).collect();

    let recorded = view.inventory.iter().flat_map(|inventory| &inventory.entries);
    let mut unwanted: Vec<Entry> = recorded.filter(|entry| wanted.find(&entry.key()).is_none()).cloned().collect();
    // Recorded like the rest, so that the next plan finds what a run that was cut off left of it.
    let temporary: Vec<Entry> = view.temporary.iter().filter(|entry| !unwanted.contains(entry)).cloned().collect();
    unwanted.extend(temporary);
    let mut first = wanted.clone();
    first.entries.extend(unwanted.iter().cloned());

    let mut stages = Vec::new();
    let recorded = |inventory: &Inventory| first.entries.iter().all(|entry| inventory.entries.contains(entry));
    if !view.inventory.as_ref().is_some_and(recorded) {
        let steps = vec![inventory_step(first, view, "what is on the machine is about to change")];
        stages.push(Stage { id: GroupId::on(machine, STAGE), after: Vec::new(), steps });
    }
    if !unwanted.is_empty() {
        let mut steps = removal_steps(unwanted.into_iter().rev());
        for step in &mut steps {
            if matches!(&step.action, Action::Remove(entry) if view.temporary.contains(entry)) {
                step.reason = "needed only as long as this run goes on".to_owned();
            }
        }
        steps.push(inventory_step(wanted, view, "what was removed is no longer there"));
        let after = groups.iter().map(|group| group.id.clone()).collect();
        stages.push(Stage { id: GroupId::on(machine, REMOVAL), after, steps });
    }
    stages
}

fn inventory_step(inventory: Inventory, view: &MachineView<'_>, reason: &str) -> Step {
    let old = view.observed.inventory.as_deref().unwrap_or_default();
    Step {
        title: format!("Write {INVENTORY}"),
        reason: reason.to_owned(),
        resource: hardway_design::ResourceId(format!("file:{INVENTORY}")),
        change: Some(Change::diff(INVENTORY, old, &inventory.text())),
        disruption: None,
        action: Action::WriteInventory(inventory),
    }
}

/// What is recorded of a resource; None where it was there before hardway came.
fn entry(resource: &Resource, view: &MachineView<'_>) -> Option<Entry> {
    let recorded = view.inventory.as_ref().and_then(|inventory| inventory.find(&resource.id().0));
    let ours = recorded.is_some() || view.seen(resource).is_none();
    Some(match resource {
        Resource::Package(package) if ours => Entry::Package { name: package.name.clone() },
        Resource::User(user) if ours => Entry::User { name: user.name.clone() },
        Resource::Directory(directory) if ours => Entry::Directory { path: directory.path.clone() },
        Resource::Module(module) if ours => Entry::Module { name: module.name.clone() },
        Resource::Package(_) | Resource::User(_) | Resource::Directory(_) | Resource::Module(_) => return None,
        Resource::File(file) => Entry::File {
            path: file.path.clone(),
            sha256: file.content.sha256(),
            original: replaces_foreign_file(resource, view),
        },
        Resource::Link(link) => Entry::Link { path: link.path.clone(), target: link.target.clone() },
        Resource::Binary(binary) => Entry::Binary { link: binary.link.clone(), store: binary.store_path() },
        Resource::Image(image) => Entry::Image { reference: image.reference.clone() },
        Resource::Hosts(_) => Entry::Hosts,
        Resource::Sysctl(sysctl) => match (recorded, view.seen(resource)) {
            (Some(recorded), _) => recorded.clone(),
            (None, Some(Observation::Sysctl { value })) if *value == sysctl.value => return None,
            (None, Some(Observation::Sysctl { value })) => {
                Entry::Sysctl { key: sysctl.key.clone(), previous: Some(value.clone()) }
            }
            (None, _) => Entry::Sysctl { key: sysctl.key.clone(), previous: None },
        },
        Resource::SwapOff => match (recorded, view.seen(resource)) {
            (Some(recorded), _) => recorded.clone(),
            (None, Some(Observation::Swap { devices })) if !devices.is_empty() => {
                Entry::Swap { devices: devices.clone() }
            }
            _ => return None,
        },
        Resource::Unit(unit) => Entry::Unit { name: unit.name.clone() },
        Resource::Remains(remains) => {
            Entry::Remains { name: remains.name.clone(), title: remains.title.clone(), clean: remains.clean.clone() }
        }
        Resource::EtcdMember(_) | Resource::Task(_) | Resource::Wait(_) | Resource::Object(_) | Resource::Await(_) => {
            return None;
        }
    })
}
