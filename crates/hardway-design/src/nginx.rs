//! nginx on control planes: the API server's health without TLS, for load balancers that can't speak it.
//!
//! The package's own configuration gives way to ours as a whole, default site included, and comes back when the
//! cluster is removed. Directives: <https://nginx.org/en/docs/dirindex.html>.

use std::fmt;

use hardway_spec::Machine;

use crate::operating_system::PACKAGES;
use crate::paths::{API_PORT, CLUSTER_CA};
use crate::resources::file;
use crate::{Content, Group, GroupId, Inputs, Resource, Unit, kube_apiserver};

/// The group that configures and starts it.
pub(crate) const GROUP: &str = "nginx";

const SERVICE: &str = "nginx.service";
const CONFIG: &str = "/etc/nginx/nginx.conf";

pub(crate) fn group(inputs: &Inputs<'_>, machine: &Machine) -> Group {
    let domain = &inputs.cluster.spec.network.domain;
    Group {
        id: GroupId::on(&machine.name, GROUP),
        after: vec![GroupId::on(&machine.name, PACKAGES), GroupId::on(&machine.name, kube_apiserver::GROUP)],
        resources: vec![
            file(CONFIG, 0o600, Content::text(Configuration { domain }.to_string())),
            Resource::Unit(Unit {
                name: SERVICE.to_owned(),
                restart_on: Vec::new(),
                reload_on: vec![CONFIG.to_owned(), CLUSTER_CA.to_owned()],
                ready: None,
                disruption: None,
            }),
        ],
    }
}

struct Configuration<'a> {
    domain: &'a str,
}

impl fmt::Display for Configuration<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = format!("kubernetes.default.svc.{}", self.domain);
        write!(
            f,
            "\
user www-data;
worker_processes 1;
pid /run/nginx.pid;
error_log syslog:server=unix:/dev/log;

events {{
    worker_connections 256;
}}

http {{
    access_log off;
    server_tokens off;

    server {{
        listen 80 default_server;
        server_name {host};
"
        )?;
        for path in ["healthz", "livez", "readyz"] {
            write!(
                f,
                "
        location = /{path} {{
            proxy_pass https://127.0.0.1:{API_PORT}/{path};
            proxy_set_header Host {host};
            proxy_ssl_trusted_certificate {CLUSTER_CA};
            proxy_ssl_verify on;
            proxy_ssl_name {host};
            proxy_ssl_protocols TLSv1.2 TLSv1.3;
        }}
"
            )?;
        }
        f.write_str(
            "
        location / {
            return 404;
        }
    }
}
",
        )
    }
}
