//! Machines get other addresses: a worker, and the only control plane, whose old address is gone before hardway comes.

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
    let members = lab.ssh(
        "cp1",
        "etcdctl --endpoints=https://127.0.0.1:2379 --cacert=/etc/etcd/pki/ca.pem --cert=/etc/etcd/pki/root.pem \
         --key=/etc/etcd/pki/root-key.pem --write-out=simple member list",
    );
    assert!(members.contains(&format!("https://{}:2380", elsewhere(&lab, "cp1"))), "{members}");

    // What clients may still call it by goes when it is said.
    lab.ok(&["apply", "--yes", "--finish"]);
    nothing_is_left_to_do(&lab);
    lab.eventually(&["verify"]);
    lab.ok(&["lab", "down"]);
}

/// kube-proxy ends when its node has another address, and systemd starts it again two seconds later.
fn nothing_is_left_to_do(lab: &LabWorkspace) {
    lab.eventually(&["plan"]);
}

/// The address in the lab's network that no machine has: those of the lab end below 100.
pub(crate) fn elsewhere(lab: &LabWorkspace, machine: &str) -> String {
    let old = lab.address(machine);
    let (network, host) = old.rsplit_once('.').expect("an IPv4 address");
    let host: u8 = host.parse().expect("a number");
    format!("{network}.{}", host + 100)
}

/// Gives the machine another address beside its own, also after a restart, and says so in the spec.
pub(crate) fn move_to(lab: &LabWorkspace, machine: &str) {
    let (old, new) = (lab.address(machine), elsewhere(lab, machine));
    lab.ssh(
        machine,
        &format!(
            "sysctl -q -w net.ipv4.conf.host0.promote_secondaries=1 && ip address add {new}/24 dev host0 && \
             sed -i 's/ {old}\\/24 / {new}\\/24 /' /usr/local/lib/lab-machine"
        ),
    );
    let path = lab.root().join("cluster.yaml");
    let text = std::fs::read_to_string(&path).expect("lab up wrote it");
    std::fs::write(&path, text.replace(&format!("address: {old},"), &format!("address: {new},")))
        .expect("it can be written");
    // The same host key at another address: nobody needs to be asked.
    let (code, said) = lab.refused(&["plan", "--no-diff"]);
    assert_eq!(code, 3, "{said}");
    assert!(said.contains(&format!("{machine} is at {new} now")), "{said}");
}

/// Takes the old address from the machine.
pub(crate) fn leave_old(lab: &LabWorkspace, machine: &str) {
    let old = lab.address(machine);
    lab.ssh(machine, &format!("ip address del {old}/24 dev host0 && ip route replace default via {}", gateway(&old)));
}

fn gateway(address: &str) -> String {
    format!("{}.1", address.rsplit_once('.').expect("an IPv4 address").0)
}

fn node(lab: &LabWorkspace, name: &str, path: &str) -> String {
    lab.kubectl(&["get", "node", name, "-o", &format!("jsonpath={path}")])
}

/// Whether the cluster knows the machine at its new address alone, and works there.
fn at_home(lab: &LabWorkspace, machine: &str) {
    let new = elsewhere(lab, machine);
    let known = format!("--for=jsonpath={{.status.addresses[0].address}}={new}");
    lab.kubectl(&["wait", &known, &format!("node/{machine}"), "--timeout=60s"]);
    nothing_is_left_to_do(lab);
    // Calico's agent looks once a minute where it is.
    lab.eventually(&["verify"]);
}
