//! Units: the least disruption that brings the running process up to date.

use std::collections::BTreeMap;

use hardway_design::{Group, Observation, Resource, ResourceId, Unit, UnitObservation};

use super::MachineView;
use crate::{Action, Step};

/// Each unit's steps, by the unit's resource. Units with nothing to do are left out.
pub(super) fn steps(group: &Group, view: &mut MachineView<'_>) -> BTreeMap<ResourceId, Vec<Step>> {
    let mut all = BTreeMap::new();
    for resource in &group.resources {
        if let Resource::Unit(unit) = resource {
            let steps = unit_steps(resource, unit, view);
            if !steps.is_empty() {
                all.insert(resource.id(), steps);
            }
        }
    }
    all
}

fn unit_steps(resource: &Resource, unit: &Unit, view: &mut MachineView<'_>) -> Vec<Step> {
    let absent = UnitObservation::default();
    let seen = match view.seen(resource) {
        Some(Observation::Unit(seen)) => seen,
        _ => &absent,
    };
    let step = |title: String, reason: String, action: Action| Step {
        title,
        reason,
        resource: resource.id(),
        change: None,
        disruption: None,
        action,
    };
    let mut steps = Vec::new();

    let foreign: Vec<&String> = seen.drop_ins.iter().filter(|path| is_foreign(path, view)).collect();
    for path in &foreign {
        let reason = format!("a drop-in on {} that is not hardway's", unit.name);
        steps.push(step(format!("Remove {path}"), reason, Action::RemoveFile((*path).clone())));
    }
    if seen.enabled != "enabled" {
        let reason = if seen.enabled.is_empty() { "missing".to_owned() } else { format!("is {}", seen.enabled) };
        steps.push(step(format!("Enable {}", unit.name), reason, Action::EnableUnit(unit.name.clone())));
    }
    let own_files_changed = view.changed.iter().any(|path| is_unit_path(path, &unit.name));
    let definition_changed = own_files_changed || seen.needs_daemon_reload || !foreign.is_empty();
    if definition_changed || seen.enabled != "enabled" {
        let reason = format!("{}'s unit files changed", unit.name);
        steps.push(step("Reload systemd's unit files".to_owned(), reason, Action::ReloadSystemd));
    }

    let changed = |paths: &[String]| paths.iter().find(|path| view.changed.contains(*path)).cloned();
    let (name, ready) = (unit.name.clone(), unit.ready.clone());
    if !seen.is_active() {
        let reason = if seen.active.is_empty() { "not running".to_owned() } else { format!("is {}", seen.active) };
        steps.push(step(format!("Start {name}"), reason, Action::StartUnit { unit: name, ready }));
        return steps;
    }
    let restart_reason = if definition_changed {
        Some("its unit file changed".to_owned())
    } else if let Some(path) = changed(&unit.restart_on) {
        Some(format!("{path} changes"))
    } else {
        seen.stale.first().map(|path| format!("{path} is newer than the process"))
    };
    if let Some(reason) = restart_reason {
        let action = Action::RestartUnit { unit: name.clone(), ready };
        steps.push(step(format!("Restart {name}"), reason, action));
        return steps;
    }
    let reload_reason = changed(&unit.reload_on)
        .map(|path| format!("{path} changes"))
        .or_else(|| seen.unloaded.first().map(|path| format!("{path} is newer than what was loaded")));
    if let Some(reason) = reload_reason {
        let action = Action::ReloadUnit { unit: name.clone(), ready };
        steps.push(step(format!("Reload {name}"), reason, action));
    }
    steps
}

/// A drop-in that an administrator or a tool put there after hardway; packages' own, below /lib and /usr, stay.
fn is_foreign(path: &str, view: &MachineView<'_>) -> bool {
    let by_hand = path.starts_with("/etc/systemd/system/") || path.starts_with("/run/systemd/system/");
    by_hand && !view.observed.resources.contains_key(&ResourceId(format!("file:{path}")))
}

fn is_unit_path(path: &str, unit: &str) -> bool {
    path.strip_prefix("/etc/systemd/system/")
        .is_some_and(|rest| rest == unit || rest.strip_prefix(unit).is_some_and(|rest| rest.starts_with(".d/")))
}
