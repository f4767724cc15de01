//! What a file holds, and whether it may be shown.

use std::fmt;
use std::sync::Arc;

use sha2::{Digest, Sha256};

/// A file's bytes. Secret bytes never reach `Debug`, plans, logs or errors.
///
/// A fleet's design has tens of thousands, each of which is compared several times and cloned into plans: so it is
/// digested once, and a clone is cheap.
#[derive(Clone, PartialEq, Eq)]
pub struct Content {
    bytes: Arc<[u8]>,
    sha256: [u8; 32],
    secret: bool,
}

impl Content {
    pub fn text(text: impl Into<String>) -> Self {
        Self::new(text.into(), false)
    }

    pub fn secret(text: impl Into<String>) -> Self {
        Self::new(text.into(), true)
    }

    fn new(text: String, secret: bool) -> Self {
        let bytes: Arc<[u8]> = text.into_bytes().into();
        let sha256 = Sha256::digest(&bytes).into();
        Self { bytes, sha256, secret }
    }

    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub fn is_secret(&self) -> bool {
        self.secret
    }

    /// SHA-256 in lower-case hexadecimal.
    pub fn sha256(&self) -> String {
        hex::encode(self.sha256)
    }
}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.secret { "secret" } else { "text" };
        write!(f, "Content({kind}, {} bytes)", self.bytes.len())
    }
}
