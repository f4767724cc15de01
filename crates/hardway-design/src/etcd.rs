//! etcd: the cluster's store, under a user of its own, with users named by their certificates.
//!
//! Flags: <https://etcd.io/docs/latest/op-guide/configuration/>, checked in `server/embed/config.go`.

mod membership;
mod recovery;

use std::net::IpAddr;
use std::time::Duration;

use hardway_pki::Identity;
use hardway_spec::{Cluster, Cni, Component, Machine, Role};

use crate::flags::Command;
use crate::operating_system::BASE;
use crate::paths::{BIN, UNITS, url};
use crate::resources::{certificate_of, directory, directory_of, file, key_pair_of, unit_file};
use crate::systemd::{Restart, Sandbox, Service, ServiceKind, Strict, UnitFile};
use crate::{
    Condition, Content, DesignError, Directory, Disruption, EtcdMember, Group, GroupId, Inputs, Needs, Resource,
    Shared, Task, Unit, User, kube_scheduler, tls,
};
pub use recovery::etcd_data;

/// The group that copies the programs.
pub(crate) const COPY: &str = "copy-etcd";
/// The group that starts the member.
pub(crate) const GROUP: &str = "etcd";
/// The group, on the first member alone, that turns on authentication.
pub(crate) const AUTH: &str = "etcd-auth";

const USER: &str = "etcd";
const FOLDER: &str = "/etc/etcd";
const PKI: &str = "/etc/etcd/pki";
/// The authority that members and clients are checked against.
pub(crate) const AUTHORITY: &str = "/etc/etcd/pki/ca.pem";
const DATA: &str = "/var/lib/etcd";
/// The same, for systemd to go on without: then etcd's own guard says what became of it.
const MAY_BE_LOST: &str = "-/var/lib/etcd";
pub(crate) const SERVICE: &str = "etcd.service";

/// Who the members are, for etcd's first start on a machine. Later ones ask the data, so that a change restarts nobody.
const MEMBERS: &str = "/etc/etcd/members.env";

const CLIENT_PORT: u16 = 2379;
const PEER_PORT: u16 = 2380;
/// Metrics and health without TLS, on loopback alone.
const METRICS: &str = "http://127.0.0.1:2381";

/// A member answers within a second of its start; three that start together may wait for the slowest copy.
const READY_WITHIN: Duration = Duration::from_secs(60);

/// Where Calico's key reaches: the keys below this prefix, and nothing else.
const CALICO_PREFIX: &str = "/calico/";

/// The clients' address of every member.
pub(crate) fn client_urls(cluster: &Cluster) -> Vec<String> {
    cluster.etcd_members().map(|member| url(member.address, CLIENT_PORT)).collect()
}

/// The members that an API server asks: its own machine's alone, if it has one, as with kubeadm.
///
/// The client spreads requests over all that it knows. One that lost its power keeps those it was given, until its
/// connection is given up after 10 s (keepaliveTimeout in apiserver's storagebackend/factory/etcd3.go, which grpc makes
/// TCP_USER_TIMEOUT); with three, every third request would be away for so long. An API server that loses its own
/// member says at once that it is not ready, and load balancers ask another.
pub(crate) fn urls_for_api_server(cluster: &Cluster, machine: &Machine) -> Vec<String> {
    if is_member(cluster, machine) { vec![own_url()] } else { client_urls(cluster) }
}

pub(crate) fn is_member(cluster: &Cluster, machine: &Machine) -> bool {
    cluster.etcd_members().any(|member| member.name == machine.name)
}

/// Where a member answers on its own machine.
fn own_url() -> String {
    url(IpAddr::from([127, 0, 0, 1]), CLIENT_PORT)
}

/// The groups that start the members: all of them, since none answers before a majority is up.
pub(crate) fn started(cluster: &Cluster) -> Vec<GroupId> {
    cluster.etcd_members().map(|member| GroupId::on(&member.name, GROUP)).collect()
}

fn place(machine: &Machine) -> EtcdMember {
    EtcdMember {
        name: machine.name.clone(),
        peer_url: url(machine.address, PEER_PORT),
        client_url: url(machine.address, CLIENT_PORT),
        own_url: own_url(),
        inquiry: membership::inquiry(),
    }
}

/// What a machine may still be to the members that leaves, or that had another role before.
pub(crate) fn former(cluster: &Cluster, machine: &Machine) -> Option<Group> {
    (!is_member(cluster, machine)).then(|| Group {
        id: GroupId::on(&machine.name, GROUP),
        after: Vec::new(),
        resources: vec![Resource::EtcdMember(place(machine))],
    })
}

pub(crate) fn groups(inputs: &Inputs<'_>, machine: &Machine) -> Result<Vec<Group>, DesignError> {
    let mut groups = vec![
        Group {
            id: GroupId::on(&machine.name, COPY),
            after: Vec::new(),
            resources: vec![inputs.binary("etcd", BIN)?, inputs.binary("etcdctl", BIN)?],
        },
        member(inputs, machine)?,
        offline_tool(inputs, machine)?,
    ];
    if inputs.cluster.etcd_members().next().is_some_and(|first| first.name == machine.name) {
        groups.push(Group {
            id: GroupId::on(&machine.name, AUTH),
            after: started(inputs.cluster),
            resources: vec![authentication(inputs.cluster)],
        });
    }
    Ok(groups)
}

/// Restoring a snapshot needs it, and nothing before: it is copied last.
fn offline_tool(inputs: &Inputs<'_>, machine: &Machine) -> Result<Group, DesignError> {
    let last = if machine.roles.contains(&Role::ControlPlane) { kube_scheduler::COPY } else { COPY };
    Ok(Group {
        id: GroupId::on(&machine.name, "copy-etcdutl"),
        after: vec![GroupId::on(&machine.name, last)],
        resources: vec![inputs.binary("etcdutl", BIN)?],
    })
}

fn member(inputs: &Inputs<'_>, machine: &Machine) -> Result<Group, DesignError> {
    let mut resources = vec![
        Resource::User(User { name: USER.to_owned(), home: DATA.to_owned() }),
        directory(FOLDER, 0o755),
        Resource::Directory(Directory { path: PKI.to_owned(), mode: 0o750, owner: format!("root:{USER}") }),
        directory_of(USER, DATA, 0o700),
        certificate_of(USER, inputs, &Identity::EtcdAuthority, &format!("{PKI}/ca"))?,
    ];
    resources.extend(key_pair_of(USER, inputs, &Identity::EtcdServer(machine.name.clone()), &format!("{PKI}/server"))?);
    resources.extend(key_pair_of(USER, inputs, &Identity::EtcdPeer(machine.name.clone()), &format!("{PKI}/peer"))?);
    resources.extend(key_pair_of("root", inputs, &Identity::EtcdRoot, &format!("{PKI}/root"))?);
    resources.push(file(MEMBERS, 0o600, Content::text(membership::file(inputs.cluster))));
    resources.push(unit_file(SERVICE, unit(inputs.cluster, machine)));
    resources.push(Resource::EtcdMember(place(machine)));
    resources.push(Resource::Unit(Unit {
        name: SERVICE.to_owned(),
        restart_on: vec![
            format!("{BIN}/etcd"),
            AUTHORITY.to_owned(),
            format!("{PKI}/server.pem"),
            format!("{PKI}/server-key.pem"),
            format!("{PKI}/peer.pem"),
            format!("{PKI}/peer-key.pem"),
            format!("{UNITS}/{SERVICE}"),
        ],
        reload_on: Vec::new(),
        ready: Some(Condition {
            title: "etcd has a quorum and answers".to_owned(),
            check: format!("{}\netcdctl endpoint health", administration()),
            timeout: READY_WITHIN,
        }),
        disruption: Some(Disruption::Shared(Shared {
            role: "etcd member",
            needs: Needs::Majority,
            among_others: "the others keep the quorum meanwhile",
            alone: "the API is away for about 1 s",
            agreement: Some(AUTHORITY),
        })),
    }));
    Ok(Group {
        id: GroupId::on(&machine.name, GROUP),
        after: vec![GroupId::on(&machine.name, BASE), GroupId::on(&machine.name, COPY)],
        resources,
    })
}

fn unit(cluster: &Cluster, machine: &Machine) -> UnitFile {
    UnitFile {
        description: Some("etcd: the store of the Kubernetes cluster"),
        documentation: Some("https://etcd.io/docs/"),
        wants: vec!["network-online.target"],
        after: vec!["network-online.target"],
        service: Service {
            kind: Some(ServiceKind::Notify),
            user: Some(USER),
            environment_files: vec![MEMBERS.to_owned(), format!("-{}", membership::FIRST_START)],
            exec_start_pre: vec![membership::guard()],
            exec_start: vec![command(cluster, machine)],
            exec_start_post: vec![membership::note_success()],
            restart: Some(Restart::Always),
            restart_sec: Some(2),
            limit_nofile: Some(65536),
            sandbox: Some(Sandbox::Strict(Strict { read_write_paths: vec![MAY_BE_LOST], ..Strict::default() })),
            ..Service::default()
        },
        wanted_by: vec!["multi-user.target"],
    }
}

fn command(cluster: &Cluster, machine: &Machine) -> Command {
    let client = url(machine.address, CLIENT_PORT);
    let peer = url(machine.address, PEER_PORT);
    Command::new(format!("{BIN}/etcd"))
        .flag("name", &machine.name)
        .flag("data-dir", DATA)
        .flag("listen-client-urls", format_args!("{client},{}", own_url()))
        .flag("advertise-client-urls", &client)
        .flag("listen-peer-urls", &peer)
        .flag("initial-advertise-peer-urls", &peer)
        .flag("cert-file", format_args!("{PKI}/server.pem"))
        .flag("key-file", format_args!("{PKI}/server-key.pem"))
        .flag("trusted-ca-file", AUTHORITY)
        .flag("client-cert-auth", true)
        .flag("peer-cert-file", format_args!("{PKI}/peer.pem"))
        .flag("peer-key-file", format_args!("{PKI}/peer-key.pem"))
        .flag("peer-trusted-ca-file", AUTHORITY)
        .flag("peer-client-cert-auth", true)
        .flag("tls-min-version", "TLS1.2")
        .flag("cipher-suites", tls::cipher_suites())
        // The gateway would pass requests on under the server's own name, and knows no users.
        .flag("enable-grpc-gateway", false)
        .flag("listen-metrics-urls", METRICS)
        .extra(Component::Etcd, &cluster.extra_args(machine, Component::Etcd))
}

/// Makes `etcdctl` speak to the member of this machine as etcd's `root`.
fn administration() -> String {
    administration_through(&[own_url()])
}

/// Makes `etcdctl` speak to these members as etcd's `root`.
fn administration_through(client_urls: &[String]) -> String {
    format!(
        "export ETCDCTL_ENDPOINTS={} ETCDCTL_CACERT={PKI}/ca.pem ETCDCTL_CERT={PKI}/root.pem \
         ETCDCTL_KEY={PKI}/root-key.pem",
        client_urls.join(",")
    )
}

/// Users by the CN of their certificates: without them, every certificate of etcd's authority could read every secret.
fn authentication(cluster: &Cluster) -> Resource {
    let administration = administration();
    let calico = matches!(cluster.spec.network.cni, Cni::Calico(_));

    let mut check = format!("{administration}\netcdctl auth status | grep -qx 'Authentication Status: true'");
    let mut run = format!(
        "{administration}\n\
         users=$(etcdctl user list)\n\
         roles=$(etcdctl role list)\n\
         has() {{ printf '%s\\n' \"$2\" | grep -qx \"$1\"; }}\n\
         has root \"$roles\" || etcdctl role add root\n\
         for user in root kube-apiserver; do\n\
         \x20 has \"$user\" \"$users\" || etcdctl user add \"$user\" --no-password\n\
         \x20 etcdctl user grant-role \"$user\" root\n\
         done\n"
    );
    if calico {
        check += &format!(" &&\n  etcdctl role get calico | grep -qF '{CALICO_PREFIX}'");
        run += &format!(
            "has calico \"$roles\" || etcdctl role add calico\n\
             etcdctl role grant-permission calico --prefix=true readwrite {CALICO_PREFIX}\n\
             has calico \"$users\" || etcdctl user add calico --no-password\n\
             etcdctl user grant-role calico calico\n"
        );
    }
    run += "etcdctl auth enable";

    Resource::Task(Task {
        name: AUTH.to_owned(),
        title: "Turn on etcd's authentication by certificate name".to_owned(),
        check,
        run,
    })
}
