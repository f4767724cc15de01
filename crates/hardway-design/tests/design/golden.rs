//! Every rendered file and every machine's groups, compared with `tests/golden/`.
//!
//! The plain cluster's folder holds all of them; another scenario's holds what differs from it.
//! `UPDATE_GOLDEN=1 cargo test -p hardway-design` writes the folders anew.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use hardway_design::{Group, Resource};

use crate::cluster::{Scenario, all, plain};

const UPDATE: &str = "UPDATE_GOLDEN";

type Tree = BTreeMap<String, String>;

#[test]
fn what_is_rendered_is_what_the_golden_files_hold() {
    let reference = rendered(&plain());
    for scenario in all() {
        let mut tree = rendered(&scenario);
        if scenario.name != "plain" {
            tree.retain(|path, text| reference.get(path) != Some(text));
        }
        compare(&golden_folder(scenario.name), &tree);
    }
}

fn golden_folder(scenario: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(scenario)
}

fn rendered(scenario: &Scenario) -> Tree {
    let design = scenario.design();
    let mut tree = Tree::new();
    for group in &design.groups {
        let place = &group.id.place;
        tree.entry(format!("{place}/groups.txt")).or_default().push_str(&outline(group));
        for resource in &group.resources {
            if let Resource::File(file) = resource {
                let text = String::from_utf8(file.content.bytes().to_vec()).unwrap();
                tree.insert(format!("{place}{}", file.path), text);
            }
        }
    }
    for manifest in hardway_design::manifests(&scenario.inputs()).unwrap() {
        let text = String::from_utf8(manifest.content.bytes().to_vec()).unwrap();
        tree.insert(format!("cluster/{}.yaml", manifest.name), text);
    }
    for (path, content) in hardway_design::kubeconfigs(&scenario.inputs()).unwrap() {
        tree.insert(format!("workspace/{path}"), String::from_utf8(content.bytes().to_vec()).unwrap());
    }
    tree
}

/// What a group waits for and brings about, in words.
fn outline(group: &Group) -> String {
    let mut text = format!("{}\n", group.id.name);
    for after in &group.after {
        writeln!(text, "  after {after}").unwrap();
    }
    for resource in &group.resources {
        match resource {
            Resource::File(file) => writeln!(text, "  {} {:o} {}", resource.id(), file.mode, file.owner),
            Resource::Directory(directory) => {
                writeln!(text, "  {} {:o} {}", resource.id(), directory.mode, directory.owner)
            }
            Resource::Link(link) => writeln!(text, "  {} -> {}", resource.id(), link.target),
            Resource::Sysctl(sysctl) => writeln!(text, "  {} = {}", resource.id(), sysctl.value),
            Resource::Hosts(hosts) => writeln!(text, "  {}\n{}", resource.id(), indent(&hosts.lines.join("\n"))),
            Resource::Unit(unit) => {
                writeln!(text, "  {}", resource.id()).unwrap();
                for path in &unit.restart_on {
                    writeln!(text, "    restart on {path}").unwrap();
                }
                for path in &unit.reload_on {
                    writeln!(text, "    reload on {path}").unwrap();
                }
                if let Some(ready) = &unit.ready {
                    writeln!(text, "    ready when {}\n{}", ready.title, indent(&ready.check)).unwrap();
                }
                Ok(())
            }
            Resource::Remains(remains) => writeln!(text, "  {}\n{}", resource.id(), indent(&remains.clean)),
            Resource::Wait(condition) => writeln!(text, "  {}\n{}", resource.id(), indent(&condition.check)),
            Resource::EtcdMember(member) => {
                writeln!(text, "  {} {}\n{}", resource.id(), member.peer_url, indent(&member.inquiry))
            }
            Resource::Task(task) => {
                writeln!(
                    text,
                    "  {}\n    unless\n{}\n    run\n{}",
                    resource.id(),
                    indent(&task.check),
                    indent(&task.run)
                )
            }
            _ => writeln!(text, "  {}", resource.id()),
        }
        .unwrap();
    }
    text
}

fn indent(text: &str) -> String {
    text.lines().map(|line| format!("      {line}")).collect::<Vec<_>>().join("\n")
}

fn compare(folder: &Path, tree: &Tree) {
    if std::env::var_os(UPDATE).is_some() {
        if folder.exists() {
            fs::remove_dir_all(folder).unwrap();
        }
        for (path, text) in tree {
            let path = folder.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        return;
    }
    let mut golden = Tree::new();
    read(folder, folder, &mut golden);
    let golden_paths: Vec<_> = golden.keys().collect();
    let paths: Vec<_> = tree.keys().collect();
    assert_eq!(golden_paths, paths, "files of {}; {UPDATE}=1 accepts them", folder.display());
    for (path, text) in tree {
        assert_eq!(&golden[path], text, "{path} of {}; {UPDATE}=1 accepts it", folder.display());
    }
}

fn read(root: &Path, folder: &Path, tree: &mut Tree) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() {
            read(root, &path, tree);
        } else {
            let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
            tree.insert(name, fs::read_to_string(&path).unwrap());
        }
    }
}
