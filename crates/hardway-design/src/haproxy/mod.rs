//! HAProxy: the way to healthy API servers, on load balancers for clients and on every node for itself.
//!
//! Configuration: <https://docs.haproxy.org/2.6/configuration.html>; every keyword is also in 3.0.
//!
//! What a control plane's end looks like decides how soon it is noticed. A process that ends, and a machine that shuts
//! down, close their connections and refuse new ones: the next one goes elsewhere at once. An API server that answers
//! but is not ready is found by its health. A machine that dies without a word is the hard case: nothing comes back, and
//! only time tells. Then TCP itself counts on every connection ([`SILENCE`]), and clients of what is found dead are told.

pub(crate) mod load_balancer;
pub(crate) mod node;

use std::fmt;
use std::net::SocketAddr;

use hardway_spec::Cluster;

/// The authority that API servers' certificates are checked against.
pub(crate) const AUTHORITY: &str = "/etc/haproxy/kubernetes-ca.pem";

/// One of the names in API servers' certificates, and one that no change of the spec changes: while certificates are
/// renewed one by one, those with the old and those with the new one are both healthy.
const HOST: &str = "kubernetes.default.svc";

/// How long a connection to a server may stay without a sign of life. The kernel answers for the most busy of
/// processes, so that silence means that the machine or its network is gone. An idle connection is probed once a second
/// (`srvtcpka-idle`, `srvtcpka-intvl`) and ends at the third second (tcp(7), `TCP_USER_TIMEOUT`, which goes before the
/// number of probes): one lost packet is no silence. A probe costs a server's kernel microseconds, and its
/// process nothing, so that a thousand nodes may probe. It works on in an older process after a reload, which checks
/// no health any more.
const SILENCE: &str = "tcp-ut 3s";

/// What holds for connections to servers in both places.
///
/// A connection that is not there after a second is tried at another server: on one network it takes milliseconds, and a
/// machine that is gone does not even refuse. An API server that is slow to say how it is has more time than one that
/// cannot be reached: HAProxy counts `timeout check` from the connection on.
const CONNECTIONS: &str = "    option redispatch 1
    retries 3
    option srvtcpka
    srvtcpka-idle 1s
    srvtcpka-intvl 1s
    timeout connect 1s
    timeout check 5s
    timeout queue 10s
    # Watches and exec sessions are quiet for a long time.
    timeout client 1h
    timeout server 1h
    timeout tunnel 1h
";

/// What a reload leaves: connections go on in the older process until they end, which a node's never do by themselves.
/// Half a day is more than people keep a session open, and a dozen reloads' processes are the most that it piles up.
const OLDER_PROCESS: &str = "hard-stop-after 12h";

/// For servers that are asked over TLS.
fn verified() -> String {
    format!("verify required ca-file {AUTHORITY} verifyhost {HOST}")
}

/// The lines of a backend that asks for `path`.
fn health(f: &mut fmt::Formatter<'_>, path: &str) -> fmt::Result {
    f.write_str("    option httpchk\n")?;
    writeln!(f, "    http-check send meth GET uri {path} ver HTTP/1.1 hdr Host {HOST}")?;
    f.write_str("    http-check expect status 200\n")
}

/// A line for each control plane.
fn servers(f: &mut fmt::Formatter<'_>, cluster: &Cluster, port: u16, options: &str) -> fmt::Result {
    for machine in cluster.control_planes() {
        let address = SocketAddr::new(machine.address, port);
        writeln!(f, "    server {} {address} {SILENCE} {options}", machine.name)?;
    }
    Ok(())
}
