//! Units: the least disruption that brings the running process up to date.

use std::collections::BTreeMap;

use hardway_design::landmarks::{ETCD, KUBE_APISERVER};
use hardway_design::{Group, Observation, Resource, ResourceId, Unit, UnitObservation};

use super::{MachineView, Wanted};
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

    let foreign: Vec<&String> = seen.overrides.iter().filter(|path| is_foreign(path, view)).collect();
    for path in &foreign {
        let reason = format!("it changes {} and is not hardway's", unit.name);
        steps.push(step(format!("Remove {path}"), reason, Action::RemoveFile((*path).clone())));
    }
    if seen.enabled != "enabled" {
        let reason = if seen.enabled.is_empty() { "missing".to_owned() } else { format!("is {}", seen.enabled) };
        steps.push(step(format!("Enable {}", unit.name), reason, Action::EnableUnit(unit.name.clone())));
    }
    let own_files_changed = view.changed.iter().any(|path| is_unit_path(path, &unit.name));
    // What systemd has never read it reads when the unit is started; reading all units again costs a fifth of a second.
    let new_to_systemd = seen.is_unknown() && view.changed.contains(&format!("/etc/systemd/system/{}", unit.name));
    let reads_again = own_files_changed || seen.needs_daemon_reload || !foreign.is_empty() || seen.enabled != "enabled";
    if reads_again && !new_to_systemd {
        let reason = format!("{}'s unit files changed", unit.name);
        steps.push(step("Reload systemd's unit files".to_owned(), reason, Action::ReloadSystemd));
    }

    let (name, ready) = (unit.name.clone(), unit.ready.clone());
    let files = unit.restart_on.iter().chain(&unit.reload_on).filter(|path| view.reads_content(path));
    let reads = || files.clone().cloned().collect();
    if !seen.is_active() {
        let reason = if seen.active.is_empty() { "not running".to_owned() } else { format!("is {}", seen.active) };
        steps.push(step(format!("Start {name}"), reason, Action::StartUnit { unit: name, reads: reads(), ready }));
        return steps;
    }
    if let Some(reason) = restart_reason(unit, seen, view, !foreign.is_empty()) {
        let action = Action::RestartUnit { unit: name.clone(), reads: reads(), ready };
        steps.push(step(format!("Restart {name}"), reason, action));
        return steps;
    }
    if let Some(reason) = unit.reload_on.iter().find_map(|path| outdated(path, seen, view)) {
        let action = Action::ReloadUnit { unit: name.clone(), reads: unit.reload_on.clone(), ready };
        steps.push(step(format!("Reload {name}"), reason, action));
    }
    steps
}

/// Why the running process can't go on as it is, if it can't.
fn restart_reason(unit: &Unit, seen: &UnitObservation, view: &MachineView<'_>, overridden: bool) -> Option<String> {
    if overridden {
        return Some("it may have started with what is removed".to_owned());
    }
    if view.recovers_etcd && matches!(unit.name.as_str(), ETCD | KUBE_APISERVER) {
        return Some("etcd's data become others under it".to_owned());
    }
    if let Some(command) = &seen.other_command {
        return Some(format!("it runs as `{command}`, which its unit file does not say"));
    }
    let read_as_a_file = unit.restart_on.iter().any(|path| is_unit_path(path, &unit.name));
    if seen.needs_daemon_reload && !read_as_a_file {
        return Some("its package's unit file changed".to_owned());
    }
    unit.restart_on.iter().find_map(|path| outdated(path, seen, view))
}

/// Why what the process has of `path` is not what the design wants, if it is not or if that can't be known.
///
/// A file that changes on disk alone is no reason: a process that read it when it was right goes on.
fn outdated(path: &str, seen: &UnitObservation, view: &MachineView<'_>) -> Option<String> {
    let changes = || format!("{path} changes");
    match (view.wanted.get(path), &seen.program) {
        (Some(Wanted::Program(store_path)), Some(program)) => {
            if view.changed.contains(store_path) {
                return Some(changes());
            }
            return (program != store_path).then(|| format!("its process runs {program}"));
        }
        (Some(Wanted::Program(store_path)), None) if view.changed.contains(store_path) => return Some(changes()),
        (Some(Wanted::Content(wanted)), _) => match seen.read.get(path) {
            Some(read) if read == wanted => return None,
            Some(_) if view.changed.contains(path) => return Some(changes()),
            Some(_) => return Some(format!("its process has read another {path}")),
            None => {}
        },
        _ => {}
    }
    if view.changed.contains(path) || view.touched.contains(path) {
        return Some(changes());
    }
    seen.stale.iter().any(|stale| stale == path).then(|| format!("{path} is newer than what its process has read"))
}

/// Something that an administrator or a tool put there after hardway.
fn is_foreign(path: &str, view: &MachineView<'_>) -> bool {
    !view.observed.resources.contains_key(&ResourceId(format!("file:{path}")))
}

fn is_unit_path(path: &str, unit: &str) -> bool {
    path.strip_prefix("/etc/systemd/system/")
        .is_some_and(|rest| rest == unit || rest.strip_prefix(unit).is_some_and(|rest| rest.starts_with(".d/")))
}
