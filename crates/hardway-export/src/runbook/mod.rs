//! RUNBOOK.md: the same cluster by hand, from the exported files, with the reason for each of them.
//!
//! Invariant: no secret is shown, only the files that hold one.

mod certificates;
mod checks;
mod cluster;
mod encryption;
mod kubeconfigs;
mod machine;
mod openssl;
mod overview;
mod page;
mod programs;
mod reasons;
mod shell;
mod transfer;

use hardway_design::{Group, Inputs, Place, Resource};

use crate::ExportedFile;
use crate::origin::Origins;
use page::Page;
use reasons::Explained;

/// What the runbook is written from.
pub(crate) struct Source<'a> {
    pub(crate) inputs: &'a Inputs<'a>,
    /// In the order in which a person builds them.
    pub(crate) groups: &'a [&'a Group],
    /// The operator's own files, with paths relative to the exported folder.
    pub(crate) workspace: &'a [ExportedFile],
    /// By the group whose objects they hold.
    pub(crate) manifests: &'a [(String, ExportedFile)],
}

const INTRODUCTION: &str = "\
This is the hard way to the cluster that the files beside this page describe: every command, in an order that works, \
and why each file, flag and setting is there. Nothing but upstream's own programs, plain configuration and systemd \
units ends up on the machines.

Commands that begin after \"On NAME\" are typed on that machine as root. All others are typed on your own machine, in \
the folder of this page. The files are complete: you may use the certificates and kubeconfigs that are here, or make \
your own, as the chapters on them say, and put those in their places before you copy anything.

Whoever holds this folder holds the cluster: private keys and the encryption key are in it.";

pub(crate) fn write(source: &Source<'_>) -> String {
    let mut page = Page::default();
    let mut explained = Explained::default();
    overview::write(source, &mut page);
    overview::prepare(source, &mut page);
    programs::write(source, &mut page);
    certificates::write(source, &mut page);
    kubeconfigs::write(source, &mut page);
    encryption::write(source, &mut page);
    transfer::write(source, &mut page);
    for visit in source.groups.chunk_by(|a, b| a.id.place == b.id.place) {
        write_visit(source, visit, &mut page, &mut explained);
    }
    checks::write(source, &mut page);
    openssl::write(source, &mut page);
    page.finish(&format!("{}, the hard way", source.inputs.cluster.metadata.name), INTRODUCTION)
}

/// What is done at one place before the next is turned to.
fn write_visit(source: &Source<'_>, visit: &[&Group], page: &mut Page, explained: &mut Explained) {
    let Some(first) = visit.first() else { return };
    match &first.id.place {
        Place::Machine(name) => {
            page.chapter(&format!("On {name}: {}", subject(visit)));
            machine::enter(source, name, page);
        }
        Place::Cluster => {
            page.chapter(&format!("In the cluster: {}", subject(visit)));
            cluster::enter(page);
        }
    }
    for group in visit {
        match &group.id.place {
            Place::Machine(name) => {
                page.section(&format!("{} on {name}", group.id.name));
                explained.group(group, page);
                machine::write(source, group, page, explained);
            }
            Place::Cluster => {
                page.section(&group.id.name);
                explained.group(group, page);
                cluster::write(source, group, page);
            }
        }
    }
}

/// What a visit is about: the services that it starts, or else all that it does.
fn subject(visit: &[&Group]) -> String {
    let starts = |group: &&&Group| group.resources.iter().any(|resource| matches!(resource, Resource::Unit(_)));
    let mut named: Vec<&&Group> = visit.iter().filter(starts).collect();
    if named.is_empty() {
        named.extend(visit);
    }
    named.into_iter().map(|group| group.id.name.as_str()).collect::<Vec<_>>().join(", ")
}

impl Source<'_> {
    fn origins(&self) -> Origins<'_> {
        Origins::new(self.workspace)
    }
}

#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "only the crate itself is pure; its tests run programs")]
mod tests {
    use std::process::Command;

    use crate::example::Example;

    /// What stands between fences that are marked as shell.
    fn shell_blocks(page: &str) -> Vec<&str> {
        page.split("\n```sh\n").skip(1).filter_map(|rest| rest.split("\n```\n").next()).collect()
    }

    fn runbook(example: &Example) -> String {
        let files = crate::export(&example.inputs(), &example.design()).unwrap();
        let runbook = files.iter().find(|file| file.path == "RUNBOOK.md").unwrap();
        String::from_utf8(runbook.content.bytes().to_vec()).unwrap()
    }

    #[test]
    fn machines_without_a_network_ask_no_mirror() {
        let runbook = runbook(&Example::closed());
        assert!(!runbook.contains("apt-get update"));
        assert!(runbook.contains("scp packages/debian-12.tar root@172.30.1.21:hard-way/packages.tar"));
        assert!(runbook.contains("apt_get install conntrack "));
        assert!(self::runbook(&Example::small()).contains("apt-get update"));
    }

    #[test]
    fn every_command_is_shell() {
        for example in Example::of_every_shape() {
            let script = shell_blocks(&runbook(&example)).join("\n");
            let output = Command::new("sh").args(["-n", "-c", &script]).output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        }
    }
}
