//! kubelet: runs a node's pods.
//!
//! Configuration: <https://kubernetes.io/docs/reference/config-api/kubelet-config.v1beta1/>.

use std::net::IpAddr;

use hardway_pki::Identity;
use hardway_spec::{Cluster, Component, Machine, Role, Taint, TaintEffect};
use serde::Serialize;

use crate::flags::Command;
use crate::kubeconfig::{Client, kubeconfig};
use crate::operating_system::{BRIDGE_FILTER, KERNEL, PACKAGES};
use crate::paths::{BIN, CLUSTER_CA, UNITS};
use crate::resources::{directory, file, key_pair_of, unit_file};
use crate::systemd::{Restart, Sandbox, Service, ServiceKind, UnitFile};
use crate::{
    CgroupVersion, Content, DesignError, Disruption, Group, GroupId, Inputs, MachineFacts, Resource, Unit, cni,
    containerd, haproxy, kube_apiserver, remains, tls, yaml,
};

/// The group that copies the program.
pub(crate) const COPY: &str = "copy-kubelet";
/// The group that starts it.
pub(crate) const GROUP: &str = "kubelet";

pub(crate) const SERVICE: &str = "kubelet.service";
const FOLDER: &str = "/var/lib/kubelet";
const PKI: &str = "/var/lib/kubelet/pki";
const CONFIG: &str = "/var/lib/kubelet/kubelet-config.yaml";
const KUBECONFIG: &str = "/var/lib/kubelet/kubeconfig";
/// Files here go over the configuration. What only counts when a node registers is no reason to restart its kubelet.
const REGISTRATION_FOLDER: &str = "/var/lib/kubelet/kubelet-config.d";
const REGISTRATION: &str = "/var/lib/kubelet/kubelet-config.d/registration.conf";

/// The label and taint of control planes' nodes. Not a label that a kubelet may give its own node (NodeRestriction).
pub(crate) const CONTROL_PLANE: &str = "node-role.kubernetes.io/control-plane";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct KubeletConfiguration<'a> {
    api_version: &'static str,
    kind: &'static str,
    authentication: Authentication,
    authorization: Authorization,
    #[serde(rename = "tlsCertFile")]
    tls_cert_file: String,
    tls_private_key_file: String,
    tls_min_version: &'static str,
    tls_cipher_suites: &'static [&'static str],
    read_only_port: u16,
    healthz_bind_address: &'static str,
    enable_profiling_handler: bool,
    enable_debug_flags_handler: bool,
    container_runtime_endpoint: String,
    cgroup_driver: &'static str,
    #[serde(rename = "failCgroupV1")]
    fail_cgroup_v1: bool,
    fail_swap_on: bool,
    protect_kernel_defaults: bool,
    #[serde(rename = "makeIPTablesUtilChains")]
    make_iptables_util_chains: bool,
    seccomp_default: bool,
    #[serde(rename = "clusterDNS")]
    cluster_dns: [IpAddr; 1],
    cluster_domain: &'a str,
    resolv_conf: &'a str,
    #[serde(rename = "eventRecordQPS")]
    event_record_qps: u32,
    streaming_connection_idle_timeout: &'static str,
}

/// What a node registers with, and is changed in the API later.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Registration {
    api_version: &'static str,
    kind: &'static str,
    register_with_taints: Vec<Taint>,
}

const API_VERSION: &str = "kubelet.config.k8s.io/v1beta1";
const KIND: &str = "KubeletConfiguration";

#[derive(Serialize)]
struct Authentication {
    anonymous: Enabled,
    webhook: Enabled,
    x509: X509,
}

#[derive(Serialize)]
struct Enabled {
    enabled: bool,
}

#[derive(Serialize)]
struct X509 {
    #[serde(rename = "clientCAFile")]
    client_ca_file: &'static str,
}

#[derive(Serialize)]
struct Authorization {
    mode: &'static str,
}

pub(crate) fn groups(inputs: &Inputs<'_>, machine: &Machine) -> Result<Vec<Group>, DesignError> {
    let copy = Group {
        id: GroupId::on(&machine.name, COPY),
        after: vec![GroupId::on(&machine.name, containerd::COPY)],
        resources: vec![inputs.binary("kubelet", BIN)?],
    };

    let facts = inputs.facts_of(machine)?;
    let mut resources = vec![
        directory(FOLDER, 0o750),
        directory(PKI, 0o700),
        directory(REGISTRATION_FOLDER, 0o700),
        file(KUBECONFIG, 0o600, kubeconfig(inputs, Client::Kubelet(&machine.name))?),
        file(CONFIG, 0o600, Content::text(yaml::render(&configuration(inputs.cluster, facts)))),
    ];
    let taints = taints(inputs.cluster, machine);
    if !taints.is_empty() {
        let registration = Registration { api_version: API_VERSION, kind: KIND, register_with_taints: taints };
        resources.push(file(REGISTRATION, 0o600, Content::text(yaml::render(&registration))));
    }
    resources.extend(key_pair_of(
        "root",
        inputs,
        &Identity::KubeletServer(machine.name.clone()),
        &format!("{PKI}/kubelet"),
    )?);
    resources.push(unit_file(SERVICE, unit(inputs.cluster, machine)));
    resources.push(remains::pods(inputs)?);
    resources.push(Resource::Unit(Unit {
        name: SERVICE.to_owned(),
        restart_on: vec![
            format!("{BIN}/kubelet"),
            CLUSTER_CA.to_owned(),
            format!("{PKI}/kubelet.pem"),
            format!("{PKI}/kubelet-key.pem"),
            KUBECONFIG.to_owned(),
            CONFIG.to_owned(),
            format!("{UNITS}/{SERVICE}"),
        ],
        reload_on: Vec::new(),
        ready: None,
        disruption: Some(Disruption::Local("running pods go on, none starts or stops meanwhile")),
    }));

    // A kubelet that finds no API backs off, and registers seconds after the API is there.
    let mut after = vec![
        GroupId::on(&machine.name, COPY),
        GroupId::on(&machine.name, PACKAGES),
        GroupId::on(&machine.name, KERNEL),
        GroupId::on(&machine.name, BRIDGE_FILTER),
        GroupId::on(&machine.name, cni::GROUP),
        GroupId::on(&machine.name, haproxy::node::GROUP),
        GroupId::in_cluster("rbac"),
    ];
    after.extend(
        containerd::needed_by_kubelet(inputs.cluster)
            .into_iter()
            .map(|image| GroupId::on(&machine.name, containerd::image_group(image))),
    );
    after.extend(kube_apiserver::started(inputs.cluster));
    let start = Group { id: GroupId::on(&machine.name, GROUP), after, resources };
    Ok(vec![copy, start])
}

fn configuration<'a>(cluster: &'a Cluster, facts: &'a MachineFacts) -> KubeletConfiguration<'a> {
    KubeletConfiguration {
        api_version: API_VERSION,
        kind: KIND,
        authentication: Authentication {
            anonymous: Enabled { enabled: false },
            webhook: Enabled { enabled: true },
            x509: X509 { client_ca_file: CLUSTER_CA },
        },
        authorization: Authorization { mode: "Webhook" },
        tls_cert_file: format!("{PKI}/kubelet.pem"),
        tls_private_key_file: format!("{PKI}/kubelet-key.pem"),
        tls_min_version: tls::MIN_VERSION,
        tls_cipher_suites: &tls::CIPHER_SUITES,
        read_only_port: 0,
        healthz_bind_address: "127.0.0.1",
        enable_profiling_handler: false,
        enable_debug_flags_handler: false,
        container_runtime_endpoint: format!("unix://{}", containerd::SOCKET),
        cgroup_driver: if facts.systemd_cgroups { "systemd" } else { "cgroupfs" },
        // The kubelet would refuse to start; there is no newer hierarchy on this machine to move to.
        fail_cgroup_v1: facts.cgroup == CgroupVersion::V2,
        fail_swap_on: true,
        protect_kernel_defaults: true,
        make_iptables_util_chains: true,
        seccomp_default: true,
        cluster_dns: [cluster.spec.network.dns],
        cluster_domain: &cluster.spec.network.domain,
        resolv_conf: &facts.resolv_conf,
        event_record_qps: 50,
        streaming_connection_idle_timeout: "5m0s",
    }
}

/// Control planes keep ordinary pods off, unless there is nowhere else for them; then come the spec's.
pub(crate) fn taints(cluster: &Cluster, machine: &Machine) -> Vec<Taint> {
    let mut taints = Vec::new();
    if machine.roles.contains(&Role::ControlPlane) && !containerd::runs_pods(cluster, machine) {
        taints.push(Taint { key: CONTROL_PLANE.to_owned(), value: String::new(), effect: TaintEffect::NoSchedule });
    }
    taints.extend(cluster.taints(machine));
    taints
}

fn unit(cluster: &Cluster, machine: &Machine) -> UnitFile {
    UnitFile {
        description: Some("kubelet: the Kubernetes node agent"),
        documentation: Some("https://kubernetes.io/docs/reference/command-line-tools-reference/kubelet/"),
        wants: vec!["network-online.target"],
        after: vec!["network-online.target", containerd::SERVICE, haproxy::node::SERVICE],
        service: Service {
            kind: Some(ServiceKind::Notify),
            exec_start: vec![
                Command::new(format!("{BIN}/kubelet"))
                    .flag("config", CONFIG)
                    .flag("config-dir", REGISTRATION_FOLDER)
                    .flag("kubeconfig", KUBECONFIG)
                    .flag("hostname-override", &machine.name)
                    .flag("node-ip", machine.address)
                    .extra(Component::Kubelet, &cluster.extra_args(machine, Component::Kubelet)),
            ],
            restart: Some(Restart::Always),
            restart_sec: Some(2),
            sandbox: Some(Sandbox::SharedMounts),
            ..Service::default()
        },
        wanted_by: vec!["multi-user.target"],
    }
}
