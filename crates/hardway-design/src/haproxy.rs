//! HAProxy on load balancers: the API for certificates on 6443, for tokens on 443.
//!
//! Configuration: <https://docs.haproxy.org/2.6/configuration.html>; every keyword is also in 3.0.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use hardway_pki::Identity;
use hardway_spec::{Cluster, Machine};

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
/// The authority that API servers' certificates are checked against.
pub(crate) const AUTHORITY: &str = "/etc/haproxy/kubernetes-ca.pem";

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

/// Health is asked for once a second, and more often while it changes: clients wait for it at the cluster's birth.
const CHECK: &str = "check inter 1s fastinter 200ms downinter 300ms rise 1 fall 2";

const GLOBAL: &str = "\
global
    # To the journal: nothing listens for syslog inside the chroot.
    log stdout format raw local0 info
    chroot /var/lib/haproxy
    user haproxy
    group haproxy
    maxconn 4096
    stats socket /run/haproxy/admin.sock mode 600 level operator
    ssl-default-bind-options ssl-min-ver TLSv1.2 no-tls-tickets
    ssl-default-bind-ciphers ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305
    ssl-default-server-options ssl-min-ver TLSv1.2

defaults
    log global
    option dontlognull
    option redispatch
    retries 3
    timeout connect 5s
    timeout check 2s
    timeout queue 10s
    timeout http-request 10s
    # Watches and exec sessions are quiet for a long time.
    timeout client 1h
    timeout server 1h
    timeout tunnel 1h
";

impl Configuration<'_> {
    fn servers(&self, f: &mut fmt::Formatter<'_>, port: u16, options: &str) -> fmt::Result {
        for machine in self.cluster.control_planes() {
            let address = SocketAddr::new(machine.address, port);
            writeln!(f, "    server {} {address} {options}", machine.name)?;
        }
        Ok(())
    }

    fn binds(&self, f: &mut fmt::Formatter<'_>, port: u16, options: &str) -> fmt::Result {
        let ipv6 = self.cluster.load_balancers().any(|machine: &Machine| matches!(machine.address, IpAddr::V6(_)));
        let address = if ipv6 { "::" } else { "*" };
        writeln!(f, "    bind {address}:{port}{options}{}", if ipv6 { " v4v6" } else { "" })
    }
}

impl fmt::Display for Configuration<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = format!("kubernetes.default.svc.{}", self.cluster.spec.network.domain);
        let verified = format!("verify required ca-file {AUTHORITY} verifyhost {host}");
        f.write_str(GLOBAL)?;

        f.write_str("\n# Passed through unread: client certificates must reach the API server.\n")?;
        f.write_str("frontend kubernetes-api\n    mode tcp\n    option tcplog\n")?;
        self.binds(f, API_PORT, "")?;
        f.write_str("    default_backend kube-apiservers\n")?;

        f.write_str("\nbackend kube-apiservers\n    mode tcp\n    balance leastconn\n    option httpchk\n")?;
        writeln!(f, "    http-check send meth GET uri /readyz ver HTTP/1.1 hdr Host {host}")?;
        f.write_str("    http-check expect status 200\n")?;
        self.servers(f, API_PORT, &format!("check-ssl {verified} {CHECK} on-marked-down shutdown-sessions"))?;

        f.write_str("\n# For clients with a token, which need not know the cluster's authority.\n")?;
        f.write_str("frontend kubernetes-https\n    mode http\n    option httplog\n    option forwardfor\n")?;
        self.binds(f, 443, &format!(" ssl crt {COMBINED} alpn h2,http/1.1"))?;
        f.write_str("    acl health path /healthz /livez /readyz\n")?;
        f.write_str("    use_backend healthz-proxies if health\n    default_backend kube-apiservers-https\n")?;

        f.write_str("\nbackend healthz-proxies\n    mode http\n    option httpchk\n")?;
        writeln!(f, "    http-check send meth GET uri /healthz ver HTTP/1.1 hdr Host {host}")?;
        f.write_str("    http-check expect status 200\n")?;
        writeln!(f, "    http-request set-header Host {host}")?;
        self.servers(f, 80, CHECK)?;

        f.write_str("\nbackend kube-apiservers-https\n    mode http\n    balance leastconn\n    option httpchk\n")?;
        writeln!(f, "    http-check send meth GET uri /readyz ver HTTP/1.1 hdr Host {host}")?;
        f.write_str("    http-check expect status 200\n")?;
        self.servers(f, API_PORT, &format!("ssl {verified} {CHECK}"))
    }
}
