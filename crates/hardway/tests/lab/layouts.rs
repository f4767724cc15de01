//! The other layouts, on real machines: the hard way's exact one, with the bridge plugin.

use crate::support::LabWorkspace;

#[test]
fn a_control_plane_that_is_no_node_and_the_bridge_plugin() {
    let lab = LabWorkspace::new("hardway-bridge");
    lab.ok(&["lab", "up", "--workers", "2", "--machines-only"]);
    let path = lab.root().join("cluster.yaml");
    let document = std::fs::read_to_string(&path).expect("lab up wrote it");
    let layout = "\n  network: {cni: {bridge: {}}, kubeProxy: iptables}\n  controlPlane: {node: false}\n  \
                  pki: {algorithm: ecdsa-p256}\n  machines:";
    let spec = document.replace("\n  machines:", layout);
    let cluster = hardway_spec::parse(&spec, "cluster.yaml").expect("it is valid").spec;
    assert!(matches!(cluster.network.cni, hardway_spec::Cni::Bridge(_)) && !cluster.control_plane.node);
    std::fs::write(&path, spec).expect("the spec can be written");
    lab.ok(&["validate"]);
    lab.ok(&["apply", "--yes"]);
    lab.ok(&["verify"]);
    let nodes = lab.kubectl(&["get", "nodes", "-o", "name"]);
    assert_eq!(nodes.split_whitespace().collect::<Vec<_>>(), ["node/w1", "node/w2"]);
    nothing_is_left_to_do(&lab);
    a_node_keeps_its_pods_range_when_one_before_it_leaves(&lab);
    lab.ok(&["lab", "down"]);
}

fn nothing_is_left_to_do(lab: &LabWorkspace) {
    let plan = lab.json(&["plan", "-o", "json"]);
    assert_eq!(plan["steps"], 0, "{plan:#}");
}

fn a_node_keeps_its_pods_range_when_one_before_it_leaves(lab: &LabWorkspace) {
    let path = lab.root().join("cluster.yaml");
    let spec = std::fs::read_to_string(&path).expect("it was written");
    let entry = spec.lines().find(|line| line.contains("name: w1,")).expect("w1 is listed");
    let range = || lab.ssh("w2", "grep subnet /etc/cni/net.d/10-bridge.conflist");
    let before = range();
    std::fs::write(&path, spec.replace(entry, &entry.replace('}', ", removed: {}}"))).expect("it can be written");
    lab.ok(&["apply", "--yes"]);
    std::fs::write(&path, spec.replace(&format!("{entry}\n"), "")).expect("it can be written");
    lab.ok(&["apply", "--yes"]);
    nothing_is_left_to_do(lab);
    assert_eq!(range(), before);
    lab.eventually(&["verify"]);
}
