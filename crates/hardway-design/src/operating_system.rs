//! What a machine needs of its operating system: names, packages, kernel modules and settings, no swap.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use hardway_pki::{AlternativeName, Identity, former_names};
use hardway_spec::{Cluster, Machine, ProxyMode, Role};

use crate::paths::PKI;
use crate::resources::{certificate_of, directory, file};
use crate::{Content, DesignError, Group, GroupId, Hosts, Inputs, Link, Module, Package, Resource, Sysctl, haproxy};

/// The group of what every other group of a machine rests on. It takes no time.
pub(crate) const BASE: &str = "base";
/// The group of the machine's packages. It stands at the side: nothing that needs no package waits for apt. It comes after
/// what keeps a package's own service off.
pub(crate) const PACKAGES: &str = "packages";
/// The group of a node's kernel settings, and of its swap.
pub(crate) const KERNEL: &str = "kernel";
/// The group that shows bridged traffic to packet filters. It alone waits for apt: modprobe may have to come first.
pub(crate) const BRIDGE_FILTER: &str = "bridge-filter";

/// Kubernetes' own folder on every machine that runs a part of it.
const KUBERNETES: &str = "/etc/kubernetes";
const MODULES_FILE: &str = "/etc/modules-load.d/kubernetes.conf";
const SYSCTL_FILE: &str = "/etc/sysctl.d/99-kubernetes.conf";
const BRIDGE_SYSCTL_FILE: &str = "/etc/sysctl.d/99-kubernetes-bridge.conf";

/// A node routes its pods' traffic.
const FORWARDING: [(&str, &str); 1] = [("net.ipv4.ip_forward", "1")];

/// The kernel loads by itself whatever else it is asked to use: overlay, tunnels, conntrack.
const BRIDGE_MODULE: &str = "br_netfilter";
const BRIDGE: [(&str, &str); 2] =
    [("net.bridge.bridge-nf-call-iptables", "1"), ("net.bridge.bridge-nf-call-ip6tables", "1")];

/// Room for what watches files: containerd, the kubelet, and every pod that does so as root. The kernel's own 128
/// instances are used up by a few dozen.
const FILE_WATCHES: [(&str, &str); 2] =
    [("fs.inotify.max_user_instances", "8192"), ("fs.inotify.max_user_watches", "524288")];

/// What the kubelet demands under `protectKernelDefaults`, and would otherwise change by itself
/// (`setupKernelTunables` in pkg/kubelet/cm/container_manager_linux.go).
const KUBELET_DEFAULTS: [(&str, &str); 6] = [
    ("vm.overcommit_memory", "1"),
    ("vm.panic_on_oom", "0"),
    ("kernel.panic", "10"),
    ("kernel.panic_on_oops", "1"),
    ("kernel.keys.root_maxkeys", "1000000"),
    ("kernel.keys.root_maxbytes", "25000000"),
];

/// `hosts`: what [`hosts`] gives, the same for every machine.
pub(crate) fn groups(inputs: &Inputs<'_>, machine: &Machine, hosts: &Hosts) -> Result<Vec<Group>, DesignError> {
    let mut groups = vec![base(inputs, machine, hosts)?, packages(inputs, machine)?];
    if inputs.cluster.is_node(machine) {
        groups.extend([kernel(machine), bridge_filter(machine)]);
    }
    Ok(groups)
}

fn base(inputs: &Inputs<'_>, machine: &Machine, hosts: &Hosts) -> Result<Group, DesignError> {
    let mut resources = vec![Resource::Hosts(hosts.clone())];
    if inputs.cluster.is_node(machine) || machine.roles.contains(&Role::ControlPlane) {
        resources.push(directory(KUBERNETES, 0o755));
        resources.push(directory(PKI, 0o700));
        resources.push(certificate_of("root", inputs, &Identity::ClusterAuthority, &format!("{PKI}/ca"))?);
    }
    if inputs.cluster.is_node(machine) {
        resources.push(haproxy::node::package_service_kept_off());
    }
    Ok(Group { id: GroupId::on(&machine.name, BASE), after: Vec::new(), resources })
}

/// Every machine's name and the endpoint's, former ones too, so that nothing waits for a name server that does not know
/// them.
pub(crate) fn hosts(inputs: &Inputs<'_>) -> Hosts {
    let cluster = inputs.cluster;
    let former = former_names(cluster, inputs.bundle);
    let is_machine = |name: &str| cluster.machine(name).is_some();
    let mut names: BTreeMap<IpAddr, Vec<&str>> = BTreeMap::new();
    for machine in cluster.machines() {
        names.entry(machine.address).or_default().push(machine.name.as_str());
    }
    if let Some(address) = cluster.endpoint_address() {
        let of_endpoint = names.entry(address).or_default();
        of_endpoint.push(&cluster.spec.endpoint);
        of_endpoint.extend(former.iter().filter_map(|name| match name {
            AlternativeName::Dns(name) if !is_machine(name) => Some(name.as_str()),
            _ => None,
        }));
    }
    let line = |(address, names): (IpAddr, Vec<&str>)| format!("{address} {}", names.join(" "));
    Hosts { lines: names.into_iter().map(line).collect() }
}

/// Names of the packages that the cluster's machines need, each once.
pub fn package_names(cluster: &Cluster) -> BTreeSet<&'static str> {
    cluster.machines().flat_map(|machine| packages_of(cluster, machine)).collect()
}

fn packages_of(cluster: &Cluster, machine: &Machine) -> BTreeSet<&'static str> {
    let mut names = BTreeSet::new();
    if machine.roles.contains(&Role::LoadBalancer) {
        names.extend(["curl", "haproxy"]);
        if cluster.spec.load_balancer.virtual_address.is_some() {
            names.insert("keepalived");
        }
    }
    if machine.roles.contains(&Role::ControlPlane) {
        names.extend(["curl", "nginx"]);
    }
    if cluster.is_node(machine) {
        names.extend(["conntrack", "curl", "haproxy", "iproute2", "kmod", "libseccomp2"]);
        names.insert(match cluster.spec.network.kube_proxy {
            ProxyMode::Nftables => "nftables",
            ProxyMode::Iptables => "iptables",
        });
    }
    names
}

fn packages(inputs: &Inputs<'_>, machine: &Machine) -> Result<Group, DesignError> {
    let origin = inputs.package_origin(machine)?;
    let package = |name: &str| Resource::Package(Package { name: name.to_owned(), origin: origin.clone() });
    Ok(Group {
        id: GroupId::on(&machine.name, PACKAGES),
        after: vec![GroupId::on(&machine.name, BASE)],
        resources: packages_of(inputs.cluster, machine).into_iter().map(package).collect(),
    })
}

fn kernel(machine: &Machine) -> Group {
    let settings: Vec<_> = FORWARDING.into_iter().chain(FILE_WATCHES).chain(KUBELET_DEFAULTS).collect();
    let mut resources = sysctls(SYSCTL_FILE, &settings);
    resources.extend([Resource::SwapOff, swap_kept_off()]);
    Group { id: GroupId::on(&machine.name, KERNEL), after: Vec::new(), resources }
}

fn bridge_filter(machine: &Machine) -> Group {
    let mut resources = vec![
        file(MODULES_FILE, 0o644, Content::text(format!("{BRIDGE_MODULE}\n"))),
        Resource::Module(Module { name: BRIDGE_MODULE.to_owned() }),
    ];
    resources.extend(sysctls(BRIDGE_SYSCTL_FILE, &BRIDGE));
    Group {
        id: GroupId::on(&machine.name, BRIDGE_FILTER),
        after: vec![GroupId::on(&machine.name, PACKAGES)],
        resources,
    }
}

/// Settings for now, and a file for the next boot.
fn sysctls(path: &str, settings: &[(&str, &str)]) -> Vec<Resource> {
    let text: String = settings.iter().map(|(key, value)| format!("{key} = {value}\n")).collect();
    let mut resources = vec![file(path, 0o644, Content::text(text))];
    resources.extend(
        settings
            .iter()
            .map(|(key, value)| Resource::Sysctl(Sysctl { key: (*key).to_owned(), value: (*value).to_owned() })),
    );
    resources
}

/// Masks the target that pulls in every swap device at boot, wherever it is configured (systemd.special(7)).
///
/// /etc/fstab is not touched: removing the link gives the machine its swap back.
fn swap_kept_off() -> Resource {
    Resource::Link(Link { path: "/etc/systemd/system/swap.target".to_owned(), target: "/dev/null".to_owned() })
}
