//! The key that secrets are encrypted with before etcd stores them.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::{Zeroize, Zeroizing};

/// An AES-256 key for Kubernetes' `aescbc` provider. Wiped from memory when dropped, never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct EncryptionKey {
    base64: Zeroizing<String>,
}

/// A text is not an encryption key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ParseEncryptionKeyError {
    #[error("the encryption key is not base64")]
    NotBase64,
    #[error("the encryption key has {bytes} bytes instead of 32")]
    Length { bytes: usize },
}

impl EncryptionKey {
    pub fn from_bytes(bytes: &[u8; 32]) -> Self {
        Self { base64: Zeroizing::new(STANDARD.encode(bytes)) }
    }

    /// Reads the base64 form, as an EncryptionConfiguration holds it.
    ///
    /// # Errors
    /// [`ParseEncryptionKeyError`] where the text is not base64 of 32 bytes.
    pub fn from_base64(text: &str) -> Result<Self, ParseEncryptionKeyError> {
        let mut bytes = STANDARD.decode(text.trim()).map_err(|_| ParseEncryptionKeyError::NotBase64)?;
        let length = bytes.len();
        bytes.zeroize();
        if length == 32 {
            Ok(Self { base64: Zeroizing::new(text.trim().to_owned()) })
        } else {
            Err(ParseEncryptionKeyError::Length { bytes: length })
        }
    }

    pub fn as_base64(&self) -> &str {
        &self.base64
    }
}

impl fmt::Debug for EncryptionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EncryptionKey(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_survives_its_base64_form() {
        let key = EncryptionKey::from_bytes(&[7; 32]);
        assert_eq!(EncryptionKey::from_base64(&format!("{}\n", key.as_base64())), Ok(key));
    }

    #[test]
    fn a_key_of_another_length_is_refused() {
        assert_eq!(EncryptionKey::from_base64("AAAA"), Err(ParseEncryptionKeyError::Length { bytes: 3 }));
    }

    #[test]
    fn debug_shows_nothing_of_the_key() {
        assert_eq!(format!("{:?}", EncryptionKey::from_bytes(&[7; 32])), "EncryptionKey(…)");
    }
}
