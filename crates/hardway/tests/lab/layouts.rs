//! The other layouts, on real machines: the hard way's exact one, with the bridge plugin.

use crate::support::LabWorkspace;

#[test]
fn a_control_plane_that_is_no_node_and_the_bridge_plugin() {
    let lab = LabWorkspace::new("hardway-bridge");
    lab.ok(&["lab", "up", "--workers", "2", "--machines-only"]);
    let layout = "\n  network: {cni: {bridge: {}}, kubeProxy: iptables}\n  controlPlane: {node: false}\n  \
                  pki: {algorithm: ecdsa-p256}\n  machines:";
    let spec = lab.spec().replace("\n  machines:", layout);
    let cluster = hardway_spec::parse(&spec, "cluster.yaml").expect("it is valid").spec;
    assert!(matches!(cluster.network.cni, hardway_spec::Cni::Bridge(_)) && !cluster.control_plane.node);
    lab.write_spec(&spec);
    lab.ok(&["validate"]);
    lab.ok(&["apply", "--yes"]);
    lab.ok(&["verify"]);
    assert_eq!(lab.nodes(), ["w1", "w2"]);
    lab.nothing_is_left_to_do();
    a_node_keeps_its_pods_range_when_one_before_it_leaves(&lab);
    lab.ok(&["lab", "down"]);
}

fn a_node_keeps_its_pods_range_when_one_before_it_leaves(lab: &LabWorkspace) {
    let spec = lab.spec();
    let entry = spec.lines().find(|line| line.contains("name: w1,")).expect("w1 is listed");
    let range = || lab.ssh("w2", "grep subnet /etc/cni/net.d/10-bridge.conflist");
    let before = range();
    lab.write_spec(&spec.replace(entry, &entry.replace('}', ", removed: {}}")));
    lab.ok(&["apply", "--yes"]);
    lab.write_spec(&spec.replace(&format!("{entry}\n"), ""));
    lab.ok(&["apply", "--yes"]);
    lab.nothing_is_left_to_do();
    assert_eq!(range(), before);
    lab.eventually(&["verify"]);
}
