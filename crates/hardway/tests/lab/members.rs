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
    assert_eq!(lab.voters("cp1"), ["cp1", "cp2", "cp3"]);
    lab.nothing_is_left_to_do();
    lab.ok(&["verify"]);

    a_member_without_data_is_replaced(&lab);
    a_lost_quorum_is_recovered(&lab);
    the_first_ones_go(&lab);
    lab.ok(&["lab", "down"]);
}

/// The document ends with the list of machines, a line for each.
fn add_control_planes(lab: &LabWorkspace) {
    let entry = |name| format!("    - {{name: {name}, address: {}, roles: [control-plane]}}\n", lab.address(name));
    lab.write_spec(&(lab.spec() + &entry("cp2") + &entry("cp3")));
    lab.ok(&["validate"]);
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
    assert_eq!(lab.voters("cp2"), ["cp1", "cp2", "cp3"]);
    lab.settles();
}

/// One leaves the cluster, the other becomes a worker.
fn the_first_ones_go(lab: &LabWorkspace) {
    lab.change_lines("name: cp1,", |line| line.replace('}', ", removed: {}}"));
    lab.change_lines("name: cp2,", |line| line.replace("control-plane", "worker"));
    lab.ok(&["validate"]);
    let client = Client::of(lab);
    lab.ok(&["apply", "--yes"]);
    let (calls, failed) = client.stop();
    assert!(failed.is_empty(), "of {calls} calls failed, twice each: {failed:#?}");
    assert_eq!(lab.voters("cp3"), ["cp3"]);
    lab.kubectl(&["-n", "default", "get", "configmap", "client-0"]);
    let taints = lab.kubectl(&["get", "node", "cp2", "-o", "jsonpath={.spec.taints}"]);
    assert_eq!(taints, "", "cp2 is a worker");
    lab.ssh(
        "cp2",
        "! systemctl is-active etcd kube-apiserver && test ! -e /var/lib/etcd && systemctl is-active kubelet",
    );
    lab.nothing_is_left_to_do();
    lab.eventually(&["verify"]);
}
