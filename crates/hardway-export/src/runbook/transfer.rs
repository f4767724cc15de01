//! From the operator's machine to the others.

use hardway_design::{Group, PackageOrigin, Place, Resource};
use hardway_spec::{Machine, MachineName};

use super::Source;
use super::page::Page;
use crate::origin::Origin;

/// The folder below the login's home that the files are copied to. It holds keys, so /tmp will not do.
pub(super) const FOLDER: &str = "hard-way";

pub(super) fn write(source: &Source<'_>, page: &mut Page) {
    page.chapter("Copy the files to the machines");
    renew(source, page);
    page.paragraph(
        "The tree below `machines/NAME` is the machine's own: what stands at `machines/cp1/etc/x` belongs at `/etc/x` \
         on cp1. Copy each tree whole, and the programs that the machine runs; they are put in their places later, \
         when it is their turn.",
    );
    for machine in source.inputs.cluster.machines() {
        page.shell(&copy(source, machine));
    }
}

/// For those who made certificates and kubeconfigs of their own.
fn renew(source: &Source<'_>, page: &mut Page) {
    let mut commands = Vec::new();
    for group in source.groups {
        let Place::Machine(machine) = &group.id.place else { continue };
        for resource in &group.resources {
            let Resource::File(file) = resource else { continue };
            let target = format!("machines/{machine}{}", file.path);
            match source.origins().of(&file.content) {
                Some(Origin::SameAs(origin)) => commands.push(format!("cp {origin} {target}")),
                Some(Origin::Joined(first, second)) => commands.push(format!("cat {first} {second} >{target}")),
                None => {}
            }
        }
    }
    if commands.is_empty() {
        return;
    }
    page.paragraph("If you made certificates, kubeconfigs or the encryption key anew, put them into the trees first:");
    page.shell(&commands.join("\n"));
}

fn copy(source: &Source<'_>, machine: &Machine) -> String {
    let target = format!("{}:{FOLDER}", login(source, &machine.name));
    let port = source.inputs.cluster.spec.ssh.port;
    let port = if port == 22 { String::new() } else { format!("-P {port} ") };
    let mut commands = vec![format!("scp -r {port}machines/{} {target}", machine.name)];
    let binaries = binaries(source.groups, &machine.name);
    if !binaries.is_empty() {
        commands.push(format!("{} mkdir -p {FOLDER}/bin", ssh(source, &machine.name)));
        let files: Vec<String> = binaries.iter().map(|name| format!("bin/{name}")).collect();
        commands.push(format!("scp {port}{} {target}/bin/", files.join(" ")));
    }
    if let Some(archive) = package_archive(source, machine) {
        commands.push(format!("scp {port}{} {target}/packages.tar", archive.file));
    }
    commands.join("\n")
}

/// What a machine installs packages from, as the reader has it.
pub(super) struct PackageFile {
    pub(super) file: String,
    pub(super) sha256: String,
}

/// None where the machine asks its distribution's mirrors.
pub(super) fn package_archive(source: &Source<'_>, machine: &Machine) -> Option<PackageFile> {
    let PackageOrigin::Archive(archive) = source.inputs.package_origin(machine).ok()? else { return None };
    let os = &source.inputs.facts_of(machine).ok()?.os;
    Some(PackageFile { file: format!("packages/{}-{}.tar", os.id, os.version), sha256: archive.sha256 })
}

fn binaries<'a>(groups: &[&'a Group], machine: &MachineName) -> Vec<&'a str> {
    let here = groups.iter().filter(|group| matches!(&group.id.place, Place::Machine(name) if name == machine));
    let resources = here.flat_map(|group| &group.resources);
    resources
        .filter_map(|resource| match resource {
            Resource::Binary(binary) => Some(binary.name.as_str()),
            _ => None,
        })
        .collect()
}

/// `root@172.30.1.11`.
fn login(source: &Source<'_>, machine: &MachineName) -> String {
    let cluster = source.inputs.cluster;
    let address = cluster.machine(machine.as_str()).map_or_else(|| machine.to_string(), |m| m.address.to_string());
    format!("{}@{address}", cluster.spec.ssh.user)
}

/// `ssh root@172.30.1.11`.
pub(super) fn ssh(source: &Source<'_>, machine: &MachineName) -> String {
    let port = source.inputs.cluster.spec.ssh.port;
    let port = if port == 22 { String::new() } else { format!("-p {port} ") };
    format!("ssh {port}{}", login(source, machine))
}
