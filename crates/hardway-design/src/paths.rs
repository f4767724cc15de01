//! Places that several components share.

/// Where executables are linked.
pub(crate) const BIN: &str = "/usr/local/bin";
/// Certificates and keys of Kubernetes' own components.
pub(crate) const PKI: &str = "/etc/kubernetes/pki";
/// Unit files of ours.
pub(crate) const UNITS: &str = "/etc/systemd/system";

/// The API server's port, on every control plane and load balancer.
pub(crate) const API_PORT: u16 = 6443;
