//! Packages, users, kernel settings, images and tasks.

use hardway_design::{Group, Image, Observation, Package, PackageArchive, PackageOrigin, Resource, Task};

use super::MachineView;
use crate::inventory::Entry;
use crate::{Action, Blob, Change, Step};

/// One installation of all packages of a group that are missing: the package manager is slow to start.
pub(super) fn package_steps(group: &Group, view: &mut MachineView<'_>) -> Vec<Step> {
    let missing: Vec<(&Resource, &Package)> = group
        .resources
        .iter()
        .filter_map(|resource| match resource {
            Resource::Package(package) if view.seen(resource).is_none() => Some((resource, package)),
            _ => None,
        })
        .collect();
    let Some((first, package)) = missing.first() else { return Vec::new() };
    let step = |title: String, action: Action| Step {
        title,
        reason: "missing".to_owned(),
        resource: first.id(),
        change: None,
        disruption: None,
        action,
    };
    let names: Vec<String> = missing.iter().map(|(_, package)| package.name.clone()).collect();
    // A machine takes all of its packages from one place.
    let blob = match &package.origin {
        PackageOrigin::Archive(archive) => Some(package_blob(archive)),
        PackageOrigin::Mirrors | PackageOrigin::Nowhere { .. } => None,
    };
    let archive = blob.as_ref().map(|blob| blob.destination.clone());
    let install = step(format!("Install {}", names.join(", ")), Action::InstallPackages { names, archive });
    let Some(blob) = blob else { return vec![install] };
    view.temporary.push(Entry::Directory { path: PACKAGE_ARCHIVES.to_owned() });
    vec![step("Copy the archive of packages".to_owned(), Action::CopyPackages(blob)), install]
}

/// Where archives of packages stand, and are unpacked, for as long as a run goes on.
const PACKAGE_ARCHIVES: &str = "/var/lib/hardway/package-archives";

fn package_blob(archive: &PackageArchive) -> Blob {
    Blob {
        artifact: "packages".to_owned(),
        sha256: archive.sha256.clone(),
        size: archive.size,
        destination: format!("{PACKAGE_ARCHIVES}/{}.tar", archive.sha256),
    }
}

pub(super) fn steps(resource: &Resource, view: &mut MachineView<'_>) -> Vec<Step> {
    let seen = view.seen(resource);
    let (title, reason, action) = match (resource, seen) {
        (Resource::User(_), Some(_)) | (Resource::Module(_), Some(_)) => return Vec::new(),
        (Resource::User(user), None) => {
            (format!("Create user {}", user.name), "missing".to_owned(), Action::CreateUser(user.clone()))
        }
        (Resource::Module(module), None) => (
            format!("Load kernel module {}", module.name),
            "not loaded".to_owned(),
            Action::LoadModule(module.name.clone()),
        ),
        (Resource::Hosts(hosts), seen) => {
            let reason = match seen {
                Some(Observation::Hosts { lines }) if *lines == hosts.lines => return Vec::new(),
                Some(Observation::Hosts { lines }) if !lines.is_empty() => "lines differ".to_owned(),
                _ => "missing".to_owned(),
            };
            ("Write hardway's lines in /etc/hosts".to_owned(), reason, Action::WriteHosts(hosts.clone()))
        }
        (Resource::Sysctl(sysctl), seen) => {
            let reason = match seen {
                Some(Observation::Sysctl { value }) if *value == sysctl.value => return Vec::new(),
                Some(Observation::Sysctl { value }) => format!("is {value}"),
                _ => "not set".to_owned(),
            };
            (
                format!("Set {} to {}", sysctl.key, sysctl.value),
                reason,
                Action::SetSysctl { key: sysctl.key.clone(), value: sysctl.value.clone() },
            )
        }
        (Resource::SwapOff, seen) => {
            let devices = match seen {
                Some(Observation::Swap { devices }) if !devices.is_empty() => devices.join(", "),
                _ => return Vec::new(),
            };
            ("Turn swap off".to_owned(), format!("{devices} in use"), Action::DisableSwap)
        }
        (Resource::Task(task), seen) => match task_step(task, seen) {
            Some(step) => step,
            None => return Vec::new(),
        },
        (Resource::Image(image), seen) => return image_steps(resource, image, seen),
        _ => return Vec::new(),
    };
    vec![Step { title, reason, resource: resource.id(), change: change(resource, seen), disruption: None, action }]
}

fn change(resource: &Resource, seen: Option<&Observation>) -> Option<Change> {
    let Resource::Hosts(hosts) = resource else { return None };
    let text = |lines: &[String]| lines.iter().map(|line| format!("{line}\n")).collect::<String>();
    let old = match seen {
        Some(Observation::Hosts { lines }) => text(lines),
        _ => String::new(),
    };
    Some(Change::diff("/etc/hosts", &old, &text(&hosts.lines)))
}

fn task_step(task: &Task, seen: Option<&Observation>) -> Option<(String, String, Action)> {
    if matches!(seen, Some(Observation::Task { holds: true })) {
        return None;
    }
    Some((task.title.clone(), "not done yet".to_owned(), Action::RunTask(task.clone())))
}

fn image_steps(resource: &Resource, image: &Image, seen: Option<&Observation>) -> Vec<Step> {
    let reason = match seen {
        Some(Observation::Image { manifest_digest }) if *manifest_digest == image.manifest_digest => {
            return Vec::new();
        }
        Some(Observation::Image { .. }) => "its digest differs".to_owned(),
        _ => "missing".to_owned(),
    };
    let step = |title: String, action: Action| Step {
        title,
        reason: reason.clone(),
        resource: resource.id(),
        change: None,
        disruption: None,
        action,
    };
    vec![
        step(
            format!("Copy image {}", image.name),
            Action::CopyImage(Blob {
                artifact: image.name.clone(),
                sha256: image.sha256.clone(),
                size: image.size,
                destination: archive_path(image),
            }),
        ),
        step(format!("Import image {}", image.reference), Action::ImportImage(image.clone())),
    ]
}

/// Where an image's archive stands until containerd has it.
pub(crate) fn archive_path(image: &Image) -> String {
    format!("/var/lib/hardway/images/{}.tar", image.sha256)
}
