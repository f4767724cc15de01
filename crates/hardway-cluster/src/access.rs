//! How the API is reached, and as whom.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hardway_pki::KeyPair;
use kube::Config;
use kube::config::AuthInfo;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use secrecy::{ExposeSecret, SecretString};

use crate::ConnectError;

/// A connection that is not there within this time will not come: machines are one or two hops away, and a
/// port without a listener refuses at once.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// Where the API is and how its certificate is judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    /// A load balancer's or a control plane's address: the operator's machine need not resolve the endpoint's name.
    pub server: SocketAddr,
    /// The name that the serving certificate must bear, and that is sent as SNI.
    pub server_name: String,
    /// The cluster's certificate authority, PEM.
    pub authority: String,
}

/// Who asks.
#[derive(Clone)]
pub enum Credentials {
    /// A client certificate and its key.
    Certificate(KeyPair),
    /// A bearer token.
    Token(SecretString),
    Anonymous,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Certificate(_) => "Certificate(…)",
            Self::Token(_) => "Token(…)",
            Self::Anonymous => "Anonymous",
        })
    }
}

/// Makes aws-lc-rs the process's TLS provider, unless one is chosen already. Call it once, early in `main`.
pub fn install_crypto_provider() {
    // The only error says that a provider is installed: then it is the caller's choice that holds.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
}

impl Access {
    pub(crate) fn config(&self, credentials: &Credentials) -> Result<Config, ConnectError> {
        let url = format!("https://{}", self.server).parse().expect("a socket address is a valid authority");
        let authority = CertificateDer::pem_slice_iter(self.authority.as_bytes())
            .map(|certificate| certificate.map(|der| der.to_vec()))
            .collect::<Result<Vec<_>, _>>()
            .map_err(|source| ConnectError::Authority { server: self.server, source })?;
        let mut config = Config::new(url);
        config.root_cert = Some(authority);
        config.tls_server_name = Some(self.server_name.clone());
        config.connect_timeout = Some(CONNECT_TIMEOUT);
        // Retrying belongs to the operations: only they know what may be repeated and until when.
        config.default_retry = false;
        config.auth_info = credentials.auth_info();
        Ok(config)
    }
}

impl Credentials {
    fn auth_info(&self) -> AuthInfo {
        match self {
            Self::Certificate(pair) => AuthInfo {
                client_certificate_data: Some(STANDARD.encode(&pair.certificate)),
                client_key_data: Some(STANDARD.encode(pair.key.as_bytes()).into()),
                ..AuthInfo::default()
            },
            Self::Token(token) => {
                AuthInfo { token: Some(token.expose_secret().to_owned().into()), ..AuthInfo::default() }
            }
            Self::Anonymous => AuthInfo::default(),
        }
    }
}
