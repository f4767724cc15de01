//! kube-controller-manager: the controllers, one of which leads at a time.
//!
//! Flags: <https://kubernetes.io/docs/reference/command-line-tools-reference/kube-controller-manager/>, checked in
//! `cmd/kube-controller-manager/app/options`.

use hardway_pki::Identity;
use hardway_spec::{Cluster, Component, Machine};

use crate::flags::Command;
use crate::kubeconfig::{Client, kubeconfig};
use crate::paths::{BIN, CLUSTER_CA, PKI, UNITS};
use crate::resources::{file, key_pair_of, unit_file};
use crate::systemd::{Restart, Sandbox, Service, ServiceKind, Strict, UnitFile};
use crate::{
    Content, DesignError, Disruption, Group, GroupId, Inputs, Needs, Resource, Shared, Unit, kube_apiserver, tls,
};

/// The group that copies the program.
pub(crate) const COPY: &str = "copy-kube-controller-manager";
/// The group that starts it.
pub(crate) const GROUP: &str = "kube-controller-manager";

const SERVICE: &str = "kube-controller-manager.service";
const KUBECONFIG: &str = "/etc/kubernetes/kube-controller-manager.kubeconfig";
/// The cluster authority's key, which signs CertificateSigningRequests. No other component of the machine needs it.
const CLUSTER_CA_KEY: &str = "/etc/kubernetes/pki/ca-key.pem";

pub(crate) fn groups(inputs: &Inputs<'_>, machine: &Machine) -> Result<Vec<Group>, DesignError> {
    let copy = Group {
        id: GroupId::on(&machine.name, COPY),
        after: vec![GroupId::on(&machine.name, kube_apiserver::COPY)],
        resources: vec![inputs.binary("kube-controller-manager", BIN)?],
    };

    let mut resources = vec![
        file(KUBECONFIG, 0o600, kubeconfig(inputs, Client::ControllerManager)?),
        file(CLUSTER_CA_KEY, 0o600, Content::secret(inputs.bundle.get(&Identity::ClusterAuthority)?.key.as_str())),
    ];
    resources.extend(key_pair_of(
        "root",
        inputs,
        &Identity::ControllerManagerServer,
        &format!("{PKI}/kube-controller-manager"),
    )?);
    resources.push(unit_file(SERVICE, unit(inputs.cluster, machine)));
    resources.push(Resource::Unit(Unit {
        name: SERVICE.to_owned(),
        restart_on: vec![
            format!("{BIN}/kube-controller-manager"),
            CLUSTER_CA.to_owned(),
            CLUSTER_CA_KEY.to_owned(),
            kube_apiserver::SERVICE_ACCOUNT_KEY.to_owned(),
            format!("{PKI}/kube-controller-manager.pem"),
            format!("{PKI}/kube-controller-manager-key.pem"),
            KUBECONFIG.to_owned(),
            format!("{UNITS}/{SERVICE}"),
        ],
        reload_on: Vec::new(),
        ready: None,
        // It does not give its lease back when it ends (ControllerManagerReleaseLeaderElectionLockOnExit is off), so
        // that also its own next process waits until the lease has run out: 15 s.
        disruption: Some(Disruption::Shared(Shared {
            role: "control plane",
            needs: Needs::One,
            among_others: "if it leads, another takes over after about 15 s",
            alone: "no controller acts for about 15 s",
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

fn unit(cluster: &Cluster, machine: &Machine) -> UnitFile {
    UnitFile {
        description: Some("kube-controller-manager: the controllers of Kubernetes"),
        documentation: Some(
            "https://kubernetes.io/docs/reference/command-line-tools-reference/kube-controller-manager/",
        ),
        after: vec!["kube-apiserver.service"],
        service: Service {
            kind: Some(ServiceKind::Exec),
            exec_start: vec![command(cluster, machine)],
            restart: Some(Restart::Always),
            restart_sec: Some(2),
            sandbox: Some(Sandbox::Strict(Strict {
                inaccessible_paths: vec!["-/etc/etcd", "-/var/lib/etcd", "-/var/lib/kubelet"],
                ..Strict::default()
            })),
            ..Service::default()
        },
        wanted_by: vec!["multi-user.target"],
        ..UnitFile::default()
    }
}

fn command(cluster: &Cluster, machine: &Machine) -> Command {
    Command::new(format!("{BIN}/kube-controller-manager"))
        .flag("kubeconfig", KUBECONFIG)
        .flag("authentication-kubeconfig", KUBECONFIG)
        .flag("authorization-kubeconfig", KUBECONFIG)
        .flag("bind-address", "127.0.0.1")
        .flag("client-ca-file", CLUSTER_CA)
        .flag("tls-cert-file", format_args!("{PKI}/kube-controller-manager.pem"))
        .flag("tls-private-key-file", format_args!("{PKI}/kube-controller-manager-key.pem"))
        .flag("tls-min-version", tls::MIN_VERSION)
        .flag("tls-cipher-suites", tls::cipher_suites())
        .flag("cluster-name", &cluster.metadata.name)
        // Calico gives out pod addresses from its own pools, and for the bridge the design does.
        .flag("allocate-node-cidrs", false)
        .flag("cluster-signing-cert-file", CLUSTER_CA)
        .flag("cluster-signing-key-file", CLUSTER_CA_KEY)
        .flag("root-ca-file", CLUSTER_CA)
        .flag("service-account-private-key-file", kube_apiserver::SERVICE_ACCOUNT_KEY)
        .flag("use-service-account-credentials", true)
        .flag("leader-elect", true)
        // With the default of 20 a second, some thirty controllers wait for each other at the start.
        .flag("kube-api-qps", 200)
        .flag("kube-api-burst", 400)
        .flag("profiling", false)
        .extra(Component::KubeControllerManager, &cluster.extra_args(machine, Component::KubeControllerManager))
}
