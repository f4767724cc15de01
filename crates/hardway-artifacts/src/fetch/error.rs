//! What can go wrong with a download.

use std::io;
use std::time::Duration;

use camino::Utf8PathBuf;

/// Why a file did not come. No variant prints its source, and none holds credentials: addresses with them are refused.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    #[error("the file of the mirror's authority holds no PEM certificate that can be read")]
    Authority { source: reqwest::Error },

    #[error("the file of the mirror's authority holds no PEM certificate")]
    NoAuthority,

    #[error("HTTPS cannot be set up on this machine; is the package `ca-certificates` installed?")]
    Client { source: reqwest::Error },

    #[error("{url} is not there (404); is the version published, and does the mirror hold it?")]
    NotFound { url: String },

    #[error("the server wants to know who asks for {url} ({status}){}", credentials_hint(*sent))]
    Denied {
        url: String,
        status: u16,
        /// Whether credentials went with the request.
        sent: bool,
    },

    #[error("the server answered {status} for {url}")]
    Status { url: String, status: u16 },

    #[error(
        "gave up on {url} after {attempts} attempts in a row that brought nothing; what came is kept for next time"
    )]
    GaveUp { url: String, attempts: usize, source: Box<FetchError> },

    #[error(
        "the server puts {url} off for {} s, which is longer than the {} s that hardway waits; try again later",
        asked.as_secs(),
        limit.as_secs()
    )]
    PutOff { url: String, asked: Duration, limit: Duration },

    #[error(
        "the server's certificate for {url} is not trusted: {reason}; \
         a private authority's certificate is named in spec.artifacts.mirror.authority"
    )]
    Untrusted {
        url: String,
        /// What rustls says.
        reason: String,
    },

    #[error("cannot reach {url}")]
    Unreachable { url: String, source: reqwest::Error },

    #[error("the connection for {url} was cut after {received} bytes{}", of_all(*of))]
    Cut { url: String, received: u64, of: Option<u64>, source: reqwest::Error },

    #[error("{url} came as a web page instead of a file; is a login page or a proxy in between?")]
    WebPage { url: String },

    #[error(
        "{url} is not what was expected: its {size} bytes have the {algorithm} {found}, and {expected} was expected"
    )]
    WrongDigest { url: String, algorithm: &'static str, expected: String, found: String, size: u64 },

    #[error("the server answers requests for a part of {url} with another part")]
    WrongPart { url: String },

    #[error("{url} redirects to {to}, which is not https, and is not followed")]
    InsecureRedirect { url: String, to: String },

    #[error("{url} redirects more than {limit} times")]
    Redirects { url: String, limit: usize },

    #[error("{url} is longer than the {limit} bytes that a file of its kind may have")]
    TooLong { url: String, limit: usize },

    #[error("the disk with {path} is full; make room there, or set HARDWAY_CACHE to a folder elsewhere")]
    DiskFull { path: Utf8PathBuf, source: io::Error },

    #[error("cannot {operation} {path}")]
    File { operation: &'static str, path: Utf8PathBuf, source: io::Error },
}

fn credentials_hint(sent: bool) -> &'static str {
    if sent {
        "; the mirror does not accept HARDWAY_MIRROR_USERNAME and HARDWAY_MIRROR_PASSWORD"
    } else {
        "; a mirror's credentials are taken from HARDWAY_MIRROR_USERNAME and HARDWAY_MIRROR_PASSWORD"
    }
}

fn of_all(of: Option<u64>) -> String {
    of.map(|of| format!(" of {of}")).unwrap_or_default()
}

/// The error of an operation on a file, where a full disk is a case of its own.
pub(super) fn failed(operation: &'static str, path: &camino::Utf8Path, source: io::Error) -> FetchError {
    let path = path.to_owned();
    match source.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => FetchError::DiskFull { path, source },
        _ => FetchError::File { operation, path, source },
    }
}
