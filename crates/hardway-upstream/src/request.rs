//! What was asked.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tokio::io::{AsyncRead, AsyncReadExt};

/// No test's head is longer.
const LONGEST_HEAD: usize = 16 * 1024;

/// A request that a server has got.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Without the leading slash.
    pub path: String,
    /// By name in lower case.
    headers: Vec<(String, String)>,
}

impl Request {
    /// A header's value, by its name in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The user's name and password.
    #[must_use]
    pub fn credentials(&self) -> Option<(String, String)> {
        let decoded = STANDARD.decode(self.header("authorization")?.strip_prefix("Basic ")?).ok()?;
        let text = String::from_utf8(decoded).ok()?;
        text.split_once(':').map(|(name, password)| (name.to_owned(), password.to_owned()))
    }

    /// Where the part that is asked for begins.
    #[must_use]
    pub fn from(&self) -> Option<u64> {
        self.header("range")?.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok()
    }

    /// Reads a head, byte by byte as nothing may be read of what follows it. Nothing comes of a connection that ends.
    pub(crate) async fn read(stream: &mut (impl AsyncRead + Unpin)) -> Option<Self> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            if head.len() > LONGEST_HEAD {
                return None;
            }
            head.push(stream.read_u8().await.ok()?);
        }
        let head = String::from_utf8(head).ok()?;
        let mut lines = head.lines();
        let path = lines.next()?.split(' ').nth(1)?.trim_start_matches('/').to_owned();
        let headers = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        Some(Self { path, headers })
    }
}
