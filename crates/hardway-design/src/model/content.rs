//! What a file holds, and whether it may be shown.

use std::fmt;

use sha2::{Digest, Sha256};

/// A file's bytes. Secret bytes never reach `Debug`, plans, logs or errors.
#[derive(Clone, PartialEq, Eq)]
pub struct Content {
    bytes: Vec<u8>,
    secret: bool,
}

impl Content {
    pub fn text(text: impl Into<String>) -> Self {
        Self { bytes: text.into().into_bytes(), secret: false }
    }

    pub fn secret(text: impl Into<String>) -> Self {
        Self { bytes: text.into().into_bytes(), secret: true }
    }

    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub fn is_secret(&self) -> bool {
        self.secret
    }

    /// SHA-256 in lower-case hexadecimal.
    pub fn sha256(&self) -> String {
        hex::encode(Sha256::digest(&self.bytes))
    }
}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.secret { "secret" } else { "text" };
        write!(f, "Content({kind}, {} bytes)", self.bytes.len())
    }
}
