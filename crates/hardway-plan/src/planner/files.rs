//! Directories, files, links and binaries.

use hardway_design::{Binary, Directory, File, Link, Observation, Resource};

use super::MachineView;
use crate::inventory::Entry;
use crate::{Action, Blob, Change, Step};

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
    let wanted = file.content.sha256();
    let (reason, change) = match view.seen(resource) {
        Some(Observation::File { mode, owner, sha256, text }) => {
            if *sha256 == wanted {
                (attributes(file.mode, &file.owner, *mode, owner)?, None)
            } else {
                let change = Change::of_file(&file.path, text.as_deref(), Some(sha256), &file.content);
                ("content differs".to_owned(), Some(change))
            }
        }
        _ => ("missing".to_owned(), Some(Change::of_file(&file.path, None, None, &file.content))),
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
        Some(Observation::Binary { target, stored_sha256 }) => (target.as_deref(), stored_sha256.as_deref()),
        _ => (None, None),
    };
    let mut steps = Vec::new();
    if stored != Some(binary.sha256.as_str()) {
        // A binary that is put right under a running process is as good as a new one.
        view.changed.insert(binary.link.clone());
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
                destination: binary.store_path(),
            }),
        });
    }
    let link = Link { path: binary.link.clone(), target: binary.store_path() };
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
