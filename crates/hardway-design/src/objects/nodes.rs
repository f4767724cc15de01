//! The nodes as the cluster sees them: registered, Ready, with their network, labelled by role.

use hardway_spec::{Cni, Role};
use k8s_openapi::api::core::v1::Node;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::metadata::{labels, object};
use super::{NAMESPACE, calico, rbac};
use crate::{Await, Group, GroupId, Inputs, Resource, kubelet};

pub(super) const GROUP: &str = "nodes";
/// Not a label that a kubelet may give its own node (NodeRestriction).
const CONTROL_PLANE: &str = "node-role.kubernetes.io/control-plane";

pub(super) fn group(inputs: &Inputs<'_>) -> Group {
    let calico = matches!(inputs.cluster.spec.network.cni, Cni::Calico(_));
    let mut after = vec![GroupId::in_cluster(rbac::GROUP)];
    if calico {
        after.push(GroupId::in_cluster(calico::GROUP));
    }
    let mut resources = Vec::new();
    for machine in inputs.cluster.nodes() {
        after.push(GroupId::on(&machine.name, kubelet::GROUP));
        resources.push(Resource::Await(Await::NodeReady(machine.name.to_string())));
        // Only once it has registered: a node that somebody else made would lack the kubelet's taints.
        if machine.roles.contains(&Role::ControlPlane) {
            resources.push(object(Node {
                metadata: ObjectMeta {
                    name: Some(machine.name.to_string()),
                    labels: Some(labels(&[(CONTROL_PLANE, "")])),
                    ..ObjectMeta::default()
                },
                ..Node::default()
            }));
        }
    }
    if calico {
        resources.push(Resource::Await(Await::RolledOut {
            kind: "DaemonSet".to_owned(),
            namespace: NAMESPACE.to_owned(),
            name: calico::NODE.to_owned(),
        }));
    }
    Group { id: GroupId::in_cluster(GROUP), after, resources }
}
