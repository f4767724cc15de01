//! Units: what systemd says of them, and what their running processes have read.
//!
//! Where hardway made a process read its files, their digests were noted: only a digest that differs matters then. Of
//! any other process (one that systemd started again by itself, at boot, or an administrator) the time tells: a file
//! that changed after the process' start may have been read before it changed. Times of modification can be set by
//! anybody, so it is the time of the inode's change that counts. A doubt is a reload or a restart too many, which is
//! better than one too few.

use std::collections::BTreeMap;
use std::time::Duration;

use hardway_design::{Unit, UnitObservation};
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::notes::Note;
use super::paths::{Entry, Time};
use super::script::{reloaded_note, started_note};

/// A unit and its main process.
#[derive(Debug, Clone, Default)]
pub(super) struct Seen {
    pub(super) unit: UnitObservation,
    main_pid: String,
    /// What systemd would start now, words apart by spaces.
    command: String,
    invocation: String,
    state_change: String,
    active_enter: String,
    process_start: String,
}

/// Reads `systemctl show`: a block of `KEY=VALUE` lines per unit, blocks apart by an empty line. By each of the unit's
/// names; units that systemd does not know are left out.
pub(super) fn parse<'a>(lines: impl Iterator<Item = &'a str>) -> BTreeMap<String, Seen> {
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
    seen: Seen,
}

impl Block {
    fn add(&mut self, key: &str, value: &str) {
        match key {
            "Names" => self.names = value.split_ascii_whitespace().map(str::to_owned).collect(),
            "LoadState" => self.known = value != "not-found",
            "ActiveState" => value.clone_into(&mut self.seen.unit.active),
            "UnitFileState" => value.clone_into(&mut self.seen.unit.enabled),
            "NeedDaemonReload" => self.seen.unit.needs_daemon_reload = value == "yes",
            "MainPID" => value.clone_into(&mut self.seen.main_pid),
            "ExecStart" => self.seen.command = command(value).unwrap_or_default().to_owned(),
            "InvocationID" => value.clone_into(&mut self.seen.invocation),
            "StateChangeTimestamp" => value.clone_into(&mut self.seen.state_change),
            "ActiveEnterTimestamp" => value.clone_into(&mut self.seen.active_enter),
            "ExecMainStartTimestamp" => value.clone_into(&mut self.seen.process_start),
            _ => {}
        }
    }

    fn finish(self, units: &mut BTreeMap<String, Seen>) {
        if self.known {
            units.extend(self.names.into_iter().map(|name| (name, self.seen.clone())));
        }
    }
}

/// `{ path=/bin/a ; argv[]=/bin/a -b ; ignore_errors=no ; … }`
fn command(value: &str) -> Option<&str> {
    Some(value.split_once("argv[]=")?.1.split_once(" ; ignore_errors=")?.0)
}

/// Inodes are stamped with the time of the kernel's last tick, processes with the time itself: what changed within a
/// tick after a start may look older. The longest tick that is built (`CONFIG_HZ=100`).
const TICK: Duration = Duration::from_millis(10);

/// A service says that it is reloaded when it is done (`sd_notify(3)`): by then it has read its files for a while, and
/// `systemctl reload` may have returned before. HAProxy begins itself anew for it, which takes a tenth of a second of a
/// processor, and several seconds of a busy one.
const RELOAD: Duration = Duration::from_secs(10);

fn before((seconds, nanoseconds): Time, by: Duration) -> Time {
    let (seconds, by_nanoseconds) = (seconds - by.as_secs().cast_signed(), by.subsec_nanos());
    match nanoseconds.checked_sub(by_nanoseconds) {
        Some(earlier) => (seconds, earlier),
        None => (seconds - 1, nanoseconds + 1_000_000_000 - by_nanoseconds),
    }
}

/// `Mon 2026-11-23 20:13:45.123456 UTC`
fn parse_time(text: &str) -> Option<Time> {
    let local = text.strip_suffix(" UTC")?.split_once(' ')?.1;
    let time = local.parse::<DateTime>().ok()?.to_zoned(TimeZone::UTC).ok()?.timestamp();
    Some((time.as_second(), u32::try_from(time.subsec_nanosecond()).ok()?))
}

/// What else of a machine tells about its processes.
pub(super) struct Surroundings<'a> {
    /// As they are.
    pub(super) paths: &'a BTreeMap<String, Entry>,
    /// Through links.
    pub(super) targets: &'a BTreeMap<String, Entry>,
    pub(super) notes: &'a BTreeMap<String, Note>,
    /// Program by process id.
    pub(super) programs: &'a BTreeMap<String, String>,
    /// Command line by process id.
    pub(super) commands: &'a BTreeMap<String, String>,
}

impl Surroundings<'_> {
    /// Says what the running process is, and what it has read. A unit that does not run will read all of it.
    pub(super) fn complete(&self, unit: &Unit, seen: &Seen) -> UnitObservation {
        let mut observation = seen.unit.clone();
        if matches!(seen.unit.active.as_str(), "" | "inactive" | "failed") {
            return observation;
        }
        observation.program = self.programs.get(&seen.main_pid).cloned();
        observation.other_command = self.other_command(unit, seen);

        let started = self.notes.get(&started_note(&unit.name)).filter(|note| seen.is_process_of(note));
        let reloaded = self.notes.get(&reloaded_note(&unit.name));
        let loaded = [reloaded, started].into_iter().flatten().find(|note| seen.is_last_read_of(note));
        for (paths, note, since) in
            [(&unit.restart_on, started, seen.read_at_start()), (&unit.reload_on, loaded, seen.read_last())]
        {
            for path in paths {
                match note.and_then(|note| note.read.get(path)) {
                    Some(digest) => _ = observation.read.insert(path.clone(), digest.clone()),
                    None if self.changed_after(path, since) => observation.stale.push(path.clone()),
                    None => {}
                }
            }
        }
        observation
    }

    /// Only of units whose file is the design's own: others' commands have variables, and processes that rename
    /// themselves. Nor of one that reloads: it may do so by running its program anew, with arguments of its own.
    fn other_command(&self, unit: &Unit, seen: &Seen) -> Option<String> {
        let is_own =
            unit.reload_on.is_empty() && unit.restart_on.iter().any(|path| path.ends_with(&format!("/{}", unit.name)));
        let running = self.commands.get(&seen.main_pid)?;
        (is_own && !seen.command.is_empty() && *running != seen.command).then(|| running.clone())
    }

    fn changed_after(&self, path: &str, since: Option<Time>) -> bool {
        let entries = [self.paths.get(path), self.targets.get(path)];
        entries.into_iter().flatten().any(|entry| Some(entry.changed) > since)
    }
}

impl Seen {
    fn read_at_start(&self) -> Option<Time> {
        Some(before(parse_time(&self.process_start)?, TICK))
    }

    /// A reload leaves the time at which the unit became active as it was (`unit_notify` of systemd's `src/core/unit.c`).
    fn read_last(&self) -> Option<Time> {
        if self.state_change == self.active_enter {
            return self.read_at_start();
        }
        Some(before(parse_time(&self.state_change)?, RELOAD))
    }

    /// Whether it still is the process that hardway started.
    fn is_process_of(&self, note: &Note) -> bool {
        !note.invocation.is_empty() && note.invocation == self.invocation
    }

    /// Whether nobody has started or reloaded it since: it may have said a moment later that it was done.
    fn is_last_read_of(&self, note: &Note) -> bool {
        let times = parse_time(&note.state_change).zip(parse_time(&self.state_change));
        self.is_process_of(note) && times.is_some_and(|(noted, seen)| noted <= seen && before(seen, RELOAD) <= noted)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{notes, paths};
    use super::*;

    const SHOW: &str = "Names=nginx.service\nLoadState=loaded\nActiveState=active\nUnitFileState=enabled\n\
        NeedDaemonReload=yes\n\n\
        Names=nowhere.service\nLoadState=not-found\nActiveState=inactive\nUnitFileState=\nNeedDaemonReload=no\n\n\
        Names=a.service alias.service\nLoadState=masked\nActiveState=inactive\nUnitFileState=masked\n\
        NeedDaemonReload=no";

    #[test]
    fn systemctl_show_is_read() {
        let units = parse(SHOW.lines());
        let nginx = &units["nginx.service"].unit;
        assert_eq!((nginx.active.as_str(), nginx.enabled.as_str()), ("active", "enabled"));
        assert!(nginx.needs_daemon_reload);
        assert!(!units.contains_key("nowhere.service"));
        assert_eq!(units["alias.service"].unit.enabled, "masked");
    }

    #[test]
    fn systemds_times_are_read() {
        assert_eq!(parse_time("Thu 1970-01-01 00:01:40.500000 UTC"), Some((100, 500_000_000)));
        assert_eq!(parse_time("n/a"), None);
        assert_eq!(parse_time(""), None);
    }

    #[test]
    fn a_file_stamped_with_the_tick_of_the_start_may_be_newer() {
        assert_eq!(completed(ACTIVE, "/etc/u@10.495", "").stale, ["/etc/u"]);
        assert_eq!(completed(NEVER_RELOADED, "/etc/reloadable@10.495", "").stale, ["/etc/reloadable"]);
        assert_eq!(before((5, 0), TICK), (4, 990_000_000));
    }

    #[test]
    fn a_file_that_changed_during_a_reload_may_be_newer() {
        assert_eq!(completed(ACTIVE, "/etc/reloadable@10.1", "").stale, ["/etc/reloadable"]);
        assert_eq!(completed(NEVER_RELOADED, "/etc/reloadable@10.1", "").stale, [""; 0]);
    }

    fn unit() -> Unit {
        Unit {
            name: "u.service".to_owned(),
            restart_on: ["/bin/u", "/etc/u", "/missing", "/etc/systemd/system/u.service"].map(str::to_owned).into(),
            reload_on: vec!["/etc/reloadable".to_owned()],
            ready: None,
            disruption: None,
        }
    }

    const ACTIVE: &str = "Names=u.service\nLoadState=loaded\nActiveState=active\nMainPID=7\nInvocationID=ab\n\
        ExecStart={ path=/bin/u ; argv[]=/bin/u -v 2 ; ignore_errors=no ; pid=7 }\n\
        StateChangeTimestamp=Thu 1970-01-01 00:00:20.000000 UTC\n\
        ActiveEnterTimestamp=Thu 1970-01-01 00:00:11.000000 UTC\n\
        ExecMainStartTimestamp=Thu 1970-01-01 00:00:10.500000 UTC";
    const NEVER_RELOADED: &str = "Names=u.service\nLoadState=loaded\nActiveState=active\nMainPID=7\nInvocationID=ab\n\
        StateChangeTimestamp=Thu 1970-01-01 00:00:11.000000 UTC\n\
        ActiveEnterTimestamp=Thu 1970-01-01 00:00:11.000000 UTC\n\
        ExecMainStartTimestamp=Thu 1970-01-01 00:00:10.500000 UTC";

    /// `times`: `PATH@SECONDS`; `noted`: lines as in a machine's notes.
    fn completed(show: &str, times: &str, noted: &str) -> UnitObservation {
        completed_as(&unit(), show, times, noted)
    }

    fn completed_as(unit: &Unit, show: &str, times: &str, noted: &str) -> UnitObservation {
        let read = |times: &str| {
            let line = |time: &str| {
                let (path, time) = time.split_once('@').unwrap();
                format!("f\t600\troot:root\t1\t{time}\t\t{path}")
            };
            let lines: Vec<String> = times.split_whitespace().map(line).collect();
            paths::parse(lines.iter().map(String::as_str))
        };
        let surroundings = Surroundings {
            paths: &read(times),
            targets: &BTreeMap::new(),
            notes: &notes::parse(noted.lines()),
            programs: &BTreeMap::from([("7".to_owned(), "/opt/u (deleted)".to_owned())]),
            commands: &BTreeMap::from([("7".to_owned(), "/bin/u -v 2".to_owned())]),
        };
        surroundings.complete(unit, &parse(show.lines())["u.service"])
    }

    const OLD_FILES: &str = "/bin/u@9 /etc/u@10.4 /etc/reloadable@9";
    const NOTED: &str = "/var/lib/hardway/started/u.service:InvocationID=ab\n\
        /var/lib/hardway/started/u.service:StateChangeTimestamp=Thu 1970-01-01 00:00:20.000000 UTC\n\
        /var/lib/hardway/started/u.service:11  /etc/u\n/var/lib/hardway/started/u.service:22  /etc/reloadable";

    #[test]
    fn the_time_tells_of_a_process_that_somebody_else_started() {
        assert_eq!(completed(ACTIVE, OLD_FILES, "").stale, [""; 0]);
        assert_eq!(completed(ACTIVE, "/etc/u@10.6 /etc/reloadable@9", "").stale, ["/etc/u"]);
        assert_eq!(completed(ACTIVE, "/etc/u@10 /etc/reloadable@20.1", "").stale, ["/etc/reloadable"]);
        let other_process = NOTED.replace("InvocationID=ab", "InvocationID=cd");
        assert_eq!(completed(ACTIVE, "/etc/u@11", &other_process).stale, ["/etc/u"]);
    }

    #[test]
    fn of_a_process_that_hardway_started_the_note_tells() {
        let seen = completed(ACTIVE, "/etc/u@99 /etc/reloadable@99", NOTED);
        assert_eq!(seen.stale, [""; 0]);
        assert_eq!((seen.read["/etc/u"].as_str(), seen.read["/etc/reloadable"].as_str()), ("11", "22"));
    }

    #[test]
    fn somebody_elses_reload_outdates_what_was_noted_of_files_that_a_reload_reads() {
        let reloaded = ACTIVE.replace("00:00:20", "00:00:40");
        let seen = completed(&reloaded, "/etc/u@99 /etc/reloadable@41", NOTED);
        assert_eq!(seen.stale, ["/etc/reloadable"]);
        assert!(seen.read.contains_key("/etc/u"));
        let note = NOTED.replace("started", "reloaded").replace("00:00:20", "00:00:40").replace("22  ", "33  ");
        let seen = completed(&reloaded, "/etc/reloadable@41", &format!("{NOTED}\n{note}"));
        assert_eq!(seen.read["/etc/reloadable"], "33");
    }

    #[test]
    fn a_reload_that_ends_after_it_was_noted_is_the_one_that_was_noted() {
        let note = NOTED.replace("started", "reloaded");
        let seen = completed(&ACTIVE.replace("00:00:20.000000", "00:00:22.500000"), "/etc/reloadable@20", &note);
        assert_eq!((seen.read["/etc/reloadable"].as_str(), seen.stale), ("22", vec![]));
    }

    #[test]
    fn a_process_says_its_program_and_a_command_that_its_unit_does_not() {
        let unit = Unit { reload_on: Vec::new(), ..unit() };
        let seen = completed_as(&unit, ACTIVE, OLD_FILES, "");
        assert_eq!((seen.program.as_deref(), seen.other_command), (Some("/opt/u (deleted)"), None));
        let seen = completed_as(&unit, &ACTIVE.replace("-v 2 ;", "-v 3 ;"), OLD_FILES, "");
        assert_eq!(seen.other_command.as_deref(), Some("/bin/u -v 2"));
    }

    #[test]
    fn one_that_reloads_may_have_begun_itself_anew() {
        let seen = completed(&ACTIVE.replace("-v 2 ;", "-v 3 ;"), OLD_FILES, "");
        assert_eq!(seen.other_command, None);
    }

    #[test]
    fn a_unit_that_does_not_run_has_read_nothing_and_needs_nothing() {
        let seen = completed(&ACTIVE.replace("=active", "=inactive"), "/etc/u@99", NOTED);
        assert_eq!((seen.stale.len(), seen.read.len(), seen.program), (0, 0, None));
    }
}
