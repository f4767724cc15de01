//! The nodes as the cluster sees them: registered, Ready, with their network, labelled and tainted.

use std::collections::BTreeMap;

use hardway_spec::{Cluster, Cni, Machine, Role};
use k8s_openapi::api::core::v1::Node;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::metadata::object;
use super::{NAMESPACE, calico, rbac};
use crate::{Await, Group, GroupId, Inputs, NodeRecord, Resource, kubelet};

pub(super) const GROUP: &str = "nodes";

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
        // Only once it has registered: a node that somebody else made would lack the kubelet's taints. Also a node that
        // nothing is set of, since something may have been.
        resources.push(object(node(inputs.cluster, machine)));
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

/// What hardway says of a node: its labels, and in an annotation its taints, which only [`NodeRecord`] can tell from
/// others'.
fn node(cluster: &Cluster, machine: &Machine) -> Node {
    let mut labels: BTreeMap<String, String> =
        cluster.labels(machine).into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
    if machine.roles.contains(&Role::ControlPlane) {
        labels.insert(kubelet::CONTROL_PLANE.to_owned(), String::new());
    }
    let record = NodeRecord { labels: labels.keys().cloned().collect(), taints: kubelet::taints(cluster, machine) };
    let annotation = record.text().map(|text| BTreeMap::from([(NodeRecord::ANNOTATION.to_owned(), text)]));
    Node {
        metadata: ObjectMeta {
            name: Some(machine.name.to_string()),
            labels: Some(labels).filter(|labels| !labels.is_empty()),
            annotations: annotation,
            ..ObjectMeta::default()
        },
        ..Node::default()
    }
}
