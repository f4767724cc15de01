//! kube-apiserver: the API, on every control plane.
//!
//! Flags: <https://kubernetes.io/docs/reference/command-line-tools-reference/kube-apiserver/>, checked in
//! `cmd/kube-apiserver/app/options` and `pkg/kubeapiserver/options`.

mod admission;
mod audit;
mod authentication;

use std::time::Duration;

use hardway_pki::Identity;
use hardway_spec::{Cluster, Component, Machine};

use crate::flags::Command;
use crate::kubeconfig::{Client, kubeconfig};
use crate::operating_system::BASE;
use crate::paths::{API_PORT, BIN, CLUSTER_CA, PKI, UNITS};
use crate::resources::{certificate_of, directory, file, key_pair_of, unit_file};
use crate::systemd::{Restart, Sandbox, Service, ServiceKind, Strict, UnitFile};
use crate::{
    Condition, DesignError, Disruption, Group, GroupId, Inputs, Needs, Resource, Shared, Unit, encryption_config, etcd,
    kube_scheduler, tls, yaml,
};

/// The group that copies the program.
pub(crate) const COPY: &str = "copy-kube-apiserver";
/// The group that starts it.
pub(crate) const GROUP: &str = "kube-apiserver";

pub(crate) const SERVICE: &str = "kube-apiserver.service";
/// The administrator's kubeconfig, for the API server of the same machine.
const ADMIN_KUBECONFIG: &str = "/etc/kubernetes/admin.kubeconfig";
pub(crate) const ENCRYPTION: &str = "/etc/kubernetes/encryption-config.yaml";
const ADMISSION: &str = "/etc/kubernetes/admission-configuration.yaml";
const AUTHENTICATION: &str = "/etc/kubernetes/authentication-configuration.yaml";
const AUDIT_POLICY: &str = "/etc/kubernetes/audit-policy.yaml";
const LOGS: &str = "/var/log/kubernetes";

/// The key pair that signs service account tokens, which kube-controller-manager uses too.
pub(crate) const SERVICE_ACCOUNT_KEY: &str = "/etc/kubernetes/pki/service-account-key.pem";
/// The authority that etcd's certificates are checked against.
pub(crate) const ETCD_AUTHORITY: &str = "/etc/kubernetes/pki/etcd-ca.pem";
/// The authority that the front proxy's certificate is checked against.
pub(crate) const FRONT_PROXY_AUTHORITY: &str = "/etc/kubernetes/pki/front-proxy-ca.pem";
const SERVICE_ACCOUNT_CERTIFICATE: &str = "/etc/kubernetes/pki/service-account.pem";

/// It is ready 2 s after its start; a machine that also imports images takes several times that.
const READY_WITHIN: Duration = Duration::from_secs(120);

/// The groups that start the API servers, all of them.
pub(crate) fn started(cluster: &Cluster) -> Vec<GroupId> {
    cluster.control_planes().map(|machine| GroupId::on(&machine.name, GROUP)).collect()
}

/// The groups that copy the program to the control planes: what is copied elsewhere goes after it, since everything waits for the API.
pub(crate) fn copied(cluster: &Cluster) -> Vec<GroupId> {
    cluster.control_planes().map(|machine| GroupId::on(&machine.name, COPY)).collect()
}

pub(crate) fn groups(inputs: &Inputs<'_>, machine: &Machine) -> Result<Vec<Group>, DesignError> {
    let after = if etcd::is_member(inputs.cluster, machine) {
        vec![GroupId::on(&machine.name, etcd::COPY)]
    } else {
        Vec::new()
    };
    let copy =
        Group { id: GroupId::on(&machine.name, COPY), after, resources: vec![inputs.binary("kube-apiserver", BIN)?] };
    // What asks the API server whether it is ready asks again until kubectl is there, too: the server starts meanwhile.
    let client = Group {
        id: GroupId::on(&machine.name, "copy-kubectl"),
        after: vec![GroupId::on(&machine.name, kube_scheduler::COPY)],
        resources: vec![inputs.binary("kubectl", BIN)?],
    };
    Ok(vec![copy, client, server(inputs, machine)?])
}

fn server(inputs: &Inputs<'_>, machine: &Machine) -> Result<Group, DesignError> {
    let mut files = key_files(inputs)?;
    files.extend([
        file(ENCRYPTION, 0o600, encryption_config(inputs.encryption_key)),
        file(ADMISSION, 0o600, crate::Content::text(yaml::render(&admission::configuration()))),
        file(AUTHENTICATION, 0o600, crate::Content::text(yaml::render(&authentication::configuration()))),
        file(AUDIT_POLICY, 0o600, crate::Content::text(yaml::render(&audit::policy()))),
        unit_file(SERVICE, unit(inputs.cluster, machine)),
    ]);

    let mut restart_on = vec![format!("{BIN}/kube-apiserver"), CLUSTER_CA.to_owned()];
    restart_on.extend(files.iter().filter_map(|resource| match resource {
        Resource::File(file) => Some(file.path.clone()),
        _ => None,
    }));
    debug_assert!(restart_on.contains(&format!("{UNITS}/{SERVICE}")));

    let mut resources = vec![directory(LOGS, 0o700)];
    resources.extend(files);
    resources.push(file(ADMIN_KUBECONFIG, 0o600, kubeconfig(inputs, Client::Admin)?));
    resources.push(Resource::Unit(Unit {
        name: SERVICE.to_owned(),
        restart_on,
        reload_on: Vec::new(),
        ready: Some(Condition {
            title: "kube-apiserver is ready".to_owned(),
            // curl where the machine has it already: kubectl costs a tenth of a second of CPU each time.
            check: format!(
                "if command -v curl >/dev/null; then\n    curl -sS --fail --max-time 2 --cacert {CLUSTER_CA} https://127.0.0.1:{API_PORT}/readyz\nelse\n    \
                 kubectl --kubeconfig={ADMIN_KUBECONFIG} --request-timeout=2s get --raw=/readyz\nfi"
            ),
            timeout: READY_WITHIN,
        }),
        disruption: Some(Disruption::Shared(Shared {
            role: "control plane",
            needs: Needs::One,
            among_others: "the others answer meanwhile",
            // From its start to ready, on two cores.
            alone: "the API is away for about 2 s",
            agreement: None,
        })),
    }));

    let mut after = vec![GroupId::on(&machine.name, BASE), GroupId::on(&machine.name, COPY)];
    after.extend(etcd::started(inputs.cluster));
    Ok(Group { id: GroupId::on(&machine.name, GROUP), after, resources })
}

fn key_files(inputs: &Inputs<'_>) -> Result<Vec<Resource>, DesignError> {
    let mut files = vec![
        certificate_of("root", inputs, &Identity::EtcdAuthority, &format!("{PKI}/etcd-ca"))?,
        certificate_of("root", inputs, &Identity::FrontProxyAuthority, &format!("{PKI}/front-proxy-ca"))?,
    ];
    for (identity, name) in [
        (Identity::ApiServer, "kube-apiserver"),
        (Identity::ApiServerKubeletClient, "kube-apiserver-kubelet-client"),
        (Identity::ApiServerEtcdClient, "kube-apiserver-etcd-client"),
        (Identity::FrontProxyClient, "front-proxy-client"),
        (Identity::ServiceAccount, "service-account"),
    ] {
        files.extend(key_pair_of("root", inputs, &identity, &format!("{PKI}/{name}"))?);
    }
    Ok(files)
}

fn unit(cluster: &Cluster, machine: &Machine) -> UnitFile {
    UnitFile {
        description: Some("kube-apiserver: the Kubernetes API"),
        documentation: Some("https://kubernetes.io/docs/reference/command-line-tools-reference/kube-apiserver/"),
        wants: vec!["network-online.target"],
        after: vec!["network-online.target", "etcd.service"],
        service: Service {
            kind: Some(ServiceKind::Notify),
            exec_start: vec![command(cluster, machine)],
            restart: Some(Restart::Always),
            restart_sec: Some(2),
            limit_nofile: Some(65536),
            sandbox: Some(Sandbox::Strict(Strict { read_write_paths: vec![LOGS], ..Strict::default() })),
            ..Service::default()
        },
        wanted_by: vec!["multi-user.target"],
    }
}

fn command(cluster: &Cluster, machine: &Machine) -> Command {
    let network = &cluster.spec.network;
    let mut command = Command::new(format!("{BIN}/kube-apiserver"))
        .flag("advertise-address", machine.address)
        .flag("secure-port", API_PORT)
        .flag("tls-cert-file", format_args!("{PKI}/kube-apiserver.pem"))
        .flag("tls-private-key-file", format_args!("{PKI}/kube-apiserver-key.pem"))
        .flag("tls-min-version", tls::MIN_VERSION)
        .flag("tls-cipher-suites", tls::cipher_suites())
        .flag("etcd-servers", etcd::urls_for_api_server(cluster, machine).join(","))
        .flag("etcd-cafile", ETCD_AUTHORITY)
        .flag("etcd-certfile", format_args!("{PKI}/kube-apiserver-etcd-client.pem"))
        .flag("etcd-keyfile", format_args!("{PKI}/kube-apiserver-etcd-client-key.pem"))
        .flag("encryption-provider-config", ENCRYPTION)
        .flag("client-ca-file", CLUSTER_CA)
        .flag("authentication-config", AUTHENTICATION)
        .flag("authorization-mode", "Node,RBAC")
        .flag("enable-admission-plugins", "NodeRestriction,DenyServiceExternalIPs")
        .flag("admission-control-config-file", ADMISSION)
        // Calico's agent is a privileged pod; Pod Security says who else may be.
        .flag("allow-privileged", true)
        .flag("audit-policy-file", AUDIT_POLICY)
        .flag("audit-log-path", format_args!("{LOGS}/audit.log"))
        .flag("audit-log-maxage", 30)
        .flag("audit-log-maxbackup", 10)
        .flag("audit-log-maxsize", 100)
        .flag("kubelet-certificate-authority", CLUSTER_CA)
        .flag("kubelet-client-certificate", format_args!("{PKI}/kube-apiserver-kubelet-client.pem"))
        .flag("kubelet-client-key", format_args!("{PKI}/kube-apiserver-kubelet-client-key.pem"))
        // Node names need not be known to any name server.
        .flag("kubelet-preferred-address-types", "InternalIP,ExternalIP,Hostname")
        .flag("requestheader-client-ca-file", FRONT_PROXY_AUTHORITY)
        .flag("requestheader-allowed-names", "front-proxy-client")
        .flag("requestheader-username-headers", "X-Remote-User")
        .flag("requestheader-uid-headers", "X-Remote-Uid")
        .flag("requestheader-group-headers", "X-Remote-Group")
        .flag("requestheader-extra-headers-prefix", "X-Remote-Extra-")
        .flag("proxy-client-cert-file", format_args!("{PKI}/front-proxy-client.pem"))
        .flag("proxy-client-key-file", format_args!("{PKI}/front-proxy-client-key.pem"))
        .flag("service-cluster-ip-range", network.services)
        .flag("service-account-issuer", format_args!("https://kubernetes.default.svc.{}", network.domain))
        .flag("service-account-key-file", SERVICE_ACCOUNT_CERTIFICATE)
        .flag("service-account-signing-key-file", SERVICE_ACCOUNT_KEY)
        .flag("service-account-extend-token-expiration", false)
        .flag("profiling", false)
        // Otherwise a stop waits a whole minute for watches to end by themselves.
        .flag("shutdown-send-retry-after", true);
    if !cluster.spec.control_plane.node {
        // No kube-proxy makes Services' addresses work here: extension API servers are called at their own.
        command = command.flag("enable-aggregator-routing", true);
    }
    command.extra(Component::KubeApiserver, &cluster.extra_args(machine, Component::KubeApiserver))
}
