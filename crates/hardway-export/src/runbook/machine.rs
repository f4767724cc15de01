//! A group of a machine as commands, with the reason for each thing.

use hardway_design::{
    Condition, Directory, EtcdChange, File, Group, Hosts, Image, Package, PackageOrigin, Place, Resource, Task, Unit,
};
use hardway_spec::MachineName;

use super::Source;
use super::page::{Page, code};
use super::programs::upstream_image;
use super::reasons::Explained;
use super::shell::{quote, until};
use super::transfer::{FOLDER, ssh};
use crate::origin::Origin;
use crate::reasons::{Topic, why};

/// How a person gets there.
pub(super) fn enter(source: &Source<'_>, machine: &MachineName, page: &mut Page) {
    let become_root = if source.inputs.cluster.spec.ssh.user == "root" { "" } else { "sudo -s\n" };
    page.shell(&format!("{}\ncd {FOLDER}\n{become_root}", ssh(source, machine)));
}

pub(super) fn write(source: &Source<'_>, group: &Group, page: &mut Page, explained: &mut Explained) {
    let Place::Machine(machine) = &group.id.place else { return };
    let same_sort = |a: &Resource, b: &Resource| std::mem::discriminant(a) == std::mem::discriminant(b);
    for run in group.resources.chunk_by(same_sort) {
        Run { source, machine, page, explained }.write(run);
    }
}

const UNPACK_PACKAGES: &str = "\
mkdir -p packages/lists/partial
tar -xf packages.tar -C packages
echo \"deb [trusted=yes] file:$PWD/packages ./\" >packages/sources.list";

const APT_GET_ALONE: &str = "\
apt_get() {
    apt-get --no-install-recommends --yes -o APT::Sandbox::User=root -o Dir::State::Lists=\"$PWD/packages/lists\" \\
        -o Dir::Etc::SourceList=\"$PWD/packages/sources.list\" -o Dir::Etc::SourceParts=/dev/null \"$@\"
}";

/// Resources of one sort that follow each other.
struct Run<'a, 'b> {
    source: &'a Source<'a>,
    machine: &'a MachineName,
    page: &'b mut Page,
    explained: &'b mut Explained,
}

impl Run<'_, '_> {
    fn write(&mut self, run: &[Resource]) {
        let commands: Vec<String> = run.iter().map(command).collect();
        match run.first() {
            Some(Resource::Package(_)) => {
                let names = names(run, |resource| match resource {
                    Resource::Package(package) => Some(package.name.as_str()),
                    _ => None,
                });
                self.packages(run, &names.join(" "));
                self.explained.items(Topic::Packages, names, self.page);
            }
            Some(Resource::User(_)) => {
                self.page.paragraph("A user for the service alone:");
                self.page.shell(&commands.join("\n"));
                let users = names(run, |resource| match resource {
                    Resource::User(user) => Some(user.name.as_str()),
                    _ => None,
                });
                self.explained.items(Topic::Users, users, self.page);
            }
            Some(Resource::Directory(_)) => {
                self.page.paragraph("Folders:");
                self.page.shell(&commands.join("\n"));
                let paths = names(run, |resource| match resource {
                    Resource::Directory(directory) => Some(directory.path.as_str()),
                    _ => None,
                });
                self.explained.items(Topic::Paths, paths, self.page);
            }
            Some(Resource::File(_)) => self.files(run, &commands),
            Some(Resource::Link(_)) => {
                self.page.paragraph("Links:");
                self.page.shell(&commands.join("\n"));
                let paths = names(run, |resource| match resource {
                    Resource::Link(link) => Some(link.path.as_str()),
                    _ => None,
                });
                self.explained.items(Topic::Paths, paths, self.page);
            }
            Some(Resource::Module(_)) => {
                self.page.paragraph("Kernel modules, now. Where the kernel has one built in, modprobe may not find it; that is as good:");
                self.page.shell(&commands.join("\n"));
                let modules = names(run, |resource| match resource {
                    Resource::Module(module) => Some(module.name.as_str()),
                    _ => None,
                });
                self.explained.items(Topic::Modules, modules, self.page);
            }
            Some(Resource::Sysctl(_)) => {
                self.page.paragraph("Kernel settings, now:");
                self.page.shell(&commands.join("\n"));
                let keys = names(run, |resource| match resource {
                    Resource::Sysctl(sysctl) => Some(sysctl.key.as_str()),
                    _ => None,
                });
                self.explained.items(Topic::Sysctls, keys, self.page);
            }
            Some(first) => {
                self.page.paragraph(introduction(first));
                self.page.shell(&commands.join("\n"));
            }
            None => {}
        }
    }

    fn packages(&mut self, run: &[Resource], names: &str) {
        let archive = run
            .iter()
            .any(|resource| matches!(resource, Resource::Package(Package { origin: PackageOrigin::Archive(_), .. })));
        if archive {
            self.page.paragraph(
                "Packages of the distribution, from the archive alone. Its digest is what they are trusted by, so that \
                 nothing in it need be signed; apt keeps its own lists as they are:",
            );
            self.page.shell(&format!("{UNPACK_PACKAGES}\n{APT_GET_ALONE}\napt_get update\napt_get install {names}"));
        } else {
            self.page.paragraph("Packages of the distribution:");
            self.page.shell(&format!("apt-get update\napt-get install --no-install-recommends --yes {names}"));
        }
    }

    fn files(&mut self, run: &[Resource], commands: &[String]) {
        let files: Vec<&File> = run
            .iter()
            .filter_map(|resource| match resource {
                Resource::File(file) => Some(file),
                _ => None,
            })
            .collect();
        self.page.paragraph("Files:");
        self.page.shell(&commands.join("\n"));
        let rows: Vec<[String; 3]> = files.iter().map(|file| self.file_row(file)).collect();
        self.page.table(["file", "is", "why"], &rows);
        for file in files {
            self.explained.inside(file, self.page);
        }
    }

    fn file_row(&self, file: &File) -> [String; 3] {
        let exported = format!("machines/{}{}", self.machine, file.path);
        let is = match self.source.origins().of(&file.content) {
            Some(Origin::SameAs(path)) => code(path),
            Some(Origin::Joined(first, second)) => format!("{}, then {}", code(first), code(second)),
            None => format!("[the file]({exported})"),
        };
        [code(&file.path), is, why(Topic::Paths, &file.path).unwrap_or_default().to_owned()]
    }
}

fn names<'a>(run: &'a [Resource], name: impl Fn(&'a Resource) -> Option<&'a str>) -> Vec<&'a str> {
    run.iter().filter_map(name).collect()
}

/// What is said of resources that need no reasons of their own.
fn introduction(resource: &Resource) -> &'static str {
    match resource {
        Resource::Binary(_) => "Programs:",
        Resource::Image(_) => "Images, into the part of containerd's store that the kubelet uses:",
        Resource::Hosts(_) => "Names, so that nothing waits for a name server that does not know them:",
        Resource::SwapOff => {
            "No swap: the kubelet promises pods memory, and what is swapped out keeps no promise of speed:"
        }
        Resource::Unit(_) => "Have systemd read the files, start the service now and at every boot:",
        Resource::EtcdMember(_) => "Before the first start of all, so that the members found the cluster together:",
        Resource::Task(_) => "Then, once:",
        Resource::Remains(_) => "To take the cluster away again, one day:",
        _ => "Wait:",
    }
}

fn command(resource: &Resource) -> String {
    match resource {
        Resource::Package(package) => format!("apt-get install --yes {}", package.name),
        Resource::User(user) => format!(
            "useradd --system --user-group --no-create-home --home-dir {} --shell /usr/sbin/nologin {}",
            quote(&user.home),
            quote(&user.name)
        ),
        Resource::Directory(directory) => make_directory(directory),
        Resource::File(file) => install(file),
        Resource::Link(link) => format!("ln -sfn {} {}", quote(&link.target), quote(&link.path)),
        Resource::Binary(binary) => {
            format!("install -D -m 755 bin/{} {}", quote(&binary.name), quote(&binary.link))
        }
        Resource::Image(image) => import(image),
        Resource::Hosts(hosts) => append_hosts(hosts),
        Resource::Module(module) => format!("modprobe {}", quote(&module.name)),
        Resource::Sysctl(sysctl) => format!("sysctl -w {}", quote(&format!("{}={}", sysctl.key, sysctl.value))),
        Resource::SwapOff => "swapoff -a".to_owned(),
        Resource::Unit(unit) => start(unit),
        Resource::EtcdMember(_) => EtcdChange::Found.script(),
        Resource::Task(task) => run_task(task),
        Resource::Remains(remains) => format!("# When the cluster is taken away: {}", remains.title),
        Resource::Wait(condition) => wait(condition),
        Resource::Object(object) => format!("# {} {} belongs to the cluster", object.kind(), object.name()),
        Resource::Await(condition) => format!("# {}", condition.title()),
    }
}

fn make_directory(directory: &Directory) -> String {
    let (user, group) = ownership(&directory.owner);
    format!("install -d -m {:o} -o {user} -g {group} {}", directory.mode, quote(&directory.path))
}

/// The file stands at the same path below the folder that was copied.
fn install(file: &File) -> String {
    let (user, group) = ownership(&file.owner);
    let copied = file.path.trim_start_matches('/');
    format!("install -D -m {:o} -o {user} -g {group} {} {}", file.mode, quote(copied), quote(&file.path))
}

fn ownership(owner: &str) -> (&str, &str) {
    owner.split_once(':').unwrap_or((owner, owner))
}

fn import(image: &Image) -> String {
    let reference = quote(&image.reference);
    match upstream_image(&image.name) {
        Some(upstream) => {
            format!("ctr -n k8s.io images pull {upstream}\nctr -n k8s.io images tag --force {upstream} {reference}")
        }
        None => format!("ctr -n k8s.io images import {}.tar", quote(&image.name)),
    }
}

fn append_hosts(hosts: &Hosts) -> String {
    format!("cat >>/etc/hosts <<'EOF'\n{}\nEOF", hosts.lines.join("\n"))
}

/// `restart` also starts, and takes a service that a package started with its own configuration to ours.
fn start(unit: &Unit) -> String {
    let name = quote(&unit.name);
    let mut text = format!("systemctl daemon-reload\nsystemctl enable {name}\nsystemctl restart {name}");
    if let Some(condition) = &unit.ready {
        text += "\n";
        text += &wait(condition);
    }
    text
}

fn run_task(task: &Task) -> String {
    format!(
        "# {}. In a shell of its own, which ends at the first failure.\n(\nset -eu\n{}\n)",
        task.title,
        task.run.trim_end()
    )
}

fn wait(condition: &Condition) -> String {
    until(&condition.title, &condition.check, condition.timeout.as_secs())
}
