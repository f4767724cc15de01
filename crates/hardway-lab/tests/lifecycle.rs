//! The lab on the real host: machines boot, are reached, stop, die, reboot and leave nothing.
//!
//! Needs root and boots machines.

use std::io::{BufRead, BufReader, ErrorKind};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use hardway_lab::{
    AliasOf, Event, Lab, LabConfig, LabMachine, MachineState, install_host_packages, missing_host_packages,
};

const ALIAS: &str = "lifecycle.hardway.test";

/// A workspace's lab folder, which is taken down even when the test fails.
struct Place {
    workspace: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        install_host_packages(&missing_host_packages(), &quiet).unwrap();
        Self { workspace: tempfile::tempdir().unwrap() }
    }

    fn dir(&self) -> PathBuf {
        self.workspace.path().join("lab")
    }

    fn assert_nothing_left(&self) {
        assert_eq!(Lab::leftovers(&self.dir()).unwrap(), Vec::<String>::new());
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let down = Lab::down(&self.dir(), &quiet);
        if !thread::panicking() {
            down.unwrap();
        }
    }
}

fn quiet(_: Event) {}

fn config(names: &[&str]) -> LabConfig {
    LabConfig { machines: names.iter().map(|&name| name.to_owned()).collect(), ..LabConfig::default() }
}

fn find(lab: &Lab, name: &str) -> LabMachine {
    lab.machines().unwrap().into_iter().find(|machine| machine.name == name).unwrap()
}

/// Runs a script on a machine, whose host key must be the one that the lab told.
fn ssh(lab: &Lab, name: &str, script: &str) -> Result<String, String> {
    let machine = find(lab, name);
    let known_hosts = lab.identity_file().with_file_name("known_hosts");
    std::fs::write(&known_hosts, machine.known_hosts_line() + "\n").unwrap();
    let output = Command::new("ssh")
        .arg("-F/dev/null")
        .arg("-i")
        .arg(lab.identity_file())
        .arg(format!("-oUserKnownHostsFile={}", known_hosts.display()))
        .args(["-oStrictHostKeyChecking=yes", "-oBatchMode=yes", "-oConnectTimeout=2"])
        .arg(format!("root@{}", machine.address))
        .arg(script)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    if output.status.success() {
        Ok(String::from_utf8(output.stdout).unwrap().trim().to_owned())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

fn wait_for<T>(what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(value) = condition() {
            return value;
        }
        assert!(start.elapsed() < Duration::from_secs(60), "no {what}");
        thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn machines_live_and_leave_nothing() {
    let place = Place::new();
    let mut wanted = config(&["cp1", "w1"]);
    wanted.hostname_alias = vec![(ALIAS.into(), AliasOf::Machine("cp1".into()))];
    let lab = Lab::up(&place.dir(), &wanted, &quiet).unwrap();
    let cp1 = find(&lab, "cp1");

    // Reached, named, connected, healthy.
    assert_eq!(ssh(&lab, "cp1", "hostname").unwrap(), "cp1");
    assert_eq!(ssh(&lab, "w1", "systemctl is-system-running --wait").unwrap(), "running");
    ssh(&lab, "w1", &format!("ping -c1 -W2 {}", cp1.address)).unwrap();
    let hosts = std::fs::read_to_string("/etc/hosts").unwrap();
    assert!(hosts.contains(&format!("{} {ALIAS}\n", cp1.address)));
    ssh(&lab, "w1", "apt-get update -qq && apt-get install -qqy arping").unwrap();

    // What containers need of a machine.
    ssh(
        &lab,
        "w1",
        "set -e; mountpoint -q /sys/fs/bpf; [ -d /lib/modules ]; [ -e /dev/kmsg ]
         [ \"$(findmnt -no PROPAGATION /)\" = shared ]
         echo 1 >/proc/sys/net/ipv4/ip_forward
         for c in /sys/fs/cgroup/memory /sys/fs/cgroup; do
             [ -e $c/cgroup.procs ] || continue; mkdir $c/probe; rmdir $c/probe; exit 0
         done; exit 1",
    )
    .unwrap();
    ssh(
        &lab,
        "w1",
        "set -e; cd /var/lib/containerd; mkdir l u w m; mount -t overlay -o lowerdir=l,upperdir=u,workdir=w o m; umount m",
    )
    .unwrap();

    // Again: nothing to do but what is new.
    let events = Mutex::new(Vec::new());
    let lab = Lab::up(&place.dir(), &config(&["w1", "lb"]), &|event| {
        events.lock().unwrap().push(event);
    })
    .unwrap();
    let started: Vec<_> = events
        .into_inner()
        .unwrap()
        .into_iter()
        .filter_map(|event| match event {
            Event::CreatingMachine { machine, .. } | Event::StartingMachine { machine } => Some(machine),
            _ => None,
        })
        .collect();
    assert_eq!(started, ["lb", "lb"]);
    assert_eq!(lab.machines().unwrap().len(), 3);

    // A container whose init ignores SIGTERM does not hold up a shutdown, and the disk is kept.
    ssh(
        &lab,
        "w1",
        "echo kept >/root/file; systemd-run -q -pKillMode=none unshare -pf sh -c 'trap : TERM; while :; do sleep 9; done'",
    )
    .unwrap();
    let start = Instant::now();
    lab.stop("w1", &quiet).unwrap();
    assert!(start.elapsed() < Duration::from_secs(15));
    assert_eq!(find(&lab, "w1").state, MachineState::Stopped);
    assert_eq!(find(&lab, "cp1").state, MachineState::Running);
    lab.start("w1", &quiet).unwrap();
    assert_eq!(ssh(&lab, "w1", "cat /root/file").unwrap(), "kept");

    // A power cut: who talks to the machine is not even told that the connection ends.
    let mut connection = BufReader::new(TcpStream::connect((find(&lab, "w1").address, 22)).unwrap());
    let mut heard = String::new();
    connection.read_line(&mut heard).unwrap();
    lab.kill("w1").unwrap();
    connection.get_ref().set_read_timeout(Some(Duration::from_millis(500))).unwrap();
    assert_eq!(connection.read_line(&mut heard).unwrap_err().kind(), ErrorKind::WouldBlock, "{heard}");
    assert_eq!(find(&lab, "w1").state, MachineState::Stopped);
    lab.start("w1", &quiet).unwrap();
    assert_eq!(ssh(&lab, "w1", "cat /root/file").unwrap(), "kept");

    // A reboot from inside.
    let boot_id = "cat /proc/sys/kernel/random/boot_id";
    let before = ssh(&lab, "w1", boot_id).unwrap();
    let _ = ssh(&lab, "w1", "systemctl reboot");
    wait_for("reboot of w1", || ssh(&lab, "w1", boot_id).ok().filter(|now| *now != before));
    wait_for("machines that all answer", || lab.status().unwrap().iter().all(|s| s.sshd).then_some(()));

    // A neighbour neither gets in the way nor goes along.
    let neighbour = Place::new();
    let other = Lab::up(&neighbour.dir(), &config(&["cp1"]), &quiet).unwrap();
    assert_ne!(other.subnet(), lab.subnet());
    Lab::down(&place.dir(), &quiet).unwrap();
    place.assert_nothing_left();
    assert!(!std::fs::read_to_string("/etc/hosts").unwrap().contains(ALIAS));
    assert!(Lab::open(&place.dir()).unwrap().is_none());
    assert_eq!(ssh(&other, "cp1", "hostname").unwrap(), "cp1");
    Lab::down(&neighbour.dir(), &quiet).unwrap();
    neighbour.assert_nothing_left();
}

/// Where the operator of the next test gets its folder from.
const DIR_VARIABLE: &str = "HARDWAY_LAB_TEST_DIR";

/// Not a test of its own: the next one runs it in a process that it can kill.
#[test]
#[ignore = "run by the next test"]
fn operator() {
    let Some(dir) = std::env::var_os(DIR_VARIABLE) else {
        return;
    };
    Lab::up(Path::new(&dir), &config(&["cp1", "w1"]), &|event| {
        println!("\nevent {event:?}");
    })
    .unwrap();
}

#[test]
fn down_finds_everything_after_an_operator_was_killed() {
    for last_event in ["CreatingMachine", "StartingMachine", "MachineReady"] {
        let place = Place::new();
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "operator", "--ignored", "--nocapture"])
            .env(DIR_VARIABLE, place.dir())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let seen = lines.map_while(Result::ok).any(|line| line.starts_with(&format!("event {last_event}")));
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(seen, "no {last_event}");
        assert!(!Lab::leftovers(&place.dir()).unwrap().is_empty());
        if last_event == "StartingMachine" {
            // Or the next one carries on where it ended.
            let lab = Lab::up(&place.dir(), &config(&["cp1", "w1"]), &quiet).unwrap();
            assert_eq!(ssh(&lab, "w1", "hostname").unwrap(), "w1");
        }
        Lab::down(&place.dir(), &quiet).unwrap();
        place.assert_nothing_left();
    }
}

#[test]
fn down_removes_a_lab_whose_state_is_damaged() {
    let place = Place::new();
    let lab = Lab::up(&place.dir(), &config(&["w1"]), &quiet).unwrap();
    let state = Lab::leftovers(&place.dir())
        .unwrap()
        .into_iter()
        .find_map(|line| line.strip_prefix("folder /var/").map(PathBuf::from))
        .unwrap();
    std::fs::write(Path::new("/var").join(state).join("lab.json"), "{").unwrap();
    drop(lab);
    assert!(Lab::open(&place.dir()).is_err());
    Lab::down(&place.dir(), &quiet).unwrap();
    place.assert_nothing_left();
}

#[test]
fn down_without_a_lab_changes_nothing() {
    let workspace = tempfile::tempdir().unwrap();
    Lab::down(&workspace.path().join(".hardway/lab"), &quiet).unwrap();
    assert_eq!(std::fs::read_dir(workspace.path()).unwrap().count(), 0);
}

#[test]
fn an_alias_for_a_machine_that_is_not_there_is_refused() {
    let place = Place::new();
    let mut wanted = config(&["w1"]);
    wanted.hostname_alias = vec![(ALIAS.into(), AliasOf::Machine("w2".into()))];
    let error = Lab::up(&place.dir(), &wanted, &quiet).unwrap_err();
    assert!(error.to_string().contains("w2"));
    place.assert_nothing_left();
}
