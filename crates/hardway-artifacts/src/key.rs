//! The key that an artifact has in the cache: a digest of all that it is made from.

use std::fmt;

use sha2::{Digest, Sha256};

/// Names an entry of the cache. Equal keys mean equal inputs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Key(String);

impl Key {
    pub(crate) fn of(kind: &'static str) -> KeyBuilder {
        KeyBuilder(Sha256::new()).field("kind", kind)
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Takes the inputs one by one. Their order matters.
pub(crate) struct KeyBuilder(Sha256);

impl KeyBuilder {
    /// Adds one input. Name and value are preceded by their lengths, so that no two lists of
    /// inputs read alike.
    #[must_use]
    pub(crate) fn field(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        for part in [name.as_bytes(), value.as_ref()] {
            self.0.update((part.len() as u64).to_be_bytes());
            self.0.update(part);
        }
        self
    }

    pub(crate) fn finish(self) -> Key {
        Key(hex::encode(self.0.finalize()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_inputs_have_equal_keys() {
        let key = || Key::of("test").field("a", "1").field("b", "2").finish();
        assert_eq!(key(), key());
        assert_eq!(key().as_str().len(), 64);
    }

    #[test]
    fn a_byte_that_moves_to_the_next_input_changes_the_key() {
        let one = Key::of("test").field("a", "12").field("b", "3").finish();
        let other = Key::of("test").field("a", "1").field("b", "23").finish();
        assert_ne!(one, other);
    }

    #[test]
    fn kinds_do_not_share_keys() {
        let one = Key::of("binary").field("a", "1").finish();
        let other = Key::of("image").field("a", "1").finish();
        assert_ne!(one, other);
    }
}
