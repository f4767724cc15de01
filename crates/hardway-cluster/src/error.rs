//! What can go wrong between us and the API.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::time::error::Elapsed;

/// A client could not be made; nothing was sent.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    #[error("the certificate authority of the API at {server} is not valid PEM")]
    Authority { server: SocketAddr, source: rustls::pki_types::pem::Error },
    #[error("the client certificate or key for the API at {server} cannot be used")]
    Credentials { server: SocketAddr, source: Box<kube::Error> },
}

/// A call of the API did not succeed. `call` is a verb and what it was for: "apply Deployment kube-system/coredns".
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There was no HTTP answer at all: no listener, no route, a connection that broke, somebody else's certificate.
    #[error("{call}: the API at {server} gives no answer")]
    Unreachable { call: String, server: SocketAddr, source: Box<dyn std::error::Error + Send + Sync> },
    #[error("{call}: the API at {server} gave no answer in {} s", limit.as_secs())]
    TimedOut { call: String, server: SocketAddr, limit: Duration, source: Elapsed },
    /// The API answered with an error (`metav1.Status`).
    #[error("{call}: {message} (HTTP {code})")]
    Refused { call: String, code: u16, message: String },
    #[error("{call}: the answer is not JSON of the expected shape")]
    Unreadable { call: String, source: serde_json::Error },
    #[error("{call}: the connection broke off")]
    Broken { call: String, source: std::io::Error },
    /// Not in the table of kinds: a defect of the design.
    #[error("{api_version} {kind} is no kind that hardway knows the path of")]
    UnknownKind { api_version: String, kind: String },
    /// `last` is the last thing seen of what was waited for.
    #[error("waited {} s until {awaited}; last seen: {last}", waited.as_secs())]
    NotInTime { awaited: String, waited: Duration, last: String },
}

impl Error {
    /// The API's HTTP status code, where it answered.
    pub fn code(&self) -> Option<u16> {
        match self {
            Self::Refused { code, .. } => Some(*code),
            _ => None,
        }
    }

    /// Whether there was no answer, so that nothing can be said of the cluster's state.
    pub fn is_unreachable(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::TimedOut { .. } | Self::Broken { .. })
    }

    /// Whether the same call may succeed a moment later.
    ///
    /// A young API server refuses connections, then answers 403 until its RBAC roles are written, 404 for
    /// groups not yet served, 429 and 5xx until its start is complete.
    pub fn is_passing(&self) -> bool {
        self.is_unreachable() || matches!(self.code(), Some(403 | 404 | 409 | 429 | 500..))
    }
}
