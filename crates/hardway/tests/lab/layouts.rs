//! The other layouts, on real machines: the hard way's exact one, with the bridge plugin.

use crate::support::LabWorkspace;

#[test]
fn a_control_plane_that_is_no_node_and_the_bridge_plugin() {
    let lab = LabWorkspace::new("hardway-bridge");
    lab.ok(&["lab", "up", "--workers", "2", "--machines-only"]);
    let path = lab.root().join("cluster.yaml");
    let document = std::fs::read_to_string(&path).expect("lab up wrote it");
    let mut spec = document.trim_end().to_owned();
    // The document ends with the list of machines, at the level of `spec`.
    spec =
        spec.replace("\n  machines:", "\n  controlPlane: {node: false}\n  pki: {algorithm: ecdsa-p256}\n  machines:");
    spec = spec.replace("\n  network:", "\n  network:\n    cni: {bridge: {}}\n    kubeProxy: iptables");
    if !spec.contains("bridge") {
        spec =
            spec.replace("\n  controlPlane:", "\n  network: {cni: {bridge: {}}, kubeProxy: iptables}\n  controlPlane:");
    }
    std::fs::write(&path, spec + "\n").expect("the spec can be written");
    lab.ok(&["validate"]);
    lab.ok(&["apply", "--yes"]);
    lab.ok(&["verify"]);
    let nodes = lab.kubectl(&["get", "nodes", "-o", "name"]);
    assert_eq!(nodes.split_whitespace().collect::<Vec<_>>(), ["node/w1", "node/w2"]);
    let plan = lab.json(&["plan", "-o", "json"]);
    assert_eq!(plan["steps"], 0, "{plan:#}");
    lab.ok(&["lab", "down"]);
}
