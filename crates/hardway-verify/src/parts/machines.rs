//! What every machine must show, whatever its role: the design's units run, its files stand as they were put.

use std::collections::{BTreeMap, BTreeSet};

use hardway_design::{Design, Resource, STORE};
use hardway_spec::{Machine, MachineName};

use crate::Part;
use crate::fault::{Fault, Verdict, ensure};
use crate::probe::Probe;
use crate::scene::Scene;
use crate::shell::{self, LONG_LIMIT, quote};

/// Runs beside its pod for as long as that does, whichever containerd is there by then.
const SHIM: &str = "containerd-shim-runc-v2";

/// How many lines of a failed unit's journal are told.
const JOURNAL_LINES: u8 = 3;

pub(crate) fn probes<'a>(scene: Scene<'a>, part: Part, machine: &'a Machine) -> Vec<Probe<'a>> {
    let name = &machine.name;
    let design = scene.context.design;
    let units = units(design, name);
    let digests = digests(design, name, scene.options.deep);
    let what = if scene.options.deep { "files and binaries" } else { "files" };
    let files = format!("the {} {what} of the design on {name} are unchanged", digests.len());
    let settings = settings(design, name);
    let mut probes = vec![
        Probe::new(part, format!("on {name} run {}", list(&units)), active(scene, name, units)),
        Probe::new(part, files, unchanged(scene, name, digests)),
    ];
    let programs = programs(design, name);
    if !programs.is_empty() {
        let title = format!("the programs that run on {name} are the locked ones, digest by digest");
        let units = self::units(design, name);
        probes.push(Probe::new(part, title, async move { running(scene, name, &units, programs).await }));
    }
    if !settings.is_empty() {
        let title = format!("no file changes a kernel setting of {name}'s at the next boot");
        probes.push(Probe::new(part, title, last_word(scene, name, settings)));
    }
    probes
}

/// Names of units without `.service`, which all of them are.
fn list(units: &[&str]) -> String {
    let names: Vec<_> = units.iter().map(|unit| unit.trim_end_matches(".service")).collect();
    names.join(", ")
}

fn resources<'a>(design: &'a Design, machine: &'a MachineName) -> impl Iterator<Item = &'a Resource> {
    design.on_machine(machine).flat_map(|group| &group.resources)
}

fn units<'a>(design: &'a Design, machine: &'a MachineName) -> Vec<&'a str> {
    resources(design, machine)
        .filter_map(|resource| match resource {
            Resource::Unit(unit) => Some(unit.name.as_str()),
            _ => None,
        })
        .collect()
}

/// SHA-256 by path.
fn digests(design: &Design, machine: &MachineName, deep: bool) -> BTreeMap<String, String> {
    resources(design, machine)
        .filter_map(|resource| match resource {
            Resource::File(file) => Some((file.path.clone(), file.content.sha256())),
            // Through its link, which must lead to it.
            Resource::Binary(binary) if deep => Some((binary.link.clone(), binary.sha256.clone())),
            _ => None,
        })
        .collect()
}

/// The store's path of each program, by the program's name.
fn programs<'a>(design: &'a Design, machine: &'a MachineName) -> BTreeMap<&'a str, String> {
    resources(design, machine)
        .filter_map(|resource| match resource {
            Resource::Binary(binary) => {
                Some((binary.name.as_str(), format!("{STORE}/{}/{}", binary.sha256, binary.name)))
            }
            _ => None,
        })
        .collect()
}

/// Values by key.
fn settings<'a>(design: &'a Design, machine: &'a MachineName) -> BTreeMap<&'a str, &'a str> {
    resources(design, machine)
        .filter_map(|resource| match resource {
            Resource::Sysctl(sysctl) => Some((sysctl.key.as_str(), sysctl.value.as_str())),
            _ => None,
        })
        .collect()
}

async fn active(scene: Scene<'_>, machine: &MachineName, units: Vec<&str>) -> Verdict {
    if units.is_empty() {
        return Ok(());
    }
    let expected = "every unit active, and enabled for the next boot";
    let words: Vec<_> = units.iter().map(|unit| quote(unit)).collect();
    let script = format!("systemctl show --property=Id,ActiveState,SubState,UnitFileState -- {}", words.join(" "));
    let hint = format!("hardway ssh {machine} -- systemctl list-units --failed");
    let shown = shell::read(scene.context, machine, &script, expected, &hint).await?;
    let Some(state) = parse_units(&shown).into_iter().find(|state| !state.is_well()) else { return Ok(()) };

    let script =
        format!("journalctl --quiet --no-pager --output=cat --lines={JOURNAL_LINES} --unit={}", quote(state.id));
    let journal = shell::read(scene.context, machine, &script, expected, &hint).await.unwrap_or_default();
    let lines: Vec<_> = journal.lines().map(str::trim).collect();
    let found = format!("{} is {} ({}), {}: {}", state.id, state.active, state.sub, state.file, lines.join(" | "));
    Err(Fault::new(found, expected, format!("hardway ssh {machine} -- journalctl -u {}", state.id)))
}

/// A unit as `systemctl show` prints it.
#[derive(Debug, Default, PartialEq, Eq)]
struct UnitState<'a> {
    id: &'a str,
    active: &'a str,
    sub: &'a str,
    file: &'a str,
}

impl UnitState<'_> {
    fn is_well(&self) -> bool {
        self.active == "active" && matches!(self.file, "enabled" | "static" | "alias" | "generated")
    }
}

/// Reads blocks of `Key=value` lines with empty lines between them.
fn parse_units(text: &str) -> Vec<UnitState<'_>> {
    text.split("\n\n")
        .filter(|block| !block.trim().is_empty())
        .map(|block| {
            let value = |key: &str| {
                block.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('=')).unwrap_or("unknown")
            };
            UnitState {
                id: value("Id"),
                active: value("ActiveState"),
                sub: value("SubState"),
                file: value("UnitFileState"),
            }
        })
        .collect()
}

/// A file that is not hardway's may come after hardway's own, and nobody notices before the machine restarts.
async fn last_word(scene: Scene<'_>, machine: &MachineName, settings: BTreeMap<&str, &str>) -> Verdict {
    let expected = "the values that hold now";
    let hint = format!("take the setting out of that file: hardway ssh {machine}");
    let files = shell::read(scene.context, machine, "systemd-analyze cat-config sysctl.d", expected, &hint).await?;
    let found = overruled(&settings, &files);
    ensure(found.is_empty(), || found.join(", "), expected, &hint)
}

/// Settings that a later file of `systemd-analyze cat-config` gives another value (sysctl.d(5)).
fn overruled(settings: &BTreeMap<&str, &str>, files: &str) -> Vec<String> {
    let mut last: BTreeMap<&str, (&str, String)> = BTreeMap::new();
    let mut file = "";
    for line in files.lines().map(str::trim) {
        if let Some(path) = line.strip_prefix("# /") {
            file = path;
        } else if let Some((key, value)) = line.split_once('=') {
            let key = key.trim().trim_start_matches('-').replace('/', ".");
            if let Some((key, _)) = settings.get_key_value(key.as_str()) {
                last.insert(key, (file, value.split_ascii_whitespace().collect::<Vec<_>>().join(" ")));
            }
        }
    }
    let differs = |(key, (_, value)): &(&&str, &(&str, String))| settings.get(**key) != Some(&value.as_str());
    last.iter().filter(differs).map(|(key, (file, value))| format!("/{file} sets {key} to {value}")).collect()
}

/// A program that runs is the very file of the store that was hashed when it came: the kernel lets nobody write into it
/// (ETXTBSY, execve(2)), and says so where it was replaced.
async fn running(scene: Scene<'_>, machine: &MachineName, units: &[&str], programs: BTreeMap<&str, String>) -> Verdict {
    let expected = "every process from the file of the digest that the design names";
    let hint = format!("hardway plan shows what is to be restarted; hardway ssh {machine} -- ps -ef");
    // A process may end while it is looked at.
    let script = "for process in /proc/[0-9]*/exe; do readlink \"$process\" || :; done 2>/dev/null";
    let printed = shell::read(scene.context, machine, script, expected, &hint).await?;
    let faults = strangers(units, &programs, &printed);
    ensure(faults.is_empty(), || faults.join(", "), expected, &hint)
}

/// Units whose program does not run, and programs of the store that run and are no longer the design's.
fn strangers(units: &[&str], programs: &BTreeMap<&str, String>, printed: &str) -> Vec<String> {
    let running: BTreeSet<&str> = printed.lines().collect();
    let absent = units.iter().filter_map(|unit| {
        let program = programs.get(unit.trim_end_matches(".service"))?;
        (!running.contains(program.as_str())).then(|| format!("{program} does not run"))
    });
    let others = running.iter().filter_map(|path| {
        let file = path.strip_suffix(" (deleted)").unwrap_or(path);
        let name = file.rsplit('/').next().unwrap_or(file);
        let strange = file.starts_with(STORE) && name != SHIM && programs.get(name).is_none_or(|wanted| wanted != path);
        strange.then(|| format!("{path} runs"))
    });
    absent.chain(others).collect()
}

async fn unchanged(scene: Scene<'_>, machine: &MachineName, digests: BTreeMap<String, String>) -> Verdict {
    let expected = "the bytes that the design puts there";
    let paths: Vec<_> = digests.keys().map(|path| quote(path)).collect();
    let script = format!("sha256sum -- {}", paths.join(" "));
    let output = shell::exec_within(LONG_LIMIT, scene.context, machine, &script, &[]).await?;
    let text = String::from_utf8_lossy(&output.stdout);
    let differing = differing(&digests, &text);
    ensure(
        differing.is_empty(),
        || format!("missing or different: {}", differing.join(", ")),
        expected,
        "hardway plan shows the differences, hardway apply puts them right",
    )
}

/// Paths that `sha256sum` did not print with the digest wanted.
fn differing<'d>(digests: &'d BTreeMap<String, String>, printed: &str) -> Vec<&'d str> {
    let found: BTreeMap<_, _> = printed.lines().filter_map(|line| line.split_once("  ")).map(|(d, p)| (p, d)).collect();
    let differs = |(path, digest): &(&String, &String)| found.get(path.as_str()) != Some(&digest.as_str());
    digests.iter().filter(differs).map(|(path, _)| path.as_str()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_must_be_active_and_enabled() {
        let text = "Id=etcd.service\nActiveState=active\nSubState=running\nUnitFileState=enabled\n\n\
                    Id=kubelet.service\nActiveState=failed\nSubState=failed\nUnitFileState=enabled\n\n\
                    Id=nginx.service\nActiveState=active\nSubState=running\nUnitFileState=disabled\n";
        let states = parse_units(text);
        assert_eq!(
            states.iter().map(|state| state.id).collect::<Vec<_>>(),
            ["etcd.service", "kubelet.service", "nginx.service"]
        );
        assert_eq!(states.iter().map(UnitState::is_well).collect::<Vec<_>>(), [true, false, false]);
    }

    #[test]
    fn a_program_runs_from_the_file_of_its_digest_alone() {
        let path = |digest, name| format!("{STORE}/{digest}/{name}");
        let programs = BTreeMap::from([
            ("etcd", path("aa", "etcd")),
            ("kubelet", path("bb", "kubelet")),
            ("ctr", path("ee", "ctr")),
        ]);
        let units = ["etcd.service", "kubelet.service", "nginx.service"];
        let well = [path("aa", "etcd"), path("bb", "kubelet"), path("00", SHIM), "/usr/sbin/nginx".to_owned()];
        assert_eq!(strangers(&units, &programs, &well.join("\n")), [""; 0]);
        let replaced = format!("{} (deleted)", path("aa", "etcd"));
        let ill = [replaced.clone(), path("cc", "kubelet"), "/root/kubelet".to_owned()];
        assert_eq!(
            strangers(&units, &programs, &ill.join("\n")),
            [
                format!("{} does not run", path("aa", "etcd")),
                format!("{} does not run", path("bb", "kubelet")),
                format!("{replaced} runs"),
                format!("{} runs", path("cc", "kubelet")),
            ]
        );
    }

    #[test]
    fn the_last_file_has_the_last_word_on_a_kernel_setting() {
        let settings = BTreeMap::from([("net.ipv4.ip_forward", "1"), ("kernel.panic", "10")]);
        let ours = "# /etc/sysctl.d/10-a.conf\nkernel.panic=0\n\n# /etc/sysctl.d/99-kubernetes.conf\n\
                    net.ipv4.ip_forward = 1\nkernel.panic = 10\n";
        assert_eq!(overruled(&settings, ours), [""; 0]);
        let overruling = format!("{ours}# /etc/sysctl.d/99-z.conf\n; kernel.panic = 3\n-net/ipv4/ip_forward = 0\n");
        assert_eq!(overruled(&settings, &overruling), ["/etc/sysctl.d/99-z.conf sets net.ipv4.ip_forward to 0"]);
    }

    #[test]
    fn a_file_that_is_missing_differs_as_one_with_other_bytes_does() {
        let digests = [("/a", "1"), ("/b", "2"), ("/c", "3")];
        let digests = digests.iter().map(|(path, digest)| ((*path).to_owned(), (*digest).to_owned())).collect();
        assert_eq!(differing(&digests, "1  /a\n9  /b\n"), ["/b", "/c"]);
    }
}
