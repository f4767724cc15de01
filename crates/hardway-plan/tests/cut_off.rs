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
const PROGRAMS: [&str; 13] =
    ["awk", "cat", "chmod", "chown", "cp", "find", "ln", "mkdir", "mv", "rm", "sed", "stat", "sync"];

/// Ends all of its script with SIGKILL at the call whose number is in CUT: before it, after it, or in the middle of it,
/// where it has written half.
const SHIM: &str = r#"#!/bin/sh
n=$(($(/bin/cat "$COUNT") + 1))
echo "$n" >"$COUNT"
if [ "$n" = "$CUT" ]; then
    case $WHEN in
        before) kill -KILL 0 ;;
        middle)
            case ${0##*/} in
                cp)
                    for to in "$@"; do from=$last last=$to; done
                    /usr/bin/head -c "$(($(/usr/bin/stat -c %s "$from") / 2))" "$from" >"$to"
                    kill -KILL 0
                    ;;
                cat)
                    /usr/bin/head -c "$(($(/usr/bin/stat -c %s "$1") / 2))" "$1"
                    kill -KILL 0
                    ;;
            esac
            ;;
    esac
fi
"/usr/bin/${0##*/}" "$@"
code=$?
[ "$n" = "$CUT" ] && kill -KILL 0
exit "$code"
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
        let count = self.path("count");
        fs::write(&count, "0").unwrap();
        let (number, when) = cut.unwrap_or((0, "never"));
        let output = Command::new("dash")
            .args(["-c", &text])
            .current_dir(&stage)
            .env("COUNT", count)
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

/// As seen from its own folder: paths of originals have that in them.
fn without_folder(machine: &Machine) -> Vec<String> {
    let folder = machine.folder.path().to_str().unwrap();
    let originals = folder.trim_start_matches('/');
    let files = machine.all_files();
    files
        .iter()
        .map(|(path, holds)| format!("{} {holds}", path.display()))
        .map(|line| line.replace(originals, ""))
        .collect()
}

#[test]
fn the_next_run_completes_what_was_cut_off_anywhere() {
    let whole = Machine::new();
    assert!(whole.run(&whole.steps(), None));
    let expected: Vec<String> =
        without_folder(&whole).iter().map(|line| line.replace(whole.folder.path().to_str().unwrap(), "")).collect();
    let mut cuts = 0;
    for when in ["before", "middle", "after"] {
        for number in 1.. {
            let machine = Machine::new();
            if machine.run(&machine.steps(), Some((number, when))) {
                break;
            }
            cuts += 1;
            let at = format!("cut {when} call {number}");
            machine.assert_nothing_half_written(&whole, &at);
            assert!(machine.run(&machine.steps(), None), "{at}");
            let found: Vec<String> = without_folder(&machine)
                .iter()
                .map(|line| line.replace(machine.folder.path().to_str().unwrap(), ""))
                .collect();
            assert_eq!(found, expected, "{at}");
        }
    }
    assert!(cuts > 60, "only {cuts} cuts");
}

#[test]
fn a_removal_takes_away_what_was_cut_off_anywhere_and_can_be_cut_off_itself() {
    let untouched = Machine::new();
    let before = without_folder(&untouched);
    for when in ["before", "middle", "after"] {
        for number in 1.. {
            let machine = Machine::new();
            let came_to_its_end = machine.run(&machine.steps(), Some((number, when)));
            machine.run(&machine.removal(), Some((number, when)));
            assert!(machine.run(&machine.removal(), None));
            fs::remove_dir_all(machine.path("state")).unwrap_or_default();
            let left: Vec<String> = without_folder(&machine);
            let expected = before.iter().filter(|line| !line.starts_with("usr/bin/tool"));
            let left = left.iter().filter(|line| !line.starts_with("usr/bin/tool"));
            assert_eq!(left.collect::<Vec<_>>(), expected.collect::<Vec<_>>(), "cut {when} call {number}");
            if came_to_its_end {
                break;
            }
        }
    }
}
