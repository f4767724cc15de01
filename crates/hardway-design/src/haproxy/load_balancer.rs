//! HAProxy on load balancers: the API for certificates on 6443, for tokens on 443.

use std::fmt;
use std::net::IpAddr;

use hardway_pki::Identity;
use hardway_spec::{Cluster, Machine};

use super::{AUTHORITY, CONNECTIONS, HOST, OLDER_PROCESS, health, servers, verified};
use crate::operating_system::{BASE, PACKAGES};
use crate::paths::API_PORT;
use crate::resources::file;
use crate::{Content, DesignError, Disruption, Group, GroupId, Inputs, Needs, Resource, Shared, Unit};

/// The group that configures and starts it.
pub(crate) const GROUP: &str = "haproxy";

pub(crate) const SERVICE: &str = "haproxy.service";
const CONFIG: &str = "/etc/haproxy/haproxy.cfg";
const KEY: &str = "/etc/haproxy/api_key.pem";
pub(crate) const CERTIFICATE: &str = "/etc/haproxy/api_cert.pem";
/// Key and certificate in one file, as HAProxy wants them.
const COMBINED: &str = "/etc/haproxy/k8s_api.pem";

/// The groups that start it, on all load balancers.
pub(crate) fn started(cluster: &Cluster) -> Vec<GroupId> {
    cluster.load_balancers().map(|machine| GroupId::on(&machine.name, GROUP)).collect()
}

pub(crate) fn groups(inputs: &Inputs<'_>, machine: &Machine) -> Result<Vec<Group>, DesignError> {
    let pair = inputs.bundle.get(&Identity::LoadBalancer)?;
    let authority = inputs.bundle.get(&Identity::ClusterAuthority)?;
    let combined = format!("{}{}", pair.certificate, pair.key.as_str());
    let resources = vec![
        file(KEY, 0o600, Content::secret(pair.key.as_str())),
        file(CERTIFICATE, 0o600, Content::text(pair.certificate.clone())),
        file(COMBINED, 0o600, Content::secret(combined)),
        file(AUTHORITY, 0o600, Content::text(authority.certificate.clone())),
        file(CONFIG, 0o600, Content::text(Configuration { cluster: inputs.cluster }.to_string())),
        Resource::Unit(Unit {
            name: SERVICE.to_owned(),
            restart_on: Vec::new(),
            reload_on: [CONFIG, COMBINED, AUTHORITY].map(str::to_owned).into(),
            ready: None,
            disruption: Some(Disruption::Shared(Shared {
                role: "load balancer",
                needs: Needs::One,
                // Clients do not move to another by themselves.
                among_others: "connections through it break and new ones are refused for a moment",
                alone: "connections to the API break and new ones are refused for a moment",
                agreement: None,
            })),
        }),
    ];
    Ok(vec![Group {
        id: GroupId::on(&machine.name, GROUP),
        after: vec![GroupId::on(&machine.name, BASE), GroupId::on(&machine.name, PACKAGES)],
        resources,
    }])
}

struct Configuration<'a> {
    cluster: &'a Cluster,
}

/// How health is asked for.
///
/// Load balancers are few, so that they may ask often: what they find decides how long clients wait. A server that is
/// gone without a word is found after 2.5 s at the most: the last check was good, the next begins after `inter`, gives up
/// on the connection after the same time (HAProxy takes the lesser of `inter` and `timeout connect`), and so does the
/// second, `fastinter` later. Clients' connections are then shut, and they come again. Less than that is not given to the
/// connection, since the TLS handshake is part of it and waits for a server that is busy. While a server is down it is
/// asked most often: clients wait for it at the cluster's birth.
const CHECK: &str = "check inter 800ms fastinter 100ms downinter 300ms rise 1 fall 2";

const CIPHERS: &str = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";

impl Configuration<'_> {
    fn binds(&self, f: &mut fmt::Formatter<'_>, port: u16, options: &str) -> fmt::Result {
        let ipv6 = self.cluster.load_balancers().any(|machine: &Machine| matches!(machine.address, IpAddr::V6(_)));
        let address = if ipv6 { "::" } else { "*" };
        writeln!(f, "    bind {address}:{port}{options}{}", if ipv6 { " v4v6" } else { "" })
    }
}

impl fmt::Display for Configuration<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verified = verified();
        write!(
            f,
            "\
global
    # To the journal: nothing listens for syslog inside the chroot.
    log stdout format raw local0 info
    chroot /var/lib/haproxy
    user haproxy
    group haproxy
    maxconn 4096
    {OLDER_PROCESS}
    stats socket /run/haproxy/admin.sock mode 600 level operator
    ssl-default-bind-options ssl-min-ver TLSv1.2 no-tls-tickets
    ssl-default-bind-ciphers {CIPHERS}
    ssl-default-server-options ssl-min-ver TLSv1.2

defaults
    log global
    option dontlognull
    timeout http-request 10s
{CONNECTIONS}"
        )?;

        f.write_str("\n# Passed through unread: client certificates must reach the API server.\n")?;
        f.write_str("frontend kubernetes-api\n    mode tcp\n    option tcplog\n")?;
        self.binds(f, API_PORT, "")?;
        f.write_str("    default_backend kube-apiservers\n")?;

        f.write_str("\nbackend kube-apiservers\n    mode tcp\n    balance leastconn\n")?;
        health(f, "/readyz")?;
        servers(f, self.cluster, API_PORT, &format!("check-ssl {verified} {CHECK} on-marked-down shutdown-sessions"))?;

        f.write_str("\n# For clients with a token, which need not know the cluster's authority.\n")?;
        f.write_str("frontend kubernetes-https\n    mode http\n    option httplog\n    option forwardfor\n")?;
        self.binds(f, 443, &format!(" ssl crt {COMBINED} alpn h2,http/1.1"))?;
        f.write_str("    acl health path /healthz /livez /readyz\n")?;
        f.write_str("    use_backend healthz-proxies if health\n    default_backend kube-apiservers-https\n")?;

        f.write_str("\nbackend healthz-proxies\n    mode http\n")?;
        health(f, "/healthz")?;
        writeln!(f, "    http-request set-header Host {HOST}")?;
        servers(f, self.cluster, 80, CHECK)?;

        f.write_str("\nbackend kube-apiservers-https\n    mode http\n    balance leastconn\n")?;
        health(f, "/readyz")?;
        servers(f, self.cluster, API_PORT, &format!("ssl {verified} {CHECK}"))
    }
}
