//! What the probe's scripts print on a machine that stands as its design wants it.

use std::fmt::Write as _;

use hardway_design::{Resource, Unit};

use crate::Output;
use crate::probe::{END, FACTS_SCRIPT, sysctl_path};

/// When everything there was written, in seconds since 1970, and when its units were started after that.
const WRITTEN: &str = "1000.0";
const STARTED: &str = "Thu 1970-01-01 01:00:00.000000 UTC";

/// Answers either of the probe's scripts for a Debian machine where `resources` stand as designed.
///
/// `inventory`: what [`hardway_plan::INVENTORY`] holds there, if it exists.
pub fn probed(script: &str, hostname: &str, resources: &[&Resource], inventory: Option<&str>) -> Output {
    if script == FACTS_SCRIPT {
        return Output { stdout: facts(hostname).into_bytes(), ..Output::default() };
    }
    let mut answer = Answer::default();
    for resource in resources {
        answer.add(resource);
    }
    Output { stdout: answer.stdout(inventory).into_bytes(), stderr: answer.tasks.into_bytes(), code: 0 }
}

/// Its clock is the operator's, or preflight would find it off.
fn facts(hostname: &str) -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default().as_nanos();
    format!(
        "clock {now}\nhostname {hostname}\narchitecture {}\nkernel 6.12.1\nos_id debian\nos_version 13\n\
         os_name Debian GNU/Linux 13 (trixie)\ncgroup cgroup2fs\ncontrollers cpuset cpu io memory hugetlb pids\n\
         cpus 2\nmemory_kib 4194304\ndisk_kib 20971520\nuser 0\ncapabilities 000001ffffffffff\n\
         resolv_conf /etc/resolv.conf\n",
        std::env::consts::ARCH
    )
}

/// The lines of each section.
#[derive(Default)]
struct Answer {
    path: String,
    target: String,
    sha256: String,
    stored: String,
    index: String,
    package: String,
    user: String,
    hosts: String,
    module: String,
    sysctl: String,
    unit: String,
    image: String,
    tasks: String,
}

impl Answer {
    // Writing to a string cannot fail.
    fn add(&mut self, resource: &Resource) {
        match resource {
            Resource::Package(package) => _ = writeln!(self.package, "installed 1.0 {}", package.name),
            Resource::User(user) => _ = writeln!(self.user, "{}:x:999:999::{}:/bin/false", user.name, user.home),
            Resource::Directory(directory) => {
                let (mode, owner, path) = (directory.mode, &directory.owner, &directory.path);
                _ = writeln!(self.target, "d\t{mode:o}\t{owner}\t4096\t{WRITTEN}\t\t{path}");
            }
            Resource::File(file) => {
                let (mode, owner, path, size) = (file.mode, &file.owner, &file.path, file.content.bytes().len());
                _ = writeln!(self.path, "f\t{mode:o}\t{owner}\t{size}\t{WRITTEN}\t\t{path}");
                _ = writeln!(self.sha256, "{}  {path}", file.content.sha256());
            }
            Resource::Link(link) => self.add_link(&link.path, &link.target),
            Resource::Binary(binary) => {
                let stored = binary.store_path();
                self.add_link(&binary.link, &stored);
                _ = writeln!(self.path, "f\t755\troot:root\t{}\t{WRITTEN}\t\t{stored}", binary.size);
                let stat = format!("{} 1000 1000 1 {stored}", binary.size);
                _ = writeln!(self.index, "{} {stat}", binary.sha256);
                _ = writeln!(self.stored, "{stat}");
            }
            Resource::Image(image) => {
                let (reference, digest) = (&image.reference, &image.manifest_digest);
                _ = writeln!(self.image, "{reference} application/vnd.oci.image.manifest.v1+json {digest} 1 B linux -");
            }
            Resource::Hosts(hosts) => {
                _ = writeln!(self.hosts, "# hardway begin\n{}\n# hardway end", hosts.lines.join("\n"));
            }
            Resource::Module(module) => _ = writeln!(self.module, "{}", module.name),
            Resource::Sysctl(sysctl) => {
                _ = writeln!(self.sysctl, "{}:{}", sysctl_path(&sysctl.key), sysctl.value);
            }
            Resource::Unit(unit) => self.add_unit(unit),
            Resource::EtcdMember(_) => _ = writeln!(self.tasks, "etcd data\netcd was-up"),
            Resource::Task(task) => _ = writeln!(self.tasks, "task {}", task.name),
            Resource::SwapOff | Resource::Remains(_) | Resource::Wait(_) | Resource::Object(_) | Resource::Await(_) => {
            }
        }
    }

    fn add_link(&mut self, path: &str, target: &str) {
        _ = writeln!(self.path, "l\t777\troot:root\t1\t{WRITTEN}\t{target}\t{path}");
    }

    fn add_unit(&mut self, unit: &Unit) {
        let name = &unit.name;
        _ = writeln!(
            self.unit,
            "Names={name}\nLoadState=loaded\nActiveState=active\nUnitFileState=enabled\nNeedDaemonReload=no\n\
             StateChangeTimestamp={STARTED}\nActiveEnterTimestamp={STARTED}\nExecMainStartTimestamp={STARTED}\n"
        );
    }

    fn stdout(&self, inventory: Option<&str>) -> String {
        let mut text = String::new();
        for (heading, lines) in [
            ("inventory", inventory.unwrap_or_default()),
            ("path", &self.path),
            ("target", &self.target),
            ("sha256", &self.sha256),
            ("index", &self.index),
            ("stored", &self.stored),
            ("package", &self.package),
            ("user", &self.user),
            ("hosts", &self.hosts),
            ("module", &self.module),
            ("sysctl", &self.sysctl),
            ("swap", "Filename\tType\tSize\tUsed\tPriority\n"),
            ("unit", &self.unit),
            ("image", &self.image),
            (END, ""),
        ] {
            _ = write!(text, "\u{1e}{heading}\n{lines}");
        }
        text
    }
}
