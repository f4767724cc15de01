//! The checks, a file per part of the hard way.

mod api_server_to_kubelet;
mod certificates;
mod control_plane;
mod data_encryption;
mod dns;
mod front_proxy;
mod healthz_proxy;
mod kubeconfigs;
mod load_balancer;
mod machines;
mod node_balancers;
mod pod_network;
mod remote_access;
mod service_accounts;
mod virtual_address;
mod workers;

use crate::probe::Probe;
use crate::scene::Scene;

/// Every check, in the hard way's order.
pub(crate) fn probes(scene: Scene<'_>) -> Vec<Probe<'_>> {
    let parts = [
        certificates::probes(scene),
        kubeconfigs::probes(scene),
        data_encryption::probes(scene),
        control_plane::probes(scene),
        healthz_proxy::probes(scene),
        front_proxy::probes(scene),
        service_accounts::probes(scene),
        api_server_to_kubelet::probes(scene),
        load_balancer::probes(scene),
        workers::probes(scene),
        remote_access::probes(scene),
        pod_network::probes(scene),
        dns::probes(scene),
    ];
    parts.into_iter().flatten().collect()
}
