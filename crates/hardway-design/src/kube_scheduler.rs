//! kube-scheduler: gives each pod its node.
//!
//! Flags and configuration: <https://kubernetes.io/docs/reference/config-api/kube-scheduler-config.v1/>, checked in
//! `cmd/kube-scheduler/app/options`.

use hardway_pki::Identity;
use hardway_spec::{Cluster, Component, Machine};
use serde::Serialize;

use crate::flags::Command;
use crate::kubeconfig::{Client, kubeconfig};
use crate::paths::{BIN, CLUSTER_CA, PKI, UNITS};
use crate::resources::{file, key_pair_of, unit_file};
use crate::systemd::{Restart, Sandbox, Service, ServiceKind, Strict, UnitFile};
use crate::{
    Content, DesignError, Disruption, Group, GroupId, Inputs, Needs, Resource, Shared, Unit, kube_apiserver,
    kube_controller_manager, tls, yaml,
};

/// The group that copies the program.
pub(crate) const COPY: &str = "copy-kube-scheduler";
/// The group that starts it.
pub(crate) const GROUP: &str = "kube-scheduler";

const SERVICE: &str = "kube-scheduler.service";
const CONFIG: &str = "/etc/kubernetes/kube-scheduler-config.yaml";
const KUBECONFIG: &str = "/etc/kubernetes/kube-scheduler.kubeconfig";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct KubeSchedulerConfiguration {
    api_version: &'static str,
    kind: &'static str,
    client_connection: ClientConnection,
    leader_election: LeaderElection,
    enable_profiling: bool,
}

#[derive(Serialize)]
struct ClientConnection {
    kubeconfig: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LeaderElection {
    leader_elect: bool,
}

pub(crate) fn groups(inputs: &Inputs<'_>, machine: &Machine) -> Result<Vec<Group>, DesignError> {
    let copy = Group {
        id: GroupId::on(&machine.name, COPY),
        after: vec![GroupId::on(&machine.name, kube_controller_manager::COPY)],
        resources: vec![inputs.binary("kube-scheduler", BIN)?],
    };

    let mut resources = vec![
        file(KUBECONFIG, 0o600, kubeconfig(inputs, Client::Scheduler)?),
        file(CONFIG, 0o600, Content::text(yaml::render(&configuration()))),
    ];
    resources.extend(key_pair_of("root", inputs, &Identity::SchedulerServer, &format!("{PKI}/kube-scheduler"))?);
    resources.push(unit_file(SERVICE, unit(inputs.cluster, machine)));
    resources.push(Resource::Unit(Unit {
        name: SERVICE.to_owned(),
        restart_on: vec![
            format!("{BIN}/kube-scheduler"),
            CLUSTER_CA.to_owned(),
            format!("{PKI}/kube-scheduler.pem"),
            format!("{PKI}/kube-scheduler-key.pem"),
            KUBECONFIG.to_owned(),
            CONFIG.to_owned(),
            format!("{UNITS}/{SERVICE}"),
        ],
        reload_on: Vec::new(),
        ready: None,
        // It gives its lease back when it ends, and others ask for it every 2 s.
        disruption: Some(Disruption::Shared(Shared {
            role: "control plane",
            needs: Needs::One,
            among_others: "if it leads, another takes over within about 2 s",
            alone: "new pods get no node for about 2 s",
            agreement: None,
        })),
    }));

    let start = Group {
        id: GroupId::on(&machine.name, GROUP),
        after: vec![GroupId::on(&machine.name, COPY), GroupId::on(&machine.name, kube_apiserver::GROUP)],
        resources,
    };
    Ok(vec![copy, start])
}

fn configuration() -> KubeSchedulerConfiguration {
    KubeSchedulerConfiguration {
        api_version: "kubescheduler.config.k8s.io/v1",
        kind: "KubeSchedulerConfiguration",
        client_connection: ClientConnection { kubeconfig: KUBECONFIG },
        leader_election: LeaderElection { leader_elect: true },
        enable_profiling: false,
    }
}

fn unit(cluster: &Cluster, machine: &Machine) -> UnitFile {
    UnitFile {
        description: Some("kube-scheduler: the scheduler of Kubernetes"),
        documentation: Some("https://kubernetes.io/docs/reference/command-line-tools-reference/kube-scheduler/"),
        after: vec!["kube-apiserver.service"],
        service: Service {
            kind: Some(ServiceKind::Exec),
            exec_start: vec![command(cluster, machine)],
            restart: Some(Restart::Always),
            restart_sec: Some(2),
            sandbox: Some(Sandbox::Strict(Strict {
                inaccessible_paths: vec![
                    "-/etc/etcd",
                    "-/etc/kubernetes/admin.kubeconfig",
                    "-/etc/kubernetes/pki/ca-key.pem",
                    "-/etc/kubernetes/pki/service-account-key.pem",
                    "-/var/lib/etcd",
                    "-/var/lib/kubelet",
                ],
                ..Strict::default()
            })),
            ..Service::default()
        },
        wanted_by: vec!["multi-user.target"],
        ..UnitFile::default()
    }
}

fn command(cluster: &Cluster, machine: &Machine) -> Command {
    Command::new(format!("{BIN}/kube-scheduler"))
        .flag("config", CONFIG)
        .flag("authentication-kubeconfig", KUBECONFIG)
        .flag("authorization-kubeconfig", KUBECONFIG)
        .flag("bind-address", "127.0.0.1")
        .flag("client-ca-file", CLUSTER_CA)
        .flag("tls-cert-file", format_args!("{PKI}/kube-scheduler.pem"))
        .flag("tls-private-key-file", format_args!("{PKI}/kube-scheduler-key.pem"))
        .flag("tls-min-version", tls::MIN_VERSION)
        .flag("tls-cipher-suites", tls::cipher_suites())
        .extra(Component::KubeScheduler, &cluster.extra_args(machine, Component::KubeScheduler))
}
