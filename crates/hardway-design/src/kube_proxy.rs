//! kube-proxy: makes Services' addresses work on a node.
//!
//! Configuration: <https://kubernetes.io/docs/reference/config-api/kube-proxy-config.v1alpha1/>.

use hardway_spec::{Cluster, Component, Machine, ProxyMode};
use serde::Serialize;

use crate::flags::Command;
use crate::kubeconfig::{Client, kubeconfig};
use crate::paths::{BIN, UNITS};
use crate::resources::{directory, file, unit_file};
use crate::systemd::{Restart, Sandbox, Service, ServiceKind, Strict, UnitFile};
use crate::{
    Content, DesignError, Disruption, Group, GroupId, Inputs, MachineFacts, Resource, Unit, cni, kubelet, yaml,
};

/// The group that copies the program.
pub(crate) const COPY: &str = "copy-kube-proxy";
/// The group that starts it.
pub(crate) const GROUP: &str = "kube-proxy";

const SERVICE: &str = "kube-proxy.service";
const FOLDER: &str = "/var/lib/kube-proxy";
const CONFIG: &str = "/var/lib/kube-proxy/kube-proxy-config.yaml";
const KUBECONFIG: &str = "/var/lib/kube-proxy/kubeconfig";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct KubeProxyConfiguration<'a> {
    api_version: &'static str,
    kind: &'static str,
    client_connection: ClientConnection,
    hostname_override: &'a str,
    mode: &'static str,
    detect_local_mode: &'static str,
    #[serde(rename = "clusterCIDR")]
    cluster_cidr: String,
    healthz_bind_address: &'static str,
    metrics_bind_address: &'static str,
    conntrack: Conntrack,
}

#[derive(Serialize)]
struct ClientConnection {
    kubeconfig: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Conntrack {
    max_per_core: u32,
}

pub(crate) fn groups(inputs: &Inputs<'_>, machine: &Machine) -> Result<Vec<Group>, DesignError> {
    let copy = Group {
        id: GroupId::on(&machine.name, COPY),
        after: vec![GroupId::on(&machine.name, cni::GROUP)],
        resources: vec![inputs.binary("kube-proxy", BIN)?],
    };
    let resources = vec![
        directory(FOLDER, 0o700),
        file(KUBECONFIG, 0o600, kubeconfig(inputs, Client::KubeProxy)?),
        file(CONFIG, 0o600, Content::text(yaml::render(&configuration(inputs.cluster, machine)))),
        unit_file(SERVICE, unit(inputs.cluster, machine, inputs.facts_of(machine)?)),
        Resource::Unit(Unit {
            name: SERVICE.to_owned(),
            restart_on: vec![
                format!("{BIN}/kube-proxy"),
                KUBECONFIG.to_owned(),
                CONFIG.to_owned(),
                format!("{UNITS}/{SERVICE}"),
            ],
            reload_on: Vec::new(),
            ready: None,
            disruption: Some(Disruption::Local("its rules stay and Services go on, changes to them wait meanwhile")),
        }),
    ];
    // It asks once a second for its node, which the kubelet registers.
    let start = Group {
        id: GroupId::on(&machine.name, GROUP),
        after: vec![GroupId::on(&machine.name, COPY), GroupId::on(&machine.name, kubelet::GROUP)],
        resources,
    };
    Ok(vec![copy, start])
}

fn configuration<'a>(cluster: &Cluster, machine: &'a Machine) -> KubeProxyConfiguration<'a> {
    KubeProxyConfiguration {
        api_version: "kubeproxy.config.k8s.io/v1alpha1",
        kind: "KubeProxyConfiguration",
        client_connection: ClientConnection { kubeconfig: KUBECONFIG },
        hostname_override: machine.name.as_str(),
        mode: cluster.spec.network.kube_proxy.as_str(),
        detect_local_mode: "ClusterCIDR",
        cluster_cidr: cluster.spec.network.pods.to_string(),
        healthz_bind_address: "127.0.0.1:10256",
        metrics_bind_address: "127.0.0.1:10249",
        // The kernel's own limit grows with memory, and in a container it can't be changed: kube-proxy would not start.
        conntrack: Conntrack { max_per_core: 0 },
    }
}

fn unit(cluster: &Cluster, machine: &Machine, facts: &MachineFacts) -> UnitFile {
    let read_write_paths = match cluster.spec.network.kube_proxy {
        ProxyMode::Nftables => Vec::new(),
        // xtables.lock.
        ProxyMode::Iptables => vec!["/run"],
    };
    UnitFile {
        description: Some("kube-proxy: the Services of Kubernetes"),
        documentation: Some("https://kubernetes.io/docs/reference/command-line-tools-reference/kube-proxy/"),
        after: vec!["kubelet.service"],
        service: Service {
            kind: Some(ServiceKind::Exec),
            exec_start: vec![
                Command::new(format!("{BIN}/kube-proxy"))
                    .flag("config", CONFIG)
                    .extra(Component::KubeProxy, &cluster.extra_args(machine, Component::KubeProxy)),
            ],
            restart: Some(Restart::Always),
            restart_sec: Some(2),
            oom_score_adjust: facts.can_lower_oom_score.then_some(-999),
            sandbox: Some(Sandbox::Strict(Strict {
                capabilities: vec!["CAP_NET_ADMIN", "CAP_NET_RAW"],
                read_write_paths,
                inaccessible_paths: vec!["-/etc/etcd", "-/etc/kubernetes", "-/var/lib/etcd", "-/var/lib/kubelet"],
                kernel_tunables: true,
            })),
            ..Service::default()
        },
        wanted_by: vec!["multi-user.target"],
        ..UnitFile::default()
    }
}
