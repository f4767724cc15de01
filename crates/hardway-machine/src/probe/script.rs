//! The script that looks at all of a machine's resources at once.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use hardway_design::{Resource, Unit};
use hardway_plan::INVENTORY;

use super::observe::Depth;
use super::overrides;
use super::paths::FORMAT;
use super::sections::END;
use crate::remote::{INDEX, STAT, quote};

/// Where the planner's scripts note what a unit's process had read when they last started it, or made it reload.
const STARTED: &str = "/var/lib/hardway/started";
const RELOADED: &str = "/var/lib/hardway/reloaded";

/// What systemd is asked of every unit (org.freedesktop.systemd1(5)).
const PROPERTIES: &str = "Names,LoadState,ActiveState,UnitFileState,NeedDaemonReload,MainPID,ExecStart,InvocationID,\
    StateChangeTimestamp,ActiveEnterTimestamp,ExecMainStartTimestamp";

/// Seconds that a task's check or containerd may take before the answer counts as no.
const PATIENCE: u32 = 20;

/// Kernel modules that leave another trace than /sys/module when they are built in.
const TRACES: [(&str, &str); 2] = [("br_netfilter", "/proc/sys/net/bridge"), ("ipip", "/sys/class/net/tunl0")];

pub(super) fn started_note(unit: &str) -> String {
    format!("{STARTED}/{unit}")
}

pub(super) fn reloaded_note(unit: &str) -> String {
    format!("{RELOADED}/{unit}")
}

/// Prints sections to stdout, and to stderr `task NAME` for each task whose check succeeds, `etcd LINE` for each line that
/// etcd's member is told by.
pub(super) fn observe_script(resources: &[&Resource], depth: Depth) -> String {
    let wanted = Wanted::of(resources);
    let mut script = Script::default();
    // The checks have stderr to themselves, so that they can run beside all else.
    script.line("exec 3>&2 2>/dev/null </dev/null");
    for (name, check) in &wanted.tasks {
        script.line(&format!(
            "{{ timeout {PATIENCE} sh -eu -c {} >/dev/null 3>&- && echo task {} >&3; }} &",
            quote(check),
            quote(name)
        ));
    }
    if let Some(inquiry) = wanted.etcd_inquiry {
        script.line(&format!("{{ timeout {PATIENCE} sh -eu -c {} 3>&- | sed 's/^/etcd /' >&3; }} &", quote(inquiry)));
    }
    // The mark of the next section must begin a line, however the file ends.
    script.section("inventory", &format!("grep '' {INVENTORY}"));
    script.section_of("path", &format!("find {{}} -maxdepth 0 -printf '{FORMAT}'"), &wanted.paths);
    script.section_of("target", &format!("find -L {{}} -maxdepth 0 -printf '{FORMAT}'"), &wanted.targets);
    script.section_of("sha256", "sha256sum {}", &wanted.files);
    if !wanted.stored.is_empty() {
        script.stored(&wanted.stored, depth);
    }
    script.section_of(
        "package",
        r"dpkg-query -W -f '${db:Status-Status} ${Version} ${Package}\n' {}",
        &wanted.packages,
    );
    script.section_of("user", "getent passwd {}", &wanted.users);
    if wanted.hosts {
        script.section("hosts", "sed -n '/^# hardway begin$/,/^# hardway end$/p' /etc/hosts");
    }
    if !wanted.modules.is_empty() {
        script.modules(&wanted.modules);
    }
    script.section_of("sysctl", "grep '' /dev/null {}", &wanted.sysctls);
    if wanted.swap {
        script.section("swap", "cat /proc/swaps");
    }
    if !wanted.units.is_empty() {
        script.units(&wanted);
    }
    if wanted.images {
        script.section(
            "image",
            &format!(
                "if [ -S /run/containerd/containerd.sock ]; then timeout {PATIENCE} ctr -n k8s.io images list; fi"
            ),
        );
    }
    script.line("wait");
    script.section(END, ":");
    script.text
}

/// Prints, under each path as heading, the file in base64.
pub(super) fn texts_script(paths: &[&str]) -> String {
    let mut script = Script::default();
    for path in paths {
        script.section(path, &format!("base64 {}", quote(path)));
    }
    script.section(END, ":");
    script.text
}

/// What the commands are asked about, each thing once.
#[derive(Default)]
struct Wanted<'a> {
    /// Looked at as they are.
    paths: BTreeSet<String>,
    /// Looked at through links.
    targets: BTreeSet<String>,
    files: BTreeSet<String>,
    stored: BTreeSet<String>,
    packages: BTreeSet<String>,
    users: BTreeSet<String>,
    modules: BTreeSet<String>,
    sysctls: BTreeSet<String>,
    units: BTreeSet<String>,
    /// Folders of drop-ins.
    drop_ins: BTreeSet<String>,
    /// Unit files that would go before those of the units.
    fragments: BTreeSet<String>,
    tasks: Vec<(&'a str, &'a str)>,
    etcd_inquiry: Option<&'a str>,
    hosts: bool,
    swap: bool,
    images: bool,
}

impl<'a> Wanted<'a> {
    fn of(resources: &[&'a Resource]) -> Self {
        let mut wanted = Self::default();
        for resource in resources {
            wanted.add(resource);
        }
        wanted
    }

    fn add(&mut self, resource: &'a Resource) {
        match resource {
            Resource::Package(package) => _ = self.packages.insert(package.name.clone()),
            Resource::User(user) => _ = self.users.insert(user.name.clone()),
            Resource::Directory(directory) => _ = self.targets.insert(directory.path.clone()),
            Resource::File(file) => {
                self.paths.insert(file.path.clone());
                self.files.insert(file.path.clone());
            }
            Resource::Link(link) => _ = self.paths.insert(link.path.clone()),
            Resource::Binary(binary) => {
                self.paths.insert(binary.link.clone());
                self.paths.insert(binary.store_path());
                self.stored.insert(binary.store_path());
            }
            Resource::Image(_) => self.images = true,
            Resource::Hosts(_) => self.hosts = true,
            Resource::Module(module) => _ = self.modules.insert(module.name.clone()),
            Resource::Sysctl(sysctl) => _ = self.sysctls.insert(sysctl_path(&sysctl.key)),
            Resource::SwapOff => self.swap = true,
            Resource::Unit(unit) => self.add_unit(unit),
            Resource::EtcdMember(member) => self.etcd_inquiry = Some(&member.inquiry),
            Resource::Task(task) => self.tasks.push((&task.name, &task.check)),
            // Nothing that stands on the machine.
            Resource::Remains(_) | Resource::Wait(_) | Resource::Object(_) | Resource::Await(_) => {}
        }
    }

    fn add_unit(&mut self, unit: &Unit) {
        self.units.insert(unit.name.clone());
        self.drop_ins.extend(overrides::drop_in_folders(&unit.name));
        self.fragments.extend(overrides::fragments(unit));
        let watched = unit.restart_on.iter().chain(&unit.reload_on);
        self.paths.extend(watched.clone().cloned());
        self.targets.extend(watched.cloned());
    }
}

/// Where the kernel shows a setting (sysctl(8)).
pub(crate) fn sysctl_path(key: &str) -> String {
    format!("/proc/sys/{}", key.replace('.', "/"))
}

#[derive(Default)]
struct Script {
    text: String,
}

impl Script {
    fn line(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }

    fn section(&mut self, heading: &str, command: &str) {
        let _ = writeln!(self.text, "printf '\\036%s\\n' {}\n{command}", quote(heading));
    }

    /// Puts all of `words` in the place of `{}`; without any, the command has nothing to say.
    fn section_of(&mut self, heading: &str, command: &str, words: &BTreeSet<String>) {
        if !words.is_empty() {
            self.section(heading, &command.replace("{}", &join(words)));
        }
    }

    /// Reads again only those binaries that changed since they were last read.
    fn stored(&mut self, paths: &BTreeSet<String>, depth: Depth) {
        self.line(&format!("index=$(cat {INDEX}/*)\nstored=$(stat -c '{STAT}' {})", join(paths)));
        self.section("index", "printf '%s\\n' \"$index\"");
        self.section("stored", "printf '%s\\n' \"$stored\"");
        let read = "sha256sum \"${line#* * * * }\"";
        let read = match depth {
            Depth::Deep => read.to_owned(),
            Depth::Changed => format!("case $index$end in *\" $line$end\"*) ;; *) {read} ;; esac"),
        };
        let each = format!("printf '%s\\n' \"$stored\" | while IFS= read -r line; do\n{read}\ndone");
        self.section("sha256", &if depth == Depth::Deep { each } else { format!("end='\n'\n{each}") });
    }

    fn units(&mut self, wanted: &Wanted<'_>) {
        self.line(&format!(
            "units=$(systemctl show --timestamp=us+utc --property={PROPERTIES} {})",
            join(&wanted.units)
        ));
        self.section("unit", "printf '%s\\n' \"$units\"");
        self.line("pids=$(printf '%s\\n' \"$units\" | sed -n 's/^MainPID=\\([1-9][0-9]*\\)$/\\1/p')");
        self.section(
            "program",
            "for pid in $pids; do find \"/proc/$pid/exe\" -maxdepth 0 -printf \"$pid %l\\n\"; done",
        );
        self.section("command", "for pid in $pids; do echo \"$pid $(tr '\\0\\n' '  ' <\"/proc/$pid/cmdline\")\"; done");
        self.section("note", &format!("grep -r '' {STARTED} {RELOADED}"));
        let overrides = "find -H {} -maxdepth 1 -name '*.conf' -printf '%p\\t%l\\n'";
        self.section_of("override", overrides, &wanted.drop_ins);
        self.section_of("override", "find {} -maxdepth 0 -printf '%p\\t%l\\n'", &wanted.fragments);
    }

    fn modules(&mut self, names: &BTreeSet<String>) {
        // /sys/module has most built-in modules, too; the others are on a list that comes with the kernel.
        let mut command = format!(
            "for module in {}; do if [ -d \"/sys/module/$module\" ]; then echo \"$module\"; fi; done\n\
             sed -n 's|.*/\\(.*\\)\\.ko$|\\1|p' \"/lib/modules/$(uname -r)/modules.builtin\"",
            join(names)
        );
        for (name, trace) in TRACES.iter().filter(|(name, _)| names.contains(*name)) {
            let _ = write!(command, "\nif [ -e {trace} ]; then echo {name}; fi");
        }
        self.section("module", &command);
    }
}

fn join(words: &BTreeSet<String>) -> String {
    words.iter().map(|word| quote(word)).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use hardway_design::{
        Binary, Condition, Content, Directory, EtcdMember, File, Hosts, Image, Link, Module, Package, PackageOrigin,
        Sysctl, Task, User,
    };

    use hardway_spec::MachineName;

    use super::*;

    fn every_kind() -> Vec<Resource> {
        let name = || "it's".to_owned();
        let path = || "/tmp/a b'c".to_owned();
        vec![
            Resource::Package(Package { name: name(), origin: PackageOrigin::Mirrors }),
            Resource::User(User { name: name(), home: path() }),
            Resource::Directory(Directory { path: path(), mode: 0o755, owner: name() }),
            Resource::File(File { path: path(), mode: 0o644, owner: name(), content: Content::text("") }),
            Resource::Link(Link { path: path(), target: path() }),
            Resource::Binary(Binary { name: name(), link: path(), version: name(), sha256: name(), size: 0 }),
            Resource::Image(Image {
                name: name(),
                reference: name(),
                sha256: name(),
                manifest_digest: name(),
                size: 0,
            }),
            Resource::Hosts(Hosts { lines: vec![] }),
            Resource::Module(Module { name: name() }),
            Resource::Module(Module { name: "br_netfilter".to_owned() }),
            Resource::Sysctl(Sysctl { key: name(), value: name() }),
            Resource::SwapOff,
            Resource::Unit(Unit {
                name: name(),
                restart_on: vec![path()],
                reload_on: vec![path()],
                ready: None,
                disruption: None,
            }),
            Resource::Task(Task {
                name: name(),
                title: name(),
                check: "echo 'x'\nexit 0".to_owned(),
                run: String::new(),
            }),
            Resource::EtcdMember(EtcdMember {
                name: MachineName::from("cp1"),
                peer_url: name(),
                client_url: name(),
                own_url: name(),
                inquiry: "echo 'member'\nexit 0".to_owned(),
            }),
            Resource::Wait(Condition { title: name(), check: String::new(), timeout: Duration::ZERO }),
        ]
    }

    #[test]
    fn the_scripts_are_plain_posix_sh() {
        let resources = every_kind();
        let resources: Vec<&Resource> = resources.iter().collect();
        for depth in [Depth::Changed, Depth::Deep] {
            crate::remote::check(&observe_script(&resources, depth));
        }
        crate::remote::check(&observe_script(&[], Depth::Changed));
        crate::remote::check(&texts_script(&["/tmp/a b'c"]));
    }

    #[test]
    fn a_setting_is_a_file_of_the_kernel() {
        assert_eq!(sysctl_path("net.ipv4.ip_forward"), "/proc/sys/net/ipv4/ip_forward");
    }
}
