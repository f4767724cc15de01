//! What components leave behind by running: containers, mounts, packet filter rules, interfaces, routes, data.
//!
//! Files and units are taken away by the inventory. These scripts go with it, so that a machine can be cleaned by
//! what it carries itself.

use hardway_spec::Cni;

use crate::{DesignError, Inputs, Remains, Resource};

/// A node's containers and networks; taken away when its kubelet and kube-proxy have stopped and containerd still runs.
pub(crate) fn pods(inputs: &Inputs<'_>) -> Result<Resource, DesignError> {
    let network = &inputs.cluster.spec.network;
    let calico_image = match network.cni {
        Cni::Calico(_) => inputs.image_artifact("calico-node")?.reference.as_str(),
        Cni::Bridge(_) => "",
    };
    let settings = format!("pod_range={}\ncalico_image={calico_image}\n", network.pods);
    Ok(Resource::Remains(Remains {
        name: "pods".to_owned(),
        title: "End all pods; remove their networks and rules".to_owned(),
        clean: settings + include_str!("remains/pods.sh"),
    }))
}

/// containerd's own data; taken away when it has stopped.
pub(crate) fn containerd() -> Resource {
    Resource::Remains(Remains {
        name: "containerd-data".to_owned(),
        title: "Remove containerd's data".to_owned(),
        clean: include_str!("remains/containerd.sh").to_owned(),
    })
}
