//! The cluster's objects: what Kubernetes itself is told, once its API answers.
//!
//! Every pod here runs an image that hardway brought to its node, so a group waits until that is done:
//! there is no registry to pull it from, and the kubelet looks again only 10 s later.

mod calico;
mod coredns;
mod manifest;
mod metadata;
mod metrics_server;
mod nodes;
mod pod;
mod rbac;
pub(crate) mod removed_machines;

use hardway_spec::{Cluster, Cni};

use crate::{DesignError, Group, GroupId, Inputs, Object, containerd};

pub use manifest::{Manifest, manifests};

/// Where all of it lives.
const NAMESPACE: &str = "kube-system";

/// The groups of the live cluster, in the order in which a person would apply them.
pub(crate) fn groups(inputs: &Inputs<'_>) -> Result<Vec<Group>, DesignError> {
    let mut groups = vec![rbac::group(inputs)];
    if let Cni::Calico(calico) = &inputs.cluster.spec.network.cni {
        groups.extend(calico::groups(inputs, calico)?);
    }
    groups.extend([coredns::group(inputs)?, nodes::group(inputs)]);
    if inputs.cluster.spec.addons.metrics_server {
        groups.push(metrics_server::group(inputs)?);
    }
    groups.extend(removed_machines::group(inputs.cluster));
    Ok(groups)
}

/// Objects that are there for other specs only.
pub(crate) fn retired(cluster: &Cluster) -> Vec<Object> {
    removed_machines::retired(cluster)
}

/// What a group waits for whose pods need an image: the API's roles, and the image on every machine that pods land on.
fn after_image(cluster: &Cluster, image: &str) -> Vec<GroupId> {
    let machines = cluster.machines().filter(|machine| containerd::runs_pods(cluster, machine));
    let images = machines.map(|machine| GroupId::on(&machine.name, containerd::image_group(image)));
    [GroupId::in_cluster(rbac::GROUP)].into_iter().chain(images).collect()
}
