//! The TLS that every server of the cluster speaks.

/// The lowest version, as Kubernetes' flags name it.
pub(crate) const MIN_VERSION: &str = "VersionTLS12";

/// The suites of TLS 1.2 with forward secrecy and authenticated encryption; those of TLS 1.3 can't be chosen in Go.
///
/// The CIS Kubernetes Benchmark names the same.
pub(crate) const CIPHER_SUITES: [&str; 6] = [
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
];

/// The suites as a flag's value.
pub(crate) fn cipher_suites() -> String {
    CIPHER_SUITES.join(",")
}
