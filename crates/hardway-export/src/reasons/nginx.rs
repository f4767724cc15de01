//! Why nginx runs as it does.

use super::{Table, Topic};

pub(super) const TABLES: &[Table] = &[
    Table {
        topic: Topic::Groups,
        rows: &[(
            "nginx",
            "The API server's health on port 80, without TLS, for load balancers that can ask nothing else. It hands three paths on to the API server beside it, which it knows by its certificate, and nothing more.",
        )],
    },
    Table {
        topic: Topic::Paths,
        rows: &[("/etc/nginx/nginx.conf", "All of its configuration; the package's default site is not part of it.")],
    },
    Table {
        topic: Topic::Keywords("/etc/nginx/nginx.conf"),
        rows: &[
            ("access_log", "Off: load balancers ask every second."),
            ("error_log", "What goes wrong is told to the system's journal."),
            ("events", "How connections are handled."),
            ("http", "It is a web server here and nothing else."),
            ("listen", "Port 80, on every address."),
            ("location", "One of the paths that are handed on; `/` is for all others."),
            ("pid", "Where the package's unit looks for the process."),
            ("proxy_pass", "To the same path of the API server on this machine."),
            ("proxy_set_header", "The name that the API server is called by in the cluster."),
            ("proxy_ssl_name", "The name that the API server's certificate must bear."),
            ("proxy_ssl_protocols", "Nothing older than TLS 1.2."),
            ("proxy_ssl_trusted_certificate", "The authority that the API server is checked against."),
            ("proxy_ssl_verify", "On: whoever else listens there gets no request."),
            ("return", "All other paths are not here."),
            ("server", "The one site."),
            ("server_name", "The name that the API is called by in the cluster."),
            ("server_tokens", "Its version is nobody's business."),
            ("user", "The unprivileged user that the package brings."),
            ("worker_connections", "More than health checks ever open."),
            ("worker_processes", "One is plenty for three paths."),
        ],
    },
];
