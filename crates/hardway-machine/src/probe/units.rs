//! Units: what systemd says of them, and which files they have not read yet.

use std::collections::BTreeMap;

use hardway_design::{Unit, UnitObservation};

use super::paths::{Entry, Time};
use super::script::{reloaded_marker, started_marker};

/// Reads `systemctl show`: a block of `KEY=VALUE` lines per unit, blocks apart by an empty line. By each of the unit's
/// names; units that systemd does not know are left out.
pub(super) fn parse<'a>(lines: impl Iterator<Item = &'a str>) -> BTreeMap<String, UnitObservation> {
    let mut units = BTreeMap::new();
    let mut block = Block::default();
    for line in lines.chain([""]) {
        match line.split_once('=') {
            Some((key, value)) => block.add(key, value),
            None => std::mem::take(&mut block).finish(&mut units),
        }
    }
    units
}

#[derive(Default)]
struct Block {
    names: Vec<String>,
    known: bool,
    unit: UnitObservation,
}

impl Block {
    fn add(&mut self, key: &str, value: &str) {
        match key {
            "Names" => self.names = words(value),
            "LoadState" => self.known = value != "not-found",
            "ActiveState" => value.clone_into(&mut self.unit.active),
            "UnitFileState" => value.clone_into(&mut self.unit.enabled),
            "DropInPaths" => self.unit.drop_ins = words(value),
            "NeedDaemonReload" => self.unit.needs_daemon_reload = value == "yes",
            _ => {}
        }
    }

    fn finish(self, units: &mut BTreeMap<String, UnitObservation>) {
        if self.known {
            units.extend(self.names.into_iter().map(|name| (name, self.unit.clone())));
        }
    }
}

fn words(value: &str) -> Vec<String> {
    value.split_ascii_whitespace().map(str::to_owned).collect()
}

/// When the paths were last changed: `paths` as they are, `targets` through links.
pub(super) struct Files<'a> {
    pub(super) paths: &'a BTreeMap<String, Entry>,
    pub(super) targets: &'a BTreeMap<String, Entry>,
}

impl Files<'_> {
    /// Fills in what the running process has not read yet. A unit that does not run will read all of it.
    pub(super) fn compare(&self, unit: &Unit, observation: &mut UnitObservation) {
        if matches!(observation.active.as_str(), "" | "inactive" | "failed") {
            return;
        }
        let started = self.modified(&started_marker(&unit.name));
        let reloaded = self.modified(&reloaded_marker(&unit.name)).max(started);
        observation.stale = self.newer(&unit.restart_on, started);
        observation.unloaded = self.newer(&unit.reload_on, reloaded);
    }

    fn modified(&self, marker: &str) -> Option<Time> {
        self.paths.get(marker).map(|entry| entry.modified)
    }

    /// Without a marker it was not hardway that started the unit: whatever stands there is newer.
    fn newer(&self, paths: &[String], marker: Option<Time>) -> Vec<String> {
        let changed = |path: &&String| {
            let entries = [self.paths.get(*path), self.targets.get(*path)];
            entries.into_iter().flatten().any(|entry| Some(entry.modified) > marker)
        };
        paths.iter().filter(changed).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::paths;
    use super::*;

    const SHOW: &str = "Names=nginx.service\nLoadState=loaded\nActiveState=active\nUnitFileState=enabled\n\
        DropInPaths=/etc/systemd/system/nginx.service.d/a.conf /run/b.conf\nNeedDaemonReload=yes\n\n\
        Names=nowhere.service\nLoadState=not-found\nActiveState=inactive\nUnitFileState=\nDropInPaths=\n\
        NeedDaemonReload=no\n\n\
        Names=a.service alias.service\nLoadState=masked\nActiveState=inactive\nUnitFileState=masked\nDropInPaths=\n\
        NeedDaemonReload=no";

    #[test]
    fn systemctl_show_is_read() {
        let units = parse(SHOW.lines());
        let nginx = &units["nginx.service"];
        assert_eq!((nginx.active.as_str(), nginx.enabled.as_str()), ("active", "enabled"));
        assert_eq!(nginx.drop_ins, ["/etc/systemd/system/nginx.service.d/a.conf", "/run/b.conf"]);
        assert!(nginx.needs_daemon_reload);
        assert!(!units.contains_key("nowhere.service"));
        assert_eq!(units["alias.service"].enabled, "masked");
    }

    fn unit() -> Unit {
        Unit {
            name: "u.service".to_owned(),
            restart_on: vec!["/bin/u".to_owned(), "/etc/u".to_owned(), "/missing".to_owned()],
            reload_on: vec!["/etc/reloadable".to_owned()],
            ready: None,
            disruption: None,
        }
    }

    fn compared(active: &str, paths: &str, targets: &str) -> UnitObservation {
        let mut observation = UnitObservation { active: active.to_owned(), ..UnitObservation::default() };
        let read = |times: &str| {
            let line = |time: &str| {
                let (path, time) = time.split_once('@').unwrap();
                format!("f\t600\troot:root\t1\t{time}\t\t{path}")
            };
            let lines: Vec<String> = times.split_whitespace().map(line).collect();
            paths::parse(lines.iter().map(String::as_str))
        };
        Files { paths: &read(paths), targets: &read(targets) }.compare(&unit(), &mut observation);
        observation
    }

    const STARTED_AT_10: &str = "/var/lib/hardway/started/u.service@10.5 /bin/u@10.4 /etc/u@10.5 /etc/reloadable@9";

    #[test]
    fn files_older_than_the_start_have_been_read() {
        let seen = compared("active", STARTED_AT_10, "/bin/u@3 /etc/u@10.5");
        assert_eq!((seen.stale.len(), seen.unloaded.len()), (0, 0));
    }

    #[test]
    fn a_newer_file_or_link_or_target_is_stale() {
        let newer_link = STARTED_AT_10.replace("/bin/u@10.4", "/bin/u@11");
        assert_eq!(compared("active", &newer_link, "").stale, ["/bin/u"]);
        assert_eq!(compared("reloading", STARTED_AT_10, "/bin/u@10.6").stale, ["/bin/u"]);
    }

    #[test]
    fn a_reload_is_younger_than_the_start() {
        let changed = STARTED_AT_10.replace("/etc/reloadable@9", "/etc/reloadable@12");
        assert_eq!(compared("active", &changed, "").unloaded, ["/etc/reloadable"]);
        let reloaded = format!("{changed} /var/lib/hardway/reloaded/u.service@13");
        assert_eq!(compared("active", &reloaded, "").unloaded, [""; 0]);
    }

    #[test]
    fn a_unit_that_hardway_did_not_start_has_read_nothing() {
        let unmarked = "/bin/u@1 /etc/u@1 /etc/reloadable@1";
        let seen = compared("active", unmarked, "");
        assert_eq!(seen.stale, ["/bin/u", "/etc/u"]);
        assert_eq!(seen.unloaded, ["/etc/reloadable"]);
        assert_eq!(compared("inactive", unmarked, "").stale, [""; 0]);
    }
}
