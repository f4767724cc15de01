//! Directories, files, links and binaries.

use hardway_design::{Binary, Directory, File, Link, Observation, Resource};

use super::MachineView;
use crate::inventory::Entry;
use crate::{Action, Blob, Change, Step};

/// Mode and owner of every binary in the store.
const PROGRAM: (u32, &str) = (0o755, "root:root");

pub(super) fn steps(resource: &Resource, view: &mut MachineView<'_>) -> Vec<Step> {
    match resource {
        Resource::Directory(directory) => directory_step(resource, directory, view).into_iter().collect(),
        Resource::File(file) => file_step(resource, file, view).into_iter().collect(),
        Resource::Link(link) => {
            let seen = match view.seen(resource) {
                Some(Observation::Link { target }) => Some(target.as_str()),
                _ => None,
            };
            link_step(resource, link, seen, view).into_iter().collect()
        }
        Resource::Binary(binary) => binary_steps(resource, binary, view),
        _ => Vec::new(),
    }
}

fn directory_step(resource: &Resource, directory: &Directory, view: &MachineView<'_>) -> Option<Step> {
    let reason = match view.seen(resource) {
        Some(Observation::Directory { mode, owner }) => attributes(directory.mode, &directory.owner, *mode, owner)?,
        _ => "missing".to_owned(),
    };
    Some(Step {
        title: format!("Make {}", directory.path),
        reason,
        resource: resource.id(),
        change: None,
        disruption: None,
        action: Action::MakeDirectory(directory.clone()),
    })
}

fn file_step(resource: &Resource, file: &File, view: &mut MachineView<'_>) -> Option<Step> {
    let new = || Some(Change::of_file(&file.path, None, None, &file.content));
    let (reason, change) = match view.seen(resource) {
        Some(Observation::File { mode, owner, sha256, .. }) if *sha256 == file.content.sha256() => {
            let reason = attributes(file.mode, &file.owner, *mode, owner)?;
            return Some(attributes_step(resource, &file.path, (file.mode, &file.owner), reason, view));
        }
        Some(Observation::File { sha256, text, .. }) => {
            let change = Change::of_file(&file.path, text.as_deref(), Some(sha256), &file.content);
            ("content differs".to_owned(), Some(change))
        }
        Some(Observation::Link { target }) => (format!("a link to {target} stands in its place"), new()),
        Some(Observation::Directory { .. }) => ("a directory stands in its place".to_owned(), new()),
        _ => ("missing".to_owned(), new()),
    };
    view.changed.insert(file.path.clone());
    Some(Step {
        title: format!("Write {}", file.path),
        reason,
        resource: resource.id(),
        change,
        disruption: None,
        action: Action::WriteFile { file: file.clone(), keep_original: replaces_foreign_file(resource, view) },
    })
}

/// For a file whose content is right: `wanted` are mode and owner.
fn attributes_step(
    resource: &Resource,
    path: &str,
    wanted: (u32, &str),
    reason: String,
    view: &mut MachineView<'_>,
) -> Step {
    let (mode, owner) = (wanted.0, wanted.1.to_owned());
    view.touched.insert(path.to_owned());
    Step {
        title: format!("Set mode and owner of {path}"),
        reason,
        resource: resource.id(),
        change: None,
        disruption: None,
        action: Action::SetAttributes { path: path.to_owned(), mode, owner },
    }
}

/// Whether something stands at the file's path that hardway did not put there.
pub(super) fn replaces_foreign_file(resource: &Resource, view: &MachineView<'_>) -> bool {
    let recorded = view.inventory.as_ref().and_then(|inventory| inventory.find(&resource.id().0));
    match recorded {
        Some(Entry::File { original, .. }) => *original,
        Some(_) => false,
        None => view.seen(resource).is_some(),
    }
}

fn link_step(resource: &Resource, link: &Link, seen: Option<&str>, view: &mut MachineView<'_>) -> Option<Step> {
    let reason = match seen {
        Some(target) if target == link.target => return None,
        Some(target) => format!("leads to {target}"),
        None => "missing".to_owned(),
    };
    view.changed.insert(link.path.clone());
    Some(Step {
        title: format!("Link {}", link.path),
        reason,
        resource: resource.id(),
        change: None,
        disruption: None,
        action: Action::MakeLink(link.clone()),
    })
}

fn binary_steps(resource: &Resource, binary: &Binary, view: &mut MachineView<'_>) -> Vec<Step> {
    let (target, stored) = match view.seen(resource) {
        Some(Observation::Binary { target, stored }) => (target.as_deref(), stored.as_ref()),
        _ => (None, None),
    };
    let store_path = binary.store_path();
    let mut steps = Vec::new();
    match stored {
        Some(stored) if stored.sha256 == binary.sha256 => {
            let wrong = attributes(PROGRAM.0, PROGRAM.1, stored.mode, &stored.owner);
            steps.extend(wrong.map(|reason| attributes_step(resource, &store_path, PROGRAM, reason, view)));
        }
        _ => {
            // Even a process that runs this very path may have started with what stands there now.
            view.changed.insert(store_path.clone());
            steps.push(Step {
                title: format!("Copy {} {}", binary.name, binary.version),
                reason: match stored {
                    Some(_) => "its digest is wrong".to_owned(),
                    None => "missing".to_owned(),
                },
                resource: resource.id(),
                change: None,
                disruption: None,
                action: Action::CopyBinary(Blob {
                    artifact: binary.name.clone(),
                    sha256: binary.sha256.clone(),
                    size: binary.size,
                    destination: store_path.clone(),
                }),
            });
        }
    }
    let link = Link { path: binary.link.clone(), target: store_path };
    steps.extend(link_step(resource, &link, target, view));
    steps
}

/// What is wrong with mode and owner, if anything.
fn attributes(mode: u32, owner: &str, seen_mode: u32, seen_owner: &str) -> Option<String> {
    let mut wrong = Vec::new();
    if mode != seen_mode {
        wrong.push(format!("mode is {seen_mode:o}, should be {mode:o}"));
    }
    if owner != seen_owner {
        wrong.push(format!("owner is {seen_owner}, should be {owner}"));
    }
    (!wrong.is_empty()).then(|| wrong.join("; "))
}
