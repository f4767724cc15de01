//! Control planes come and go, on real machines: from one to three while a client works, one that lost its data, and back
//! to one, which is not the first, while another becomes a worker.

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use crate::recovery::a_lost_quorum_is_recovered;
use crate::support::LabWorkspace;

#[test]
fn control_planes_come_and_go() {
    let lab = LabWorkspace::new("hardway-members");
    lab.ok(&["lab", "up", "--control-planes", "1", "--workers", "1"]);
    lab.ok(&["lab", "up", "--control-planes", "3", "--workers", "1", "--machines-only"]);
    add_control_planes(&lab);
    let (code, order) = lab.run(&["plan", "--no-diff"]);
    assert_eq!(code, 3);
    assert!(order.contains("etcd has 3 voting members then and survives the loss of one"), "{order}");

    let client = Client::of(&lab);
    lab.ok(&["apply", "--yes"]);
    let (calls, failed) = client.stop();
    assert!(failed.is_empty(), "of {calls} calls failed, twice each: {failed:#?}");
    assert!(calls > 20, "the client made {calls} calls only");
    assert_eq!(voters(&lab, "cp1"), ["cp1", "cp2", "cp3"]);
    nothing_is_left_to_do(&lab);
    lab.ok(&["verify"]);

    a_member_without_data_is_replaced(&lab);
    a_lost_quorum_is_recovered(&lab);
    the_first_ones_go(&lab);
    lab.ok(&["lab", "down"]);
}

pub(crate) fn nothing_is_left_to_do(lab: &LabWorkspace) {
    let plan = lab.json(&["plan", "-o", "json"]);
    assert_eq!(plan["steps"], 0, "{plan:#}");
}

fn edit(lab: &LabWorkspace, change: impl FnOnce(&str) -> String) {
    let path = lab.root().join("cluster.yaml");
    let text = std::fs::read_to_string(&path).expect("lab up wrote it");
    std::fs::write(&path, change(&text)).expect("it can be written");
    lab.ok(&["validate"]);
}

/// The document ends with the list of machines, a line for each.
fn add_control_planes(lab: &LabWorkspace) {
    let addresses = ["cp2", "cp3"].map(|name| (name, lab.address(name)));
    edit(lab, |text| {
        let mut text = text.to_owned();
        for (name, address) in addresses {
            text += &format!("    - {{name: {name}, address: {address}, roles: [control-plane]}}\n");
        }
        text
    });
}

/// The members with a vote, as one of them names them.
pub(crate) fn voters(lab: &LabWorkspace, machine: &str) -> Vec<String> {
    let list = lab.ssh(
        machine,
        "etcdctl --endpoints=https://127.0.0.1:2379 --cacert=/etc/etcd/pki/ca.pem --cert=/etc/etcd/pki/root.pem \
         --key=/etc/etcd/pki/root-key.pem --write-out=simple member list",
    );
    let lines = list.lines().map(|line| line.split(", ").collect::<Vec<_>>());
    let mut names: Vec<String> =
        lines.filter(|fields| fields.get(5) == Some(&"false")).map(|fields| fields[2].to_owned()).collect();
    names.sort();
    names
}

/// Reads and writes through the endpoint until it is told to stop; what fails is tried once more.
struct Client {
    stop: Arc<AtomicBool>,
    thread: thread::JoinHandle<(usize, Vec<String>)>,
}

impl Client {
    fn of(lab: &LabWorkspace) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let (told, root) = (Arc::clone(&stop), lab.root());
        let call = move |arguments: &[String]| {
            let mut command = Command::new(env!("CARGO_BIN_EXE_hardway"));
            let output = command.arg("-C").arg(&root).args(["kubectl", "--"]).args(arguments).output();
            let output = output.expect("the binary under test starts");
            if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
        };
        let thread = thread::spawn(move || {
            let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
            let (mut calls, mut failed) = (0, Vec::new());
            while !told.load(Ordering::Relaxed) {
                let name = format!("client-{calls}");
                for arguments in [
                    words(&format!("-n default create configmap {name} --request-timeout=10s")),
                    words(&format!("-n default get configmap {name} --request-timeout=10s")),
                ] {
                    calls += 1;
                    let again = call(&arguments).or_else(|_| call(&arguments));
                    // What was written the first time is there the second time.
                    failed.extend(again.err().filter(|said| !said.contains("already exists")));
                }
            }
            (calls, failed)
        });
        Self { stop, thread }
    }

    fn stop(self) -> (usize, Vec<String>) {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().expect("the client does not panic")
    }
}

fn a_member_without_data_is_replaced(lab: &LabWorkspace) {
    lab.ssh("cp2", "systemctl stop etcd && rm -rf /var/lib/etcd/member");
    let (code, _) = lab.run(&["ssh", "cp2", "--", "systemctl start etcd"]);
    assert_ne!(code, 0, "etcd started without its data");
    let journal = lab.ssh("cp2", "journalctl --unit=etcd --output=cat --no-pager --lines=50");
    assert!(journal.contains("To put a new member in its place, run: hardway apply"), "{journal}");

    lab.ok(&["apply", "--yes"]);
    assert_eq!(voters(lab, "cp2"), ["cp1", "cp2", "cp3"]);
    nothing_is_left_to_do(lab);
}

/// One leaves the cluster, the other becomes a worker.
fn the_first_ones_go(lab: &LabWorkspace) {
    edit(lab, |text| {
        let lines = text.lines().map(|line| match line {
            line if line.contains("name: cp1,") => line.replace('}', ", removed: {}}") + "\n",
            line if line.contains("name: cp2,") => line.replace("control-plane", "worker") + "\n",
            line => format!("{line}\n"),
        });
        lines.collect()
    });
    let client = Client::of(lab);
    lab.ok(&["apply", "--yes"]);
    let (calls, failed) = client.stop();
    assert!(failed.is_empty(), "of {calls} calls failed, twice each: {failed:#?}");
    assert_eq!(voters(lab, "cp3"), ["cp3"]);
    lab.kubectl(&["-n", "default", "get", "configmap", "client-0"]);
    let taints = lab.kubectl(&["get", "node", "cp2", "-o", "jsonpath={.spec.taints}"]);
    assert_eq!(taints, "", "cp2 is a worker");
    lab.ssh(
        "cp2",
        "! systemctl is-active etcd kube-apiserver && test ! -e /var/lib/etcd && systemctl is-active kubelet",
    );
    nothing_is_left_to_do(lab);
    lab.eventually(&["verify"]);
}
