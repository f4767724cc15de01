//! Places that several components share.

/// Where executables are linked.
pub(crate) const BIN: &str = "/usr/local/bin";
/// Certificates and keys of Kubernetes' own components.
pub(crate) const PKI: &str = "/etc/kubernetes/pki";
/// The cluster authority's certificate, for every component.
pub(crate) const CLUSTER_CA: &str = "/etc/kubernetes/pki/ca.pem";
/// Where CNI plugins are linked.
pub(crate) const CNI_BIN: &str = "/opt/cni/bin";
/// Where containerd looks for the pod network's configuration.
pub(crate) const CNI_CONFIG: &str = "/etc/cni/net.d";
/// Unit files of ours.
pub(crate) const UNITS: &str = "/etc/systemd/system";

/// The API server's port, on every control plane and load balancer.
pub(crate) const API_PORT: u16 = 6443;
/// The way to a healthy API server from any node, on its loopback: beside an API server of the node's own.
pub(crate) const LOCAL_API_PORT: u16 = 6444;

/// An HTTPS address; IPv6 stands in brackets (RFC 3986).
pub(crate) fn url(address: std::net::IpAddr, port: u16) -> String {
    format!("https://{}", std::net::SocketAddr::new(address, port))
}
