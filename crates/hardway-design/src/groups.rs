//! The cluster as a whole: which machine has which components.
//!
//! The order in time is the groups' own: each names what it waits for. The longest chain is copying and starting etcd
//! and kube-apiserver, a node's kubelet, the pod network and DNS; all else stands beside it.

use hardway_spec::{Machine, Role};
use ipnet::IpNet;

use crate::{
    Design, DesignError, Group, Hosts, Inputs, Leaving, cni, containerd, etcd, haproxy, keepalived, kube_apiserver,
    kube_controller_manager, kube_proxy, kube_scheduler, kubelet, nginx, objects, operating_system,
};

/// Designs the cluster that the spec asks for, on the machines that were probed.
///
/// # Errors
/// [`DesignError`] where the inputs lack something that the design needs.
pub fn design(inputs: &Inputs<'_>) -> Result<Design, DesignError> {
    if inputs.cluster.control_planes().next().is_none() {
        return Err(DesignError::NoControlPlane);
    }
    let hosts = operating_system::hosts(inputs);
    let pod_ranges = cni::pod_ranges(inputs)?;
    let mut groups = Vec::new();
    for machine in inputs.cluster.machines() {
        groups.extend(machine_groups(inputs, machine, &hosts, &pod_ranges)?);
    }
    groups.extend(objects::groups(inputs)?);
    let former =
        inputs.cluster.spec.machines.iter().filter_map(|machine| etcd::former(inputs.cluster, machine)).collect();
    let leaving = inputs.cluster.leaving().map(|machine| Leaving {
        machine: machine.name.clone(),
        is_node: inputs.cluster.is_node(machine),
        is_only_a_worker: machine.roles.iter().all(|role| *role == Role::Worker),
        removal: machine.removed.unwrap_or_default(),
    });
    let retired = objects::retired(inputs.cluster);
    Ok(Design { groups, former, leaving: leaving.collect(), retired, recovery: None })
}

fn machine_groups(
    inputs: &Inputs<'_>,
    machine: &Machine,
    hosts: &Hosts,
    pod_ranges: &[(&Machine, IpNet)],
) -> Result<Vec<Group>, DesignError> {
    let mut groups = operating_system::groups(inputs, machine, hosts)?;
    if machine.roles.contains(&Role::LoadBalancer) {
        groups.extend(haproxy::load_balancer::groups(inputs, machine)?);
        groups.extend(keepalived::group(inputs, machine)?);
    }
    if etcd::is_member(inputs.cluster, machine) {
        groups.extend(etcd::groups(inputs, machine)?);
    }
    if machine.roles.contains(&Role::ControlPlane) {
        groups.extend(kube_apiserver::groups(inputs, machine)?);
        groups.extend(kube_controller_manager::groups(inputs, machine)?);
        groups.extend(kube_scheduler::groups(inputs, machine)?);
        groups.push(nginx::group(inputs, machine));
    }
    if inputs.cluster.is_node(machine) {
        groups.push(haproxy::node::group(inputs, machine)?);
        groups.extend(containerd::groups(inputs, machine)?);
        groups.extend(kubelet::groups(inputs, machine)?);
        groups.extend(cni::groups(inputs, machine, pod_ranges)?);
        groups.extend(kube_proxy::groups(inputs, machine)?);
    }
    Ok(groups)
}
