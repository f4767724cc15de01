//! The probe's answer, resource by resource.

use std::collections::{BTreeMap, BTreeSet};

use hardway_design::{Binary, EtcdMemberObservation, File, Observation, Resource, StoredBinary};

use super::notes::{self, Note};
use super::overrides;
use super::paths::{self, Entry, Kind};
use super::script::sysctl_path;
use super::sections::Sections;
use super::units::{self, Seen, Surroundings};

/// Everything that one answer says, by what it is about.
pub(super) struct Answer {
    paths: BTreeMap<String, Entry>,
    targets: BTreeMap<String, Entry>,
    /// By path.
    digests: BTreeMap<String, String>,
    /// Version by name.
    packages: BTreeMap<String, String>,
    users: BTreeSet<String>,
    hosts: Vec<String>,
    modules: BTreeSet<String>,
    /// By path below /proc/sys.
    sysctls: BTreeMap<String, String>,
    swap: Vec<String>,
    units: BTreeMap<String, Seen>,
    /// Program by process id.
    programs: BTreeMap<String, String>,
    /// Command line by process id.
    commands: BTreeMap<String, String>,
    notes: BTreeMap<String, Note>,
    /// `PATH<TAB>TARGET` of drop-ins and unit files.
    overrides: Vec<String>,
    /// Manifest digest by reference.
    images: BTreeMap<String, String>,
    tasks: BTreeSet<String>,
    etcd_member: EtcdMemberObservation,
}

impl Answer {
    /// `stderr` has the tasks that hold, and what etcd's member is told by.
    pub(super) fn parse(sections: &Sections, stderr: &[u8]) -> Self {
        let aside = String::from_utf8_lossy(stderr);
        let mut digests = known_digests(sections);
        digests.extend(sections.lines("sha256").filter_map(digest));
        Self {
            paths: paths::parse(sections.lines("path")),
            targets: paths::parse(sections.lines("target")),
            digests,
            packages: sections.lines("package").filter_map(package).collect(),
            users: sections.lines("user").filter_map(|line| Some(line.split_once(':')?.0.to_owned())).collect(),
            hosts: sections.lines("hosts").filter(|line| !is_hosts_marker(line)).map(str::to_owned).collect(),
            modules: sections.lines("module").map(module_name).collect(),
            sysctls: sections.lines("sysctl").filter_map(sysctl).collect(),
            // The first line is a heading.
            swap: sections.lines("swap").skip(1).filter_map(first_word).collect(),
            units: units::parse(sections.lines("unit")),
            programs: sections.lines("program").filter_map(process).collect(),
            commands: sections.lines("command").filter_map(process).collect(),
            notes: notes::parse(sections.lines("note")),
            overrides: sections.lines("override").map(str::to_owned).collect(),
            images: sections.lines("image").filter_map(image).collect(),
            tasks: aside.lines().filter_map(|line| Some(line.strip_prefix("task ")?.to_owned())).collect(),
            etcd_member: EtcdMemberObservation::parse(aside.lines().filter_map(|line| line.strip_prefix("etcd "))),
        }
    }

    /// What stands there; nothing where it does not exist.
    pub(super) fn observation(&self, resource: &Resource) -> Option<Observation> {
        Some(match resource {
            Resource::Package(package) => Observation::Package { version: self.packages.get(&package.name)?.clone() },
            Resource::User(user) => self.users.contains(&user.name).then_some(Observation::User)?,
            Resource::Directory(directory) => self.directory(self.targets.get(&directory.path)?)?,
            Resource::File(file) => self.file(file)?,
            Resource::Link(link) => Observation::Link { target: self.link(&link.path)? },
            Resource::Binary(binary) => {
                let target = self.link(&binary.link);
                let stored = self.stored(binary);
                (target.is_some() || stored.is_some()).then_some(Observation::Binary { target, stored })?
            }
            Resource::Image(image) => {
                Observation::Image { manifest_digest: self.images.get(&image.reference)?.clone() }
            }
            Resource::Hosts(_) => Observation::Hosts { lines: self.hosts.clone() },
            Resource::Module(module) => {
                self.modules.contains(&module_name(&module.name)).then_some(Observation::Module)?
            }
            Resource::Sysctl(sysctl) => {
                Observation::Sysctl { value: self.sysctls.get(&sysctl_path(&sysctl.key))?.clone() }
            }
            Resource::SwapOff => Observation::Swap { devices: self.swap.clone() },
            Resource::Unit(unit) => {
                let surroundings = Surroundings {
                    paths: &self.paths,
                    targets: &self.targets,
                    notes: &self.notes,
                    programs: &self.programs,
                    commands: &self.commands,
                };
                let mut observation = surroundings.complete(unit, self.units.get(&unit.name)?);
                observation.overrides = overrides::of(unit, self.overrides.iter().map(String::as_str));
                Observation::Unit(observation)
            }
            Resource::EtcdMember(_) => Observation::EtcdMember(self.etcd_member.clone()),
            Resource::Task(task) => Observation::Task { holds: self.tasks.contains(&task.name) },
            Resource::Remains(_) | Resource::Wait(_) | Resource::Object(_) | Resource::Await(_) => return None,
        })
    }

    /// In bytes.
    pub(super) fn size(&self, path: &str) -> Option<u64> {
        self.paths.get(path).map(|entry| entry.size)
    }

    fn directory(&self, entry: &Entry) -> Option<Observation> {
        (entry.kind == Kind::Directory).then(|| Observation::Directory { mode: entry.mode, owner: entry.owner.clone() })
    }

    /// Something else in a file's place is reported as what it is.
    fn file(&self, file: &File) -> Option<Observation> {
        let entry = self.paths.get(&file.path)?;
        match entry.kind {
            Kind::File => Some(Observation::File {
                mode: entry.mode,
                owner: entry.owner.clone(),
                sha256: self.digests.get(&file.path)?.clone(),
                text: None,
            }),
            Kind::Link => Some(Observation::Link { target: entry.target.clone() }),
            Kind::Directory => self.directory(entry),
            Kind::Other => None,
        }
    }

    /// Nothing where a link stands in its place: that could lead anywhere.
    fn stored(&self, binary: &Binary) -> Option<StoredBinary> {
        let path = binary.store_path();
        let entry = self.paths.get(&path).filter(|entry| entry.kind == Kind::File)?;
        Some(StoredBinary { sha256: self.digests.get(&path)?.clone(), mode: entry.mode, owner: entry.owner.clone() })
    }

    fn link(&self, path: &str) -> Option<String> {
        self.paths.get(path).filter(|entry| entry.kind == Kind::Link).map(|entry| entry.target.clone())
    }
}

/// Digests of the binaries whose size, times and inode are as they were when they were last read. A line of the index is
/// the digest and what stat printed then: `SHA256 SIZE MTIME CTIME INODE PATH`.
fn known_digests(sections: &Sections) -> BTreeMap<String, String> {
    let index: BTreeMap<&str, &str> =
        sections.lines("index").filter_map(|line| line.split_once(' ')).map(|(digest, stat)| (stat, digest)).collect();
    let path = |stat: &str| stat.splitn(5, ' ').nth(4).map(str::to_owned);
    sections.lines("stored").filter_map(|stat| Some((path(stat)?, (*index.get(stat)?).to_owned()))).collect()
}

/// `SHA256  PATH`
fn digest(line: &str) -> Option<(String, String)> {
    let (digest, path) = line.split_once("  ")?;
    Some((path.to_owned(), digest.to_owned()))
}

/// `installed 1.2-3 NAME`; a package that was removed but left its configuration is not installed.
fn package(line: &str) -> Option<(String, String)> {
    let (version, name) = line.strip_prefix("installed ")?.split_once(' ')?;
    Some((name.to_owned(), version.to_owned()))
}

fn is_hosts_marker(line: &str) -> bool {
    line == "# hardway begin" || line == "# hardway end"
}

/// The kernel writes `_` where a module's file may have `-`.
fn module_name(name: &str) -> String {
    name.replace('-', "_")
}

/// `PATH:VALUE`, words apart by tabs.
fn sysctl(line: &str) -> Option<(String, String)> {
    let (path, value) = line.split_once(':')?;
    Some((path.to_owned(), value.split_ascii_whitespace().collect::<Vec<_>>().join(" ")))
}

/// `PID WORDS`
fn process(line: &str) -> Option<(String, String)> {
    let (pid, words) = line.split_once(' ')?;
    Some((pid.to_owned(), words.trim_end().to_owned()))
}

fn first_word(line: &str) -> Option<String> {
    line.split_ascii_whitespace().next().map(str::to_owned)
}

/// A row of `ctr images list`: reference, media type, digest…
fn image(line: &str) -> Option<(String, String)> {
    let mut words = line.split_ascii_whitespace();
    let (reference, digest) = (words.next()?, words.nth(1)?);
    digest.starts_with("sha256:").then(|| (reference.to_owned(), digest.to_owned()))
}

#[cfg(test)]
mod tests {
    use hardway_design::{Content, Image, Module, Package, PackageOrigin, Sysctl, User};

    use super::*;

    fn answer(stdout: &str) -> Answer {
        Answer::parse(&Sections::parse(stdout.as_bytes()), b"task etcd-auth\nnoise\n")
    }

    fn binary() -> Resource {
        Resource::Binary(Binary {
            name: "etcd".to_owned(),
            link: "/usr/local/bin/etcd".to_owned(),
            version: "1".to_owned(),
            sha256: "aa".to_owned(),
            size: 3,
        })
    }

    fn stored(sha256: &str) -> Observation {
        let (sha256, owner) = (sha256.to_owned(), "root:root".to_owned());
        Observation::Binary { target: None, stored: Some(StoredBinary { sha256, mode: 0o755, owner }) }
    }

    #[test]
    fn a_link_in_the_store_is_no_binary() {
        let answer = answer(
            "\x1epath\nl\t777\troot:root\t3\t1.0\t/tmp/x\t/opt/hardway/store/aa/etcd\n\
             \x1esha256\naa  /opt/hardway/store/aa/etcd\n",
        );
        assert_eq!(answer.observation(&binary()), None);
    }

    #[test]
    fn a_binary_that_has_not_changed_keeps_its_digest() {
        let answer = answer(
            "\x1epath\nf\t755\troot:root\t3\t1.0\t\t/opt/hardway/store/aa/etcd\n\
             \x1eindex\naa 3 100 101 7 /opt/hardway/store/aa/etcd\n\
             \x1estored\n3 100 101 7 /opt/hardway/store/aa/etcd\n",
        );
        assert_eq!(answer.observation(&binary()), Some(stored("aa")));
    }

    #[test]
    fn a_binary_that_was_read_again_has_the_digest_that_was_found() {
        let answer = answer(
            "\x1epath\nf\t755\troot:root\t3\t1.0\t\t/opt/hardway/store/aa/etcd\n\
             \x1eindex\naa 3 100 101 7 /opt/hardway/store/aa/etcd\n\
             \x1estored\n3 100 102 7 /opt/hardway/store/aa/etcd\n\x1esha256\nbb  /opt/hardway/store/aa/etcd\n",
        );
        assert_eq!(answer.observation(&binary()), Some(stored("bb")));
        assert_eq!(Answer::parse(&Sections::default(), b"").observation(&binary()), None);
    }

    #[test]
    fn a_link_in_a_files_place_is_reported_as_a_link() {
        let answer = answer("\x1epath\nl\t777\troot:root\t9\t1.0\t/dev/null\t/etc/f\n\x1esha256\naa  /etc/f\n");
        let file = Resource::File(File {
            path: "/etc/f".to_owned(),
            mode: 0o644,
            owner: "root:root".to_owned(),
            content: Content::text(""),
        });
        assert_eq!(answer.observation(&file), Some(Observation::Link { target: "/dev/null".to_owned() }));
    }

    #[test]
    fn packages_users_modules_and_settings_are_read() {
        let answer = answer(
            "\x1epackage\ninstalled 2.6.12-1 haproxy\nconfig-files 1.0 nginx\n\x1euser\netcd:x:999:999::/:/bin/false\n\
             \x1emodule\nbr_netfilter\nnf-conntrack\n\x1esysctl\n/proc/sys/net/ipv4/tcp_rmem:4096\t131072\t6291456\n\
             /proc/sys/net/ipv4/ip_forward:1\n",
        );
        let package = |name: &str| Resource::Package(Package { name: name.to_owned(), origin: PackageOrigin::Mirrors });
        let version = "2.6.12-1".to_owned();
        assert_eq!(answer.observation(&package("haproxy")), Some(Observation::Package { version }));
        assert_eq!(answer.observation(&package("nginx")), None);
        let user = |name: &str| Resource::User(User { name: name.to_owned(), home: "/".to_owned() });
        assert_eq!(answer.observation(&user("etcd")), Some(Observation::User));
        assert_eq!(answer.observation(&user("root")), None);
        let module = |name: &str| Resource::Module(Module { name: name.to_owned() });
        assert_eq!(answer.observation(&module("br_netfilter")), Some(Observation::Module));
        assert_eq!(answer.observation(&module("nf_conntrack")), Some(Observation::Module));
        assert_eq!(answer.observation(&module("vxlan")), None);
        let sysctl = |key: &str| Resource::Sysctl(Sysctl { key: key.to_owned(), value: String::new() });
        let value = |value: &str| Some(Observation::Sysctl { value: value.to_owned() });
        assert_eq!(answer.observation(&sysctl("net.ipv4.tcp_rmem")), value("4096 131072 6291456"));
        assert_eq!(answer.observation(&sysctl("net.ipv4.ip_forward")), value("1"));
    }

    #[test]
    fn images_come_from_ctrs_table() {
        let answer = answer(
            "\x1eimage\nREF TYPE DIGEST SIZE PLATFORMS LABELS\n\
             hardway.local/pause:3.10 application/vnd.oci.image.manifest.v1+json sha256:0123 300.0 KiB linux/amd64 -\n",
        );
        let image = Resource::Image(Image {
            name: "pause".to_owned(),
            reference: "hardway.local/pause:3.10".to_owned(),
            sha256: String::new(),
            manifest_digest: String::new(),
            size: 0,
        });
        let manifest_digest = "sha256:0123".to_owned();
        assert_eq!(answer.observation(&image), Some(Observation::Image { manifest_digest }));
    }

    #[test]
    fn swap_devices_and_hosts_lines_are_those_between_the_headings() {
        let answer = answer(
            "\x1ehosts\n# hardway begin\n10.0.0.1 cp1\n# hardway end\n\
             \x1eswap\nFilename Type Size Used Priority\n/dev/sda2 partition 1 0 -2\n",
        );
        let hosts = Resource::Hosts(hardway_design::Hosts { lines: Vec::new() });
        let lines = vec!["10.0.0.1 cp1".to_owned()];
        assert_eq!(answer.observation(&hosts), Some(Observation::Hosts { lines }));
        let devices = vec!["/dev/sda2".to_owned()];
        assert_eq!(answer.observation(&Resource::SwapOff), Some(Observation::Swap { devices }));
    }
}
