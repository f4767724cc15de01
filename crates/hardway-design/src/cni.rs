//! CNI plugins and the pod network's configuration on a node.
//!
//! Formats: <https://www.cni.dev/docs/spec/>, the plugins' own pages at <https://www.cni.dev/plugins/current/>, and for
//! Calico `cni-plugin/pkg/types/types.go`.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use hardway_pki::Identity;
use hardway_spec::{Cluster, Cni, Machine, MachineName};
use ipnet::IpNet;
use serde::Serialize;

use crate::flags::Command;
use crate::kubeconfig::{Client, kubeconfig};
use crate::operating_system::PACKAGES;
use crate::paths::{CNI_BIN, CNI_CONFIG, UNITS};
use crate::resources::{certificate_of, directory, file, key_pair_of, unit_file};
use crate::systemd::{Service, ServiceKind, UnitFile};
use crate::{
    Condition, Content, DesignError, Disruption, Group, GroupId, Inputs, Link, Resource, Unit, containerd, etcd,
    kubelet,
};

/// The group that copies the plugins, and in bridge mode configures them.
pub(crate) const GROUP: &str = "cni";
/// The group that configures Calico's plugin, once Calico's agent runs on the node.
pub(crate) const CONFIG_GROUP: &str = "cni-config";

const CALICO: &str = "/etc/calico";
/// The authority that etcd's certificates are checked against.
pub(crate) const ETCD_AUTHORITY: &str = "/etc/calico/etcd-ca.pem";
/// Calico's agent writes it when the node is set up.
const CALICO_NODE_NAME: &str = "/var/lib/calico/nodename";
/// The agent's first start, its image already there, takes about 5 s.
const CALICO_WITHIN: Duration = Duration::from_secs(180);

const ROUTES_SERVICE: &str = "pod-routes.service";
/// A node's share of an IPv4 pod range: 254 pods, of which the kubelet runs 110 at most.
const NODE_PREFIX_V4: u8 = 24;
const NODE_PREFIX_V6: u8 = 64;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct NetworkList {
    cni_version: &'static str,
    name: &'static str,
    plugins: Vec<Plugin>,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "kebab-case", rename_all_fields = "camelCase")]
enum Plugin {
    Bridge {
        bridge: &'static str,
        is_gateway: bool,
        ip_masq: bool,
        ip_masq_backend: &'static str,
        hairpin_mode: bool,
        ipam: HostLocal,
    },
    Calico(CalicoPlugin),
    Portmap {
        snat: bool,
        backend: &'static str,
        capabilities: PortMappings,
    },
    Bandwidth {
        capabilities: BandwidthCapability,
    },
}

#[derive(Serialize)]
struct Loopback {
    #[serde(rename = "cniVersion")]
    cni_version: &'static str,
    name: &'static str,
    r#type: &'static str,
}

#[derive(Serialize)]
struct HostLocal {
    r#type: &'static str,
    ranges: [[Range; 1]; 1],
    routes: [Route; 1],
}

#[derive(Serialize)]
struct Range {
    subnet: IpNet,
}

#[derive(Serialize)]
struct Route {
    dst: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PortMappings {
    port_mappings: bool,
}

#[derive(Serialize)]
struct BandwidthCapability {
    bandwidth: bool,
}

#[derive(Serialize)]
struct CalicoPlugin {
    log_level: &'static str,
    log_file_path: &'static str,
    etcd_endpoints: String,
    etcd_ca_cert_file: String,
    etcd_cert_file: String,
    etcd_key_file: String,
    /// 0 means the one that Calico's agent found.
    mtu: u32,
    ipam: TypeOnly,
    policy: TypeOnly,
    kubernetes: CalicoKubernetes,
}

#[derive(Serialize)]
struct TypeOnly {
    r#type: &'static str,
}

#[derive(Serialize)]
struct CalicoKubernetes {
    kubeconfig: String,
}

/// The group that is done when a node has its network: Calico's configuration comes after the kubelet's start.
pub(crate) fn configured(cluster: &Cluster, machine: &Machine) -> GroupId {
    let name = match cluster.spec.network.cni {
        Cni::Calico(_) => CONFIG_GROUP,
        Cni::Bridge(_) => kubelet::GROUP,
    };
    GroupId::on(&machine.name, name)
}

/// `pod_ranges`: what [`pod_ranges`] says.
pub(crate) fn groups(
    inputs: &Inputs<'_>,
    machine: &Machine,
    pod_ranges: &[(&Machine, IpNet)],
) -> Result<Vec<Group>, DesignError> {
    let mut resources = vec![directory("/opt/cni", 0o755), directory(CNI_BIN, 0o755)];
    for plugin in plugins(inputs.cluster) {
        resources.push(inputs.binary(plugin, CNI_BIN)?);
    }
    let id = GroupId::on(&machine.name, GROUP);
    let mut after = vec![GroupId::on(&machine.name, kubelet::COPY)];

    match &inputs.cluster.spec.network.cni {
        Cni::Calico(_) => {
            // One program that looks at the name it is called by.
            resources.push(Resource::Link(Link {
                path: format!("{CNI_BIN}/calico-ipam"),
                target: format!("{CNI_BIN}/calico"),
            }));
            Ok(vec![Group { id, after, resources }, calico(inputs, machine)?])
        }
        Cni::Bridge(_) => {
            after.push(GroupId::on(&machine.name, PACKAGES));
            resources.extend(bridge(inputs.cluster, machine, pod_ranges));
            Ok(vec![Group { id, after, resources }])
        }
    }
}

fn plugins(cluster: &Cluster) -> &'static [&'static str] {
    match cluster.spec.network.cni {
        Cni::Calico(_) => &["calico", "loopback", "portmap", "bandwidth"],
        Cni::Bridge(_) => &["bridge", "host-local", "loopback", "portmap"],
    }
}

fn json(value: &impl Serialize) -> Content {
    let text = serde_json::to_string_pretty(value).expect("a configuration struct has string keys");
    Content::text(text + "\n")
}

/// Packet filters are kube-proxy's, so that a node has rules of one kind.
fn filter(cluster: &Cluster) -> &'static str {
    cluster.spec.network.kube_proxy.as_str()
}

fn portmap(cluster: &Cluster) -> Plugin {
    Plugin::Portmap { snat: true, backend: filter(cluster), capabilities: PortMappings { port_mappings: true } }
}

/// The plugin's configuration comes last: a sandbox that fails for want of Calico's agent is tried again only 12 s later.
///
/// The files are ours instead of those that Calico's own installer writes, which needs a large image and a restart.
fn calico(inputs: &Inputs<'_>, machine: &Machine) -> Result<Group, DesignError> {
    let mut resources = vec![
        directory(CALICO, 0o700),
        file(format!("{CALICO}/kubeconfig"), 0o600, kubeconfig(inputs, Client::CalicoCni)?),
        certificate_of("root", inputs, &Identity::EtcdAuthority, &format!("{CALICO}/etcd-ca"))?,
    ];
    resources.extend(key_pair_of("root", inputs, &Identity::EtcdCalico, &format!("{CALICO}/etcd"))?);
    resources.push(Resource::Wait(Condition {
        title: "Calico's agent has set up the node".to_owned(),
        check: format!("test -s {CALICO_NODE_NAME}"),
        timeout: CALICO_WITHIN,
    }));
    resources.push(file(format!("{CNI_CONFIG}/10-calico.conflist"), 0o600, json(&calico_network(inputs.cluster))));

    // The node becomes Ready by this file: the images of the first pods must be there.
    let images = containerd::images(inputs.cluster, machine);
    let last = images.iter().rev().find(|image| **image == "coredns").or(images.last());
    let mut after = vec![
        GroupId::on(&machine.name, GROUP),
        GroupId::on(&machine.name, kubelet::GROUP),
        GroupId::in_cluster("calico"),
    ];
    after.extend(last.map(|image| GroupId::on(&machine.name, containerd::image_group(image))));
    Ok(Group { id: GroupId::on(&machine.name, CONFIG_GROUP), after, resources })
}

fn calico_network(cluster: &Cluster) -> NetworkList {
    NetworkList {
        cni_version: "0.3.1",
        name: "k8s-pod-network",
        plugins: vec![
            Plugin::Calico(CalicoPlugin {
                log_level: "info",
                log_file_path: "/var/log/calico/cni/cni.log",
                etcd_endpoints: etcd::client_urls(cluster).join(","),
                etcd_ca_cert_file: ETCD_AUTHORITY.to_owned(),
                etcd_cert_file: format!("{CALICO}/etcd.pem"),
                etcd_key_file: format!("{CALICO}/etcd-key.pem"),
                mtu: 0,
                ipam: TypeOnly { r#type: "calico-ipam" },
                policy: TypeOnly { r#type: "k8s" },
                kubernetes: CalicoKubernetes { kubeconfig: format!("{CALICO}/kubeconfig") },
            }),
            portmap(cluster),
            Plugin::Bandwidth { capabilities: BandwidthCapability { bandwidth: true } },
        ],
    }
}

fn bridge(cluster: &Cluster, machine: &Machine, ranges: &[(&Machine, IpNet)]) -> Vec<Resource> {
    let range = ranges
        .iter()
        .find_map(|(node, range)| (node.name == machine.name).then_some(*range))
        .expect("pod_ranges has every node, and only nodes have CNI plugins");

    let loopback = Loopback { cni_version: "1.0.0", name: "lo", r#type: "loopback" };
    let mut resources = vec![
        file(format!("{CNI_CONFIG}/10-bridge.conflist"), 0o600, json(&bridge_network(cluster, range))),
        file(format!("{CNI_CONFIG}/99-loopback.conf"), 0o600, json(&loopback)),
    ];
    if ranges.len() > 1 {
        resources.push(unit_file(ROUTES_SERVICE, routes_unit(machine, ranges)));
        resources.push(Resource::Unit(Unit {
            name: ROUTES_SERVICE.to_owned(),
            restart_on: vec![format!("{UNITS}/{ROUTES_SERVICE}")],
            reload_on: Vec::new(),
            ready: None,
            disruption: Some(Disruption::Local("its pods do not reach those of other nodes for a moment")),
        }));
    }
    resources
}

fn bridge_network(cluster: &Cluster, range: IpNet) -> NetworkList {
    NetworkList {
        cni_version: "1.0.0",
        name: "bridge",
        plugins: vec![
            Plugin::Bridge {
                bridge: "cni0",
                is_gateway: true,
                ip_masq: true,
                ip_masq_backend: filter(cluster),
                hairpin_mode: true,
                ipam: HostLocal {
                    r#type: "host-local",
                    ranges: [[Range { subnet: range }]],
                    routes: [Route { dst: if range.addr().is_ipv4() { "0.0.0.0/0" } else { "::/0" } }],
                },
            },
            portmap(cluster),
        ],
    }
}

/// Each node's share of the pod range, where the bridge plugin gives it one: the one that it has, wherever it stands in the
/// spec, or else the first that no machine has.
pub(crate) fn pod_ranges<'a>(inputs: &Inputs<'a>) -> Result<Vec<(&'a Machine, IpNet)>, DesignError> {
    let Cni::Bridge(_) = inputs.cluster.spec.network.cni else { return Ok(Vec::new()) };
    let pods = inputs.cluster.spec.network.pods;
    let prefix = if pods.addr().is_ipv4() { NODE_PREFIX_V4 } else { NODE_PREFIX_V6 };
    let nodes: Vec<&Machine> = inputs.cluster.nodes().collect();
    let is_share = |range: &IpNet| range.prefix_len() == prefix && pods.contains(range);

    // Also of machines that leave: their pods may still be there.
    let mut taken = BTreeSet::new();
    let mut told = BTreeMap::new();
    let routes = inputs.facts.values().flat_map(|facts| &facts.pod_routes);
    for (range, machine) in routes.filter(|(range, _)| is_share(range)) {
        taken.insert(*range);
        told.entry(*machine).or_insert(*range);
    }
    let mut shares: BTreeMap<&MachineName, IpNet> = BTreeMap::new();
    let mut given = BTreeSet::new();
    for node in &nodes {
        let own = inputs.facts_of(node)?.pods.filter(is_share);
        if let Some(range) = own.or_else(|| told.get(&node.address).copied())
            && given.insert(range)
        {
            shares.insert(&node.name, range);
        }
    }
    taken.extend(given);
    let too_small = DesignError::PodRangeTooSmall { range: pods, nodes: nodes.len(), prefix };
    let mut free = pods.subnets(prefix).map_err(|_| too_small.clone())?.filter(|range| !taken.contains(range));
    let share = |node: &'a Machine| match shares.get(&node.name) {
        Some(range) => Ok((node, *range)),
        None => Ok((node, free.next().ok_or_else(|| too_small.clone())?)),
    };
    nodes.into_iter().map(share).collect()
}

/// Static routes to the other nodes' pods.
fn routes_unit(machine: &Machine, ranges: &[(&Machine, IpNet)]) -> UnitFile {
    let commands = |verb: &str| {
        ranges
            .iter()
            .filter(|(node, _)| node.name != machine.name)
            .map(|(node, range)| {
                ["route", verb, &range.to_string(), "via", &node.address.to_string()]
                    .into_iter()
                    .fold(Command::new("/usr/sbin/ip"), Command::argument)
            })
            .collect::<Vec<_>>()
    };
    UnitFile {
        description: Some("Routes to the pods of other nodes"),
        wants: vec!["network-online.target"],
        after: vec!["network-online.target"],
        service: Service {
            kind: Some(ServiceKind::Oneshot),
            exec_start: commands("replace"),
            exec_stop: commands("delete"),
            remain_after_exit: true,
            ..Service::default()
        },
        wanted_by: vec!["multi-user.target"],
        ..UnitFile::default()
    }
}
