//! Every kind of step as shell: what shellcheck says of it, and what dash does with it.

#![allow(clippy::disallowed_methods, reason = "only the crate itself is pure; its tests look at files")]

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use hardway_design::{
    Condition, Content, Directory, EtcdCall, EtcdChange, EtcdRebuild, File, Hosts, Image, Link, ResourceId, Task, User,
    etcd_data,
};
use hardway_plan::{Action, Entry, Inventory, Step, script};
use hardway_spec::MachineName;

fn step(action: Action) -> Step {
    Step {
        title: "Do it".to_owned(),
        reason: "it must be".to_owned(),
        resource: ResourceId("x:y".to_owned()),
        change: None,
        disruption: None,
        action,
    }
}

fn condition() -> Condition {
    Condition { title: "it answers".to_owned(), check: "test -e /".to_owned(), timeout: Duration::from_secs(3) }
}

/// One of each kind that runs as a script.
fn every_kind() -> Vec<Step> {
    let file = File {
        path: "/etc/x y/z".to_owned(),
        mode: 0o640,
        owner: "root:root".to_owned(),
        content: Content::text("text\n"),
    };
    let image = Image {
        name: "pause".to_owned(),
        reference: "hardway.local/pause:3".to_owned(),
        sha256: "a".repeat(64),
        manifest_digest: format!("sha256:{}", "b".repeat(64)),
        size: 1,
    };
    let task = Task {
        name: "auth".to_owned(),
        title: "Turn on authentication".to_owned(),
        check: "true".to_owned(),
        run: "echo on".to_owned(),
    };
    let entries = [
        Entry::Package { name: "nginx".to_owned() },
        Entry::User { name: "etcd".to_owned() },
        Entry::Directory { path: "/var/lib/etcd".to_owned() },
        Entry::File { path: "/etc/a".to_owned(), sha256: "0".to_owned(), original: true },
        Entry::File { path: "/etc/b".to_owned(), sha256: "0".to_owned(), original: false },
        Entry::Link { path: "/l".to_owned(), target: "/t".to_owned() },
        Entry::Binary { link: "/usr/local/bin/x".to_owned(), store: "/opt/hardway/store/0/x".to_owned() },
        Entry::Image { reference: image.reference.clone() },
        Entry::Hosts,
        Entry::Module { name: "overlay".to_owned() },
        Entry::Sysctl { key: "a.b".to_owned(), previous: Some("0".to_owned()) },
        Entry::Sysctl { key: "a.b".to_owned(), previous: None },
        Entry::Swap { devices: vec!["/dev/sdb".to_owned()] },
        Entry::Unit { name: "etcd.service".to_owned() },
        Entry::Remains { name: "pods".to_owned(), title: "End all pods".to_owned(), clean: "echo off".to_owned() },
    ];
    let unit = || "etcd.service".to_owned();
    let mut actions = vec![
        Action::InstallPackages { names: vec!["haproxy".to_owned(), "nginx".to_owned()], archive: None },
        Action::InstallPackages {
            names: vec!["curl".to_owned()],
            archive: Some("/var/lib/hardway/p/0.tar".to_owned()),
        },
        Action::CreateUser(User { name: "etcd".to_owned(), home: "/var/lib/etcd".to_owned() }),
        Action::MakeDirectory(Directory { path: "/etc/etcd".to_owned(), mode: 0o700, owner: "etcd:etcd".to_owned() }),
        Action::WriteFile { file: file.clone(), keep_original: true },
        Action::WriteFile { file, keep_original: false },
        Action::WriteInventory(Inventory::new("c", &MachineName::from("m"))),
        Action::SetAttributes { path: "/etc/it's".to_owned(), mode: 0o600, owner: "root:root".to_owned() },
        Action::RemoveFile("/etc/it's".to_owned()),
        Action::MakeLink(Link { path: "/l".to_owned(), target: "/t".to_owned() }),
        Action::ImportImage(image),
        Action::WriteHosts(Hosts { lines: vec!["10.0.0.1 cp1".to_owned()] }),
        Action::LoadModule("overlay".to_owned()),
        Action::SetSysctl { key: "net.ipv4.ip_forward".to_owned(), value: "1".to_owned() },
        Action::DisableSwap,
        Action::ReloadSystemd,
        Action::EnableUnit(unit()),
        Action::StartUnit { unit: unit(), reads: vec!["/etc/it's".to_owned()], ready: Some(condition()) },
        Action::RestartUnit { unit: unit(), reads: vec![], ready: None },
        Action::ReloadUnit { unit: unit(), reads: vec![], ready: None },
        Action::RunTask(task),
        Action::ChangeEtcd(EtcdChange::Found),
        Action::ChangeEtcd(EtcdChange::Remove(etcd_call())),
        Action::ChangeEtcd(EtcdChange::Join(etcd_call())),
        Action::ChangeEtcd(EtcdChange::Promote(etcd_call())),
        Action::ChangeEtcd(EtcdChange::Move(etcd_call())),
        Action::ChangeEtcd(EtcdChange::Rebuild(EtcdRebuild {
            name: MachineName::from("cp2"),
            peer_url: etcd_call().peer_url,
            token: "test-1204-0badcafe".to_owned(),
        })),
        Action::WaitOnMachine(condition()),
        Action::RemovePackages(vec!["haproxy".to_owned(), "nginx".to_owned()]),
        Action::RemoveHardway,
    ];
    actions.extend(entries.into_iter().map(Action::Remove));
    actions.into_iter().map(step).collect()
}

fn etcd_call() -> EtcdCall {
    EtcdCall {
        name: MachineName::from("cp2"),
        peer_url: "https://192.0.2.12:2380".to_owned(),
        through: vec!["https://192.0.2.11:2379".to_owned(), "https://192.0.2.13:2379".to_owned()],
    }
}

fn text(steps: &[Step]) -> String {
    let numbered: Vec<(usize, &Step)> = steps.iter().enumerate().collect();
    script::render(&numbered).text
}

fn shellcheck(script: &str) {
    let mut child = Command::new("shellcheck")
        .args(["--shell=dash", "--exclude=SC2317,SC2329", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("shellcheck is installed; cargo xtask test installs it");
    child.stdin.take().expect("it was asked for").write_all(script.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

#[test]
fn shellcheck_finds_nothing_in_any_step() {
    shellcheck(&text(&every_kind()));
}

#[test]
fn shellcheck_finds_nothing_in_what_members_are_asked() {
    for revision in [None, Some(1204)] {
        shellcheck(&etcd_data(revision));
    }
}

/// Runs steps under dash in a folder of their own and gives the lines that the operator would read.
fn run(steps: &[Step]) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let numbered: Vec<(usize, &Step)> = steps.iter().enumerate().collect();
    let script = script::render(&numbered);
    for file in &script.files {
        std::fs::write(folder.path().join(&file.name), &file.content).unwrap();
    }
    let output = Command::new("dash").arg("-c").arg(&script.text).current_dir(folder.path()).output().unwrap();
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().lines().map(|line| line.replace('\u{1e}', "EVENT")).collect()
}

fn task(run: &str) -> Step {
    step(Action::RunTask(Task {
        name: "t".to_owned(),
        title: "T".to_owned(),
        check: "false".to_owned(),
        run: run.to_owned(),
    }))
}

#[test]
fn each_step_says_when_it_begins_and_ends() {
    assert_eq!(
        run(&[task("echo one"), task("echo two >&2")]),
        ["EVENT begin 0", "one", "EVENT done 0", "EVENT begin 1", "two", "EVENT done 1"]
    );
}

#[test]
fn a_failing_command_ends_its_step_and_the_script() {
    let lines = run(&[task("echo before\nfalse\necho after"), task("echo never")]);
    assert_eq!(lines, ["EVENT begin 0", "before", "EVENT fail 0 1"]);
}

#[test]
fn a_file_takes_its_place_with_its_mode() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("deep/er/file");
    let owner = String::from_utf8(Command::new("sh").args(["-c", "echo $(id -un):$(id -gn)"]).output().unwrap().stdout);
    let file = File {
        path: path.to_str().unwrap().to_owned(),
        mode: 0o640,
        owner: owner.unwrap().trim().to_owned(),
        content: Content::text("text\n"),
    };
    let lines = run(&[step(Action::WriteFile { file, keep_original: false })]);
    assert_eq!(lines, ["EVENT begin 0", "EVENT done 0"]);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "text\n");
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&path).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o640);
}

#[test]
fn a_condition_that_never_holds_fails_with_its_last_words() {
    let never =
        Condition { title: "never".to_owned(), check: "echo not yet\nfalse".to_owned(), timeout: Duration::ZERO };
    let lines = run(&[step(Action::WaitOnMachine(never))]);
    assert_eq!(lines, ["EVENT begin 0", "still not so after 0 s", "not yet", "EVENT fail 0 1"]);
}

/// What /etc/hosts becomes when hardway's lines are taken out of it.
fn without_hosts(hosts: &str, ours: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    std::fs::write(path("hosts"), hosts).unwrap();
    std::fs::write(path("ours"), ours).unwrap();
    let script = text(&[]).replace("/etc/hosts", &path("hosts"));
    let script = format!("{script}\nwithout_hosts {}", path("ours"));
    String::from_utf8(Command::new("dash").arg("-c").arg(script).output().unwrap().stdout).unwrap()
}

#[test]
fn hosts_lines_of_others_stay_even_where_the_end_of_hardways_was_lost() {
    let ours = "10.0.0.1 cp1\n10.0.0.2 w1\n";
    let whole = "127.0.0.1 localhost\n# hardway begin\n10.0.0.9 cp1\n# hardway end\n192.0.2.7 printer\n";
    assert_eq!(without_hosts(whole, ours), "127.0.0.1 localhost\n192.0.2.7 printer\n");
    let endless = "# hardway begin\n10.0.0.1 cp1\n10.0.0.2 w1\n192.0.2.7 printer\n";
    assert_eq!(without_hosts(endless, ours), "192.0.2.7 printer\n");
    let twice = format!("{endless}# hardway begin\n10.0.0.1 cp1\n# hardway end\n");
    assert_eq!(without_hosts(&twice, ours), "192.0.2.7 printer\n");
}

/// In apt-get's place: writes each call down, and says what would be done.
const APT_GET: &str =
    "#!/bin/sh\necho \"$*\" >>\"$CALLS\"\ncase $* in *--simulate*) echo \"$SIMULATED\"; exit \"$CODE\";; esac\n";

/// What a step says on a machine that lies in the folder, and how it calls apt-get.
fn with_apt_get(folder: &Path, action: Action, simulated: &str, code: &str) -> (Vec<String>, Vec<String>) {
    let path = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    for name in ["bin", "stage", "updates"] {
        std::fs::create_dir(path(name)).unwrap();
    }
    for (name, program) in [("bin/apt-get", APT_GET), ("bin/dpkg-query", "#!/bin/sh\n")] {
        std::fs::write(path(name), program).unwrap();
        std::fs::set_permissions(path(name), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    }
    let text = text(&[step(action)])
        .replace("PATH=/usr/local/sbin:", &format!("PATH={}:/usr/local/sbin:", path("bin")))
        .replace("/var/lib/dpkg/updates", &path("updates"))
        .replace("/var/lib/hardway", folder.to_str().unwrap());
    let output = Command::new("dash")
        .args(["-c", &text])
        .current_dir(path("stage"))
        .env("CALLS", path("calls"))
        .env("SIMULATED", simulated)
        .env("CODE", code)
        // Whatever the operator's environment has.
        .env("repository", "/elsewhere")
        .output()
        .unwrap();
    let lines = |text: String| text.lines().map(|line| line.replace('\u{1e}', "EVENT")).collect();
    (lines(String::from_utf8(output.stdout).unwrap()), lines(std::fs::read_to_string(path("calls")).unwrap()))
}

fn installed_from_archive(folder: &Path, simulated: &str, code: &str) -> (Vec<String>, Vec<String>) {
    let path = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    std::fs::create_dir(path("repository")).unwrap();
    std::fs::write(path("repository/Packages"), "Package: curl\n").unwrap();
    let tar =
        Command::new("tar").args(["-cf", &path("a.tar"), "-C", &path("repository"), "Packages"]).status().unwrap();
    assert!(tar.success());
    let names = vec!["curl".to_owned()];
    with_apt_get(folder, Action::InstallPackages { names, archive: Some(path("a.tar")) }, simulated, code)
}

#[test]
fn packages_go_with_what_came_along_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("packages"), "libnginx\nnginx\nhaproxy\nlibcurl4\n").unwrap();
    // The machine had what nobody needs before hardway came.
    let simulated = "Purg nginx [1.22]\nPurg libnginx [1.22]";
    let (said, calls) = with_apt_get(folder.path(), Action::RemovePackages(vec!["nginx".to_owned()]), simulated, "0");
    assert_eq!(said, ["EVENT begin 0", "EVENT done 0"]);
    assert!(calls[0].ends_with("--simulate purge nginx"), "{calls:?}");
    assert!(calls[1].ends_with("purge --auto-remove nginx"), "{calls:?}");
    assert!(calls[2].ends_with(" purge nginx libnginx"), "{calls:?}");
    assert_eq!(std::fs::read_to_string(folder.path().join("packages")).unwrap(), "haproxy\nlibcurl4\n");
}

#[test]
fn packages_that_others_rest_on_stay() {
    let folder = tempfile::tempdir().unwrap();
    let simulated = "Purg curl [7]\nPurg somebodys-tool [1]";
    let (said, calls) = with_apt_get(folder.path(), Action::RemovePackages(vec!["curl".to_owned()]), simulated, "0");
    assert_eq!(said[1..3], ["left installed, since others rest on it: curl", "somebodys-tool"]);
    assert_eq!(calls.len(), 1, "{calls:?}");
}

#[test]
fn packages_from_an_archive_are_taken_from_nowhere_else() {
    let folder = tempfile::tempdir().unwrap();
    let new = "Inst libcurl4 (7 x [amd64])\nInst curl [6] (7 x [amd64])\nInst curl (7 x [amd64])";
    let (said, calls) = installed_from_archive(folder.path(), new, "0");
    assert_eq!(said, ["EVENT begin 0", "EVENT done 0"]);
    assert_eq!(calls.len(), 3, "{calls:?}");
    let repository = folder.path().join("a").to_str().unwrap().to_owned();
    for (call, end) in calls.iter().zip(["update", "--simulate install curl", "install curl"]) {
        assert!(call.ends_with(end), "{call}");
        for option in ["Dir::Etc::SourceList=REPOSITORY/sources.list", "Dir::Etc::SourceParts=/dev/null"] {
            assert!(call.contains(&format!("-o {} ", option.replace("REPOSITORY", &repository))), "{call}");
        }
    }
    let source = std::fs::read_to_string(format!("{repository}/sources.list")).unwrap();
    assert_eq!(source, format!("deb [trusted=yes] file:{repository} ./\n"));
    assert!(Path::new(&repository).join("Packages").exists());
    // What comes anew is remembered, and what is brought up to date is not.
    let noted = std::fs::read_to_string(folder.path().join("packages")).unwrap();
    assert_eq!(noted, "libcurl4\ncurl\n");
}

#[test]
fn an_archive_that_does_not_fit_the_machine_is_refused_with_apts_own_words() {
    let folder = tempfile::tempdir().unwrap();
    let (said, calls) = installed_from_archive(folder.path(), "curl depends on libcurl4 (= 7)", "100");
    assert_eq!(said, ["EVENT begin 0", "curl depends on libcurl4 (= 7)", "EVENT fail 0 1"]);
    assert_eq!(calls.len(), 2, "{calls:?}");
}
