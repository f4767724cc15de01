//! The binary under test, and a lab that goes away with the test.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// What a restarted machine's pods may take until all of them are known to be back.
const PATIENCE: Duration = Duration::from_secs(180);

/// etcd's administrator, on a member's own machine.
pub const ETCDCTL: &str = "etcdctl --endpoints=https://127.0.0.1:2379 --cacert=/etc/etcd/pki/ca.pem \
                           --cert=/etc/etcd/pki/root.pem --key=/etc/etcd/pki/root-key.pem";

/// A workspace with a lab. Dropped, it takes the lab down, also after a failed assertion.
pub struct LabWorkspace {
    folder: TempDir,
}

impl LabWorkspace {
    pub fn new(name: &str) -> Self {
        let folder = tempfile::Builder::new().prefix(name).tempdir().expect("a temporary folder can be made");
        Self { folder }
    }

    pub fn root(&self) -> PathBuf {
        self.folder.path().join("lab")
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hardway"));
        command.arg("-C").arg(self.root()).args(arguments);
        command
    }

    /// Runs hardway, shows what it says, and gives its exit code and stdout.
    pub fn run(&self, arguments: &[&str]) -> (i32, String) {
        eprintln!("$ hardway {}", arguments.join(" "));
        let output = self.command(arguments).output().expect("the binary under test starts");
        show(&output);
        (output.status.code().unwrap_or(-1), String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// As [`LabWorkspace::run`], for what the log need not have unless a test fails over it.
    pub fn run_quietly(&self, arguments: &[&str]) -> (i32, String) {
        let output = self.command(arguments).output().expect("the binary under test starts");
        let text = [output.stdout, if output.status.success() { Vec::new() } else { output.stderr }];
        let [stdout, stderr] = text.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        eprintln!("$ hardway {}: {}\n{stderr}", arguments.join(" "), output.status);
        (output.status.code().unwrap_or(-1), stdout)
    }

    /// As [`LabWorkspace::run`], with what is said on stderr instead.
    pub fn refused(&self, arguments: &[&str]) -> (i32, String) {
        eprintln!("$ hardway {}", arguments.join(" "));
        let output = self.command(arguments).output().expect("the binary under test starts");
        show(&output);
        (output.status.code().unwrap_or(-1), String::from_utf8_lossy(&output.stderr).into_owned())
    }

    /// As [`LabWorkspace::run`], for a command that must succeed.
    pub fn ok(&self, arguments: &[&str]) -> String {
        let (code, stdout) = self.run(arguments);
        assert_eq!(code, 0, "hardway {} failed", arguments.join(" "));
        stdout
    }

    /// As [`LabWorkspace::ok`], for what needs a while to become so: asked again until [`PATIENCE`] is over.
    pub fn eventually(&self, arguments: &[&str]) -> String {
        let end = Instant::now() + PATIENCE;
        loop {
            let (code, stdout) = self.run(arguments);
            if code == 0 {
                return stdout;
            }
            assert!(Instant::now() < end, "hardway {} still fails after {PATIENCE:?}", arguments.join(" "));
        }
    }

    pub fn json(&self, arguments: &[&str]) -> serde_json::Value {
        let text = self.ok(arguments);
        serde_json::from_str(&text).expect("-o json prints JSON")
    }

    pub fn kubectl(&self, arguments: &[&str]) -> String {
        self.ok(&[&["kubectl", "--"], arguments].concat())
    }

    /// A second plan, after everything was done.
    pub fn nothing_is_left_to_do(&self) {
        let plan = self.json(&["plan", "-o", "json"]);
        assert_eq!(plan["steps"], 0, "{plan:#}");
    }

    /// As [`LabWorkspace::nothing_is_left_to_do`], where services have ended since what they call was away, or their node
    /// got another address: systemd starts them again some seconds later.
    pub fn settles(&self) {
        self.eventually(&["plan"]);
    }

    pub fn spec(&self) -> String {
        std::fs::read_to_string(self.root().join("cluster.yaml")).expect("lab up wrote it")
    }

    pub fn write_spec(&self, text: &str) {
        std::fs::write(self.root().join("cluster.yaml"), text).expect("it can be written");
    }

    /// Changes the lines that contain `mark`; there has to be one.
    pub fn change_lines(&self, mark: &str, change: impl Fn(&str) -> String) {
        let text = self.spec();
        assert!(text.contains(mark), "there is no `{mark}` in {text}");
        let lines = text.lines().map(|line| if line.contains(mark) { change(line) } else { line.to_owned() } + "\n");
        self.write_spec(&lines.collect::<String>());
    }

    /// The names of the registered nodes.
    pub fn nodes(&self) -> Vec<String> {
        let names = self.kubectl(&["get", "nodes", "-o", "name"]);
        names.split_whitespace().map(|name| name.trim_start_matches("node/").to_owned()).collect()
    }

    /// What etcd's administrator is told by a machine's member.
    pub fn etcdctl(&self, machine: &str, arguments: &str) -> String {
        self.ssh(machine, &format!("{ETCDCTL} {arguments}"))
    }

    /// etcd's members and their peers' addresses, as one of them lists them.
    pub fn etcd_members(&self, machine: &str) -> Vec<EtcdMember> {
        let list = self.etcdctl(machine, "--write-out=simple member list");
        let mut members: Vec<EtcdMember> = list.lines().map(EtcdMember::parse).collect();
        members.sort();
        members
    }

    /// The names of the members with a vote.
    pub fn voters(&self, machine: &str) -> Vec<String> {
        let voters = self.etcd_members(machine).into_iter().filter(|member| !member.is_learner);
        voters.map(|member| member.name).collect()
    }

    /// Another copy of the workspace, as another operator has it.
    pub fn copy(&self) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let copied = Command::new("cp").arg("-a").arg(self.root()).arg(folder.path().join("lab")).status();
        assert!(copied.expect("cp is there").success());
        Self { folder }
    }

    /// A machine's address.
    pub fn address(&self, machine: &str) -> String {
        let status = self.json(&["lab", "status", "-o", "json"]);
        let machines = status["machines"].as_array().expect("a list");
        let found = machines.iter().find(|status| status["machine"]["name"] == machine).expect("the lab has it");
        found["machine"]["address"].as_str().expect("a text").to_owned()
    }

    /// Runs a command on a machine over plain ssh.
    pub fn ssh(&self, machine: &str, script: &str) -> String {
        self.ok(&["ssh", machine, "--", script])
    }
}

/// A line of `etcdctl member list`.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct EtcdMember {
    pub name: String,
    pub peer_url: String,
    pub is_learner: bool,
}

impl EtcdMember {
    /// `ID, started, NAME, PEERS, CLIENTS, IS LEARNER`
    fn parse(line: &str) -> Self {
        let fields: Vec<&str> = line.split(", ").collect();
        let [_, _, name, peer_url, _, is_learner] = fields[..] else { panic!("not a member: {line}") };
        Self { name: name.to_owned(), peer_url: peer_url.to_owned(), is_learner: is_learner == "true" }
    }
}

impl Drop for LabWorkspace {
    fn drop(&mut self) {
        let _ = self.command(&["lab", "down"]).status();
    }
}

/// What the test's own log keeps of a command.
fn show(output: &Output) {
    eprint!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
}

/// A program of the host, its stdout.
pub fn host(program: impl AsRef<OsStr>, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().expect("the program is there");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Every file below a folder, relative to it.
pub fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(next) = open.pop() {
        for entry in std::fs::read_dir(&next).expect("the folder can be read") {
            let path = entry.expect("the entry can be read").path();
            if path.is_dir() {
                open.push(path);
            } else {
                found.push(path.strip_prefix(folder).expect("it is below the folder").to_owned());
            }
        }
    }
    found.sort();
    found
}
