//! A stage that is cut off at any point: no file is ever half-written at its place, and the next run ends as if nothing
//! had happened.

#![allow(clippy::disallowed_methods, reason = "only the crate itself is pure; its tests look at files")]

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use hardway_design::{Content, Directory, File, Hosts, Link, ResourceId};
use hardway_plan::{Action, Entry, Inventory, Step, script};
use hardway_spec::MachineName;
use tempfile::TempDir;

/// Every program that the steps below call.
const PROGRAMS: [&str; 14] =
    ["awk", "cat", "chmod", "chown", "cp", "find", "install", "ln", "mkdir", "mv", "rm", "sed", "stat", "sync"];

/// Ends all of its script with SIGKILL at the call whose number is in CUT: before it, after it, or in the middle of it,
/// where it has written half. Which programs were called is in CALLS, a line each.
const SHIM: &str = r#"#!/bin/sh
program=${0##*/}
echo "$program" >>"$CALLS"
n=0
while read -r _; do n=$((n + 1)); done <"$CALLS"
[ "$n" = "$CUT" ] || exec "/usr/bin/$program" "$@"
if [ "$WHEN" = middle ]; then
    from=$1
    if [ "$program" = cp ] || [ "$program" = install ]; then
        for to in "$@"; do from=$last last=$to; done
        exec >"$to"
    fi
    /usr/bin/head -c "$(($(/usr/bin/stat -c %s "$from") / 2))" "$from"
elif [ "$WHEN" = after ]; then
    "/usr/bin/$program" "$@"
fi
kill -KILL 0
"#;

/// A machine's files, below a folder.
struct Machine {
    folder: TempDir,
    owner: String,
}

const OLD: &str = "the package's own, which is longer than what follows\n";
const NEW: &str = "line one\nline two\n";
const HOSTS: &str = "127.0.0.1 localhost\n192.0.2.1 mine\n";

impl Machine {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        for name in ["shims", "stage", "etc/ours", "usr/bin"] {
            fs::create_dir_all(root.join(name)).unwrap();
        }
        for program in PROGRAMS {
            let shim = root.join("shims").join(program);
            fs::write(&shim, SHIM).unwrap();
            fs::set_permissions(shim, PermissionsExt::from_mode(0o755)).unwrap();
        }
        fs::write(root.join("etc/hosts"), HOSTS).unwrap();
        fs::write(root.join("etc/theirs"), OLD).unwrap();
        symlink("/nowhere", root.join("usr/bin/tool")).unwrap();
        let metadata = fs::metadata(root).unwrap();
        let owner = format!("{}:{}", metadata.uid(), metadata.gid());
        Self { folder, owner }
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    fn steps(&self) -> Vec<Step> {
        let file = |name: &str, text: &str| File {
            path: self.path(name),
            mode: 0o640,
            owner: self.owner.clone(),
            content: Content::text(text),
        };
        let directory = Directory { path: self.path("etc/ours/deep"), mode: 0o750, owner: self.owner.clone() };
        let mut inventory = Inventory::new("c", &MachineName::from("m"));
        inventory.entries.push(Entry::Directory { path: directory.path.clone() });
        all(vec![
            Action::WriteInventory(inventory),
            Action::WriteHosts(Hosts { lines: vec!["10.0.0.1 cp1".to_owned(), "10.0.0.2 w1".to_owned()] }),
            Action::MakeDirectory(directory),
            Action::WriteFile { file: file("etc/theirs", NEW), keep_original: true },
            Action::WriteFile { file: file("etc/ours/deep/new", NEW), keep_original: false },
            Action::MakeLink(Link { path: self.path("usr/bin/tool"), target: "/opt/tool".to_owned() }),
        ])
    }

    fn removal(&self) -> Vec<Step> {
        let file = |name: &str, original| Entry::File { path: self.path(name), sha256: "0".to_owned(), original };
        all(vec![
            Action::Remove(Entry::Link { path: self.path("usr/bin/tool"), target: "/opt/tool".to_owned() }),
            Action::Remove(file("etc/ours/deep/new", false)),
            Action::Remove(file("etc/theirs", true)),
            Action::Remove(Entry::Directory { path: self.path("etc/ours/deep") }),
            Action::Remove(Entry::Hosts),
        ])
    }

    /// Runs the steps as one stage; says whether they came to their end.
    fn run(&self, steps: &[Step], cut: Option<(usize, &str)>) -> bool {
        let stage = self.path("stage");
        fs::remove_dir_all(&stage).unwrap();
        fs::create_dir(&stage).unwrap();
        let numbered: Vec<(usize, &Step)> = steps.iter().enumerate().collect();
        let script = script::render(&numbered);
        for file in &script.files {
            fs::write(Path::new(&stage).join(&file.name), &file.content).unwrap();
        }
        let text = script
            .text
            .replace("PATH=/usr/local/sbin:", &format!("PATH={}:/usr/local/sbin:", self.path("shims")))
            .replace("/var/lib/hardway", &self.path("state"))
            .replace("root:root", &self.owner)
            .replace("/etc/hosts", &self.path("etc/hosts"));
        let calls = self.path("calls");
        fs::write(&calls, "").unwrap();
        let (number, when) = cut.unwrap_or((0, "never"));
        let output = Command::new("dash")
            .args(["-c", &text])
            .current_dir(&stage)
            .env("CALLS", calls)
            .env("CUT", number.to_string())
            .env("WHEN", when)
            .process_group(0)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(!said.contains(" fail "), "{said}");
        output.status.success()
    }

    /// Every file and link, what it holds and how it may be used; what is left beside them counts, too.
    fn all_files(&self) -> BTreeMap<PathBuf, String> {
        let mut found = BTreeMap::new();
        let mut open: Vec<PathBuf> = ["etc", "usr", "state"].map(|name| self.folder.path().join(name)).into();
        while let Some(path) = open.pop() {
            let Ok(metadata) = fs::symlink_metadata(&path) else { continue };
            let mode = metadata.mode() & 0o7777;
            let holds = if metadata.is_dir() {
                open.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
                "folder".to_owned()
            } else if metadata.is_symlink() {
                format!("to {}", fs::read_link(&path).unwrap().display())
            } else {
                fs::read_to_string(&path).unwrap()
            };
            found.insert(path.strip_prefix(self.folder.path()).unwrap().to_owned(), format!("{mode:o} {holds}"));
        }
        found
    }

    /// What stands at a place, without its mode.
    fn holds(&self, name: &str) -> Option<String> {
        fs::read_to_string(self.path(name)).ok()
    }

    fn assert_nothing_half_written(&self, whole: &Machine, at: &str) {
        for (name, before) in [("etc/hosts", HOSTS), ("etc/theirs", OLD), ("etc/ours/deep/new", "")] {
            let Some(found) = self.holds(name) else {
                assert!(before.is_empty(), "{name} is gone, {at}");
                continue;
            };
            assert!(Some(&found) == whole.holds(name).as_ref() || found == before, "{name} is {found:?}, {at}");
        }
        let inventory = self.holds("state/inventory.json");
        let parsed = inventory.map(|text| Inventory::parse(&text, &MachineName::from("m"), "c"));
        assert!(parsed.is_none_or(|parsed| parsed.is_ok()), "{at}");
        let original = self.holds(&format!("state/originals{}", self.path("etc/theirs")));
        assert!(original.is_none_or(|text| text == OLD), "the original was set aside in half, {at}");
    }
}

fn all(actions: Vec<Action>) -> Vec<Step> {
    let step = |action| Step {
        title: "Do it".to_owned(),
        reason: "it must be".to_owned(),
        resource: ResourceId("x:y".to_owned()),
        change: None,
        disruption: None,
        action,
    };
    actions.into_iter().map(step).collect()
}

/// The same for every machine: without the path of its own folder.
fn without_folder(machine: &Machine) -> Vec<String> {
    let folder = machine.folder.path().to_str().unwrap();
    let lines = machine.all_files().into_iter().map(|(path, holds)| format!("{} {holds}", path.display()));
    lines.map(|line| line.replace(folder, "").replace(folder.trim_start_matches('/'), "")).collect()
}

/// Where the steps can be cut off: before each call, and in the middle of those that write. After one is before the next.
fn cuts(steps: impl Fn(&Machine) -> Vec<Step>) -> Vec<(usize, &'static str)> {
    let machine = Machine::new();
    assert!(machine.run(&steps(&machine), None));
    let calls = machine.holds("calls").expect("it was written");
    let mut cuts = Vec::new();
    for (number, program) in (1..).zip(calls.lines()) {
        cuts.push((number, "before"));
        if matches!(program, "cp" | "cat" | "install") {
            cuts.push((number, "middle"));
        }
    }
    cuts
}

#[test]
fn the_next_run_completes_what_was_cut_off_anywhere() {
    let whole = Machine::new();
    assert!(whole.run(&whole.steps(), None));
    let cuts = cuts(Machine::steps);
    assert!(cuts.len() > 30, "only {} cuts", cuts.len());
    for cut in cuts {
        let machine = Machine::new();
        assert!(!machine.run(&machine.steps(), Some(cut)), "{cut:?}");
        machine.assert_nothing_half_written(&whole, &format!("{cut:?}"));
        assert!(machine.run(&machine.steps(), None), "{cut:?}");
        assert_eq!(without_folder(&machine), without_folder(&whole), "{cut:?}");
    }
}

#[test]
fn a_removal_takes_away_what_was_cut_off_anywhere() {
    let before = removed(&Machine::new());
    for cut in cuts(Machine::steps) {
        let machine = Machine::new();
        assert!(!machine.run(&machine.steps(), Some(cut)), "{cut:?}");
        assert!(machine.run(&machine.removal(), None), "{cut:?}");
        assert_eq!(removed(&machine), before, "{cut:?}");
    }
}

#[test]
fn a_removal_that_was_cut_off_anywhere_is_completed_by_the_next() {
    let before = removed(&Machine::new());
    let built = || {
        let machine = Machine::new();
        assert!(machine.run(&machine.steps(), None));
        machine
    };
    let calls = {
        let machine = built();
        assert!(machine.run(&machine.removal(), None));
        machine.holds("calls").expect("it was written").lines().count()
    };
    for cut in (1..=calls).flat_map(|number| [(number, "before"), (number, "after")]) {
        let machine = built();
        assert!(!machine.run(&machine.removal(), Some(cut)), "{cut:?}");
        assert!(machine.run(&machine.removal(), None), "{cut:?}");
        assert_eq!(removed(&machine), before, "{cut:?}");
    }
}

/// All but the state folder, which goes last and as a whole, and the link, which was another's before.
fn removed(machine: &Machine) -> Vec<String> {
    let kept = |line: &String| !line.starts_with("state") && !line.starts_with("usr/bin/tool");
    without_folder(machine).into_iter().filter(kept).collect()
}
