//! Why HAProxy runs as it does.

use super::{Table, Topic};

pub(super) const TABLES: &[Table] = &[
    Table {
        topic: Topic::Groups,
        rows: &[(
            "haproxy",
            "The way in: clients know one name, and HAProxy finds a control plane behind it that is healthy. Port 6443 passes connections through unread, so that client certificates reach the API server; port 443 ends TLS itself, for clients that bring a token.",
        )],
    },
    Table {
        topic: Topic::Paths,
        rows: &[
            ("/etc/haproxy/api_cert.pem", "The self-signed certificate of port 443."),
            ("/etc/haproxy/api_key.pem", "Its key."),
            ("/etc/haproxy/haproxy.cfg", "All of its configuration."),
            ("/etc/haproxy/k8s_api.pem", "Certificate and key in one file, as HAProxy wants them."),
            ("/etc/haproxy/kubernetes-ca.pem", "The authority that API servers are checked against."),
        ],
    },
    Table {
        topic: Topic::Keywords("/etc/haproxy/haproxy.cfg"),
        rows: &[
            ("acl", "Names the requests for health paths."),
            ("backend", "A pool of servers, and how one of them is chosen."),
            ("balance", "To the server with the fewest connections, since watches last for hours."),
            ("bind", "Where it listens, and with which certificate if it ends TLS."),
            ("chroot", "After its start it sees an empty folder instead of the machine."),
            ("default_backend", "The pool for all other requests."),
            ("defaults", "What holds for every part below."),
            ("frontend", "A port that clients come to."),
            ("global", "What holds for the process as a whole."),
            ("group", "The unprivileged group that the package brings."),
            ("http-check expect", "200 means healthy."),
            ("http-check send", "A health request as the API server expects one."),
            ("http-request set-header", "The name that the pool is called by."),
            ("log", "To the system's journal."),
            ("maxconn", "Connections at a time: far more than a cluster of a hundred nodes holds open."),
            ("mode", "`tcp` passes bytes through, `http` reads requests."),
            ("option dontlognull", "Connections without a request are health checks of others, and are not logged."),
            ("option forwardfor", "Tells the API server who really calls."),
            ("option httpchk", "Servers are asked over HTTP whether they are healthy; an open port proves little."),
            ("option httplog", "A line per request."),
            ("option redispatch", "A request whose server is gone goes to another."),
            ("option tcplog", "A line per connection."),
            ("retries", "How often a connection is tried before the request fails."),
            ("server", "A control plane, how it is checked and how it is known."),
            ("ssl-default-bind-ciphers", "For clients: only suites with forward secrecy and authenticated encryption."),
            (
                "ssl-default-bind-options",
                "For clients: nothing older than TLS 1.2, and no session tickets, which weaken forward secrecy.",
            ),
            ("ssl-default-server-options", "For servers: nothing older than TLS 1.2."),
            ("stats socket", "Where root can ask for its state; package and unit expect it there."),
            ("timeout check", "How long a health check may take."),
            ("timeout client", "Watches and exec sessions are quiet for a long time."),
            ("timeout connect", "How long a server has to accept."),
            ("timeout http-request", "A client that is slow to ask is let go."),
            ("timeout queue", "How long a request waits for a free server."),
            ("timeout server", "As for clients."),
            ("timeout tunnel", "As for clients, once a connection is only passed through."),
            ("use_backend", "The pool for those requests."),
            ("user", "The unprivileged user that the package brings."),
        ],
    },
];
