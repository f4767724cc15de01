//! HAProxy on every node: the node's own way to the API, on loopback, which goes past the load balancers.
//!
//! It is a service of its own beside the package's, which stays off: what is shared and restarts one at a time is
//! `haproxy.service` on load balancers, and this one is its node's own affair.

use std::fmt;

use hardway_pki::Identity;
use hardway_spec::{Cluster, Machine};

use super::{AUTHORITY, CONNECTIONS, OLDER_PROCESS, health, load_balancer, servers, verified};
use crate::flags::Command;
use crate::operating_system::{BASE, PACKAGES};
use crate::paths::{API_PORT, LOCAL_API_PORT, UNITS};
use crate::resources::{file_of, unit_file};
use crate::systemd::{KillMode, Reload, Restart, Sandbox, Service, ServiceKind, Strict, UnitFile};
use crate::{Content, DesignError, Disruption, Group, GroupId, Inputs, Link, Resource, Unit};

/// The group that configures and starts it.
pub(crate) const GROUP: &str = "kube-api-balancer";

pub(crate) const SERVICE: &str = "kube-api-balancer.service";
const CONFIG: &str = "/etc/haproxy/kube-api-balancer.cfg";
/// The package's.
const PROGRAM: &str = "/usr/sbin/haproxy";
/// The package's.
const USER: &str = "haproxy";
/// Below /run.
const RUNTIME_FOLDER: &str = "kube-api-balancer";
/// Where root asks it for the state of its servers.
pub(crate) const STATE_SOCKET: &str = "/run/kube-api-balancer/state.sock";

/// Masks the package's own service before the package comes, which would start it.
pub(crate) fn package_service_kept_off() -> Resource {
    Resource::Link(Link { path: format!("{UNITS}/{}", load_balancer::SERVICE), target: "/dev/null".to_owned() })
}

pub(crate) fn group(inputs: &Inputs<'_>, machine: &Machine) -> Result<Group, DesignError> {
    let authority = inputs.bundle.get(&Identity::ClusterAuthority)?;
    let configuration = Configuration { cluster: inputs.cluster }.to_string();
    let resources = vec![
        file_of(USER, AUTHORITY, 0o600, Content::text(authority.certificate.clone())),
        file_of(USER, CONFIG, 0o600, Content::text(configuration)),
        unit_file(SERVICE, unit()),
        Resource::Unit(Unit {
            name: SERVICE.to_owned(),
            restart_on: vec![format!("{UNITS}/{SERVICE}")],
            reload_on: vec![CONFIG.to_owned(), AUTHORITY.to_owned()],
            ready: None,
            disruption: Some(Disruption::Local("the node's connections to the API break and are made again")),
        }),
    ];
    Ok(Group {
        id: GroupId::on(&machine.name, GROUP),
        after: vec![GroupId::on(&machine.name, BASE), GroupId::on(&machine.name, PACKAGES)],
        resources,
    })
}

/// The package's unit, as the unprivileged user from the start: it binds no port below 1024.
fn unit() -> UnitFile {
    let haproxy = || Command::new(PROGRAM);
    UnitFile {
        description: Some("kube-api-balancer: this node's way to the Kubernetes API"),
        documentation: Some("https://docs.haproxy.org/2.6/configuration.html"),
        wants: vec!["network-online.target"],
        after: vec!["network-online.target"],
        service: Service {
            kind: Some(ServiceKind::Notify),
            user: Some(USER),
            exec_start: vec![haproxy().argument("-Ws").argument("-f").argument(CONFIG)],
            reload: Some(Reload { check: haproxy().argument("-c").argument("-q").argument("-f").argument(CONFIG) }),
            restart: Some(Restart::Always),
            restart_sec: Some(1),
            kill_mode: Some(KillMode::Mixed),
            // SIGTERM's, which its master passes on.
            success_exit_status: Some(143),
            runtime_directory: Some(RUNTIME_FOLDER),
            sandbox: Some(Sandbox::Strict(Strict {
                inaccessible_paths: vec!["-/etc/etcd", "-/etc/kubernetes", "-/var/lib/etcd", "-/var/lib/kubelet"],
                ..Strict::default()
            })),
            ..Service::default()
        },
        wanted_by: vec!["multi-user.target"],
    }
}

struct Configuration<'a> {
    cluster: &'a Cluster,
}

/// How health is asked for, and what else tells of it.
///
/// Every node asks every control plane, so that health is asked for seldom: with a thousand nodes an API server answers a
/// hundred checks a second, of about a millisecond of CPU each, most of it the TLS handshake; once a second each would
/// take a core. What is in use tells sooner. A connection without a sign of life ends after three seconds
/// ([`super::SILENCE`]); one that cannot be made marks the server down at once, with all that is still open to it, and
/// another server is tried. So checks have two things left to find: an API server that answers and is not ready, within
/// 11 s, and one that is back, within a second: a node that has no other must not wait, and a thousand of them cost an
/// API server that starts a core for the second or two that it takes from answering to ready.
const CHECK: &str = "check inter 10s fastinter 1s downinter 1s rise 1 fall 2 \
                     observe layer4 error-limit 1 on-error mark-down on-marked-down shutdown-sessions";

impl fmt::Display for Configuration<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "\
global
    # What becomes of servers; each connection would be too much.
    log stdout format raw local0 notice
    # A kubelet, a kube-proxy and Calico hold a handful, and a CNI plugin one for each pod that starts.
    maxconn 1024
    # Otherwise a thread for every processor, which so few connections do not need.
    nbthread 1
    {OLDER_PROCESS}
    ssl-default-server-options ssl-min-ver TLSv1.2

defaults
    mode tcp
    log global
{CONNECTIONS}
# Passed through unread: client certificates must reach the API server.
frontend kubernetes-api
    bind 127.0.0.1:{LOCAL_API_PORT}
    default_backend kube-apiservers

# By chance, or all nodes would begin with the first.
backend kube-apiservers
    balance random
"
        )?;
        health(f, "/readyz")?;
        servers(f, self.cluster, API_PORT, &format!("check-ssl {} {CHECK}", verified()))?;
        write!(
            f,
            "
# curl --unix-socket {STATE_SOCKET} 'http://localhost/;csv'
frontend state
    mode http
    timeout http-request 10s
    bind unix@{STATE_SOCKET} mode 600
    stats enable
    stats uri /
"
        )
    }
}
