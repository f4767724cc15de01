//! Machines get other addresses: a worker, and the only control plane, whose old address is gone before hardway comes.

use crate::moving::{elsewhere, leave_old, move_to};
use crate::support::LabWorkspace;

#[test]
fn machines_move_to_other_addresses() {
    let lab = LabWorkspace::new("hardway-addresses");
    lab.ok(&["lab", "up"]);
    let identity = node(&lab, "w1", "{.metadata.uid}");

    move_to(&lab, "w1");
    lab.ok(&["apply", "--yes"]);
    leave_old(&lab, "w1");
    at_home(&lab, "w1");
    assert_eq!(identity, node(&lab, "w1", "{.metadata.uid}"), "w1 is the node that it was");

    move_to(&lab, "cp1");
    leave_old(&lab, "cp1");
    // As after a restart: etcd finds no such address any more.
    lab.ssh("cp1", "systemctl kill --signal=KILL --kill-whom=main etcd kube-apiserver");
    lab.ok(&["apply", "--yes"]);
    at_home(&lab, "cp1");
    let peers = lab.etcd_members("cp1").into_iter().map(|member| member.peer_url).collect::<Vec<_>>();
    assert_eq!(peers, [format!("https://{}:2380", elsewhere(&lab, "cp1"))]);

    // What clients may still call it by goes when it is said.
    lab.ok(&["apply", "--yes", "--finish"]);
    lab.settles();
    lab.eventually(&["verify"]);
    lab.ok(&["lab", "down"]);
}

fn node(lab: &LabWorkspace, name: &str, path: &str) -> String {
    lab.kubectl(&["get", "node", name, "-o", &format!("jsonpath={path}")])
}

/// Whether the cluster knows the machine at its new address alone, and works there.
fn at_home(lab: &LabWorkspace, machine: &str) {
    let new = elsewhere(lab, machine);
    let known = format!("--for=jsonpath={{.status.addresses[0].address}}={new}");
    lab.kubectl(&["wait", &known, &format!("node/{machine}"), "--timeout=60s"]);
    lab.settles();
    // Calico's agent looks once a minute where it is.
    lab.eventually(&["verify"]);
}
