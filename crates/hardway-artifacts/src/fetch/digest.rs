//! The digest that a download has to have.

use std::fmt;

use sha2::{Digest, Sha256, Sha512};

/// A digest in lower-case hexadecimal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Expected {
    Sha256(String),
    Sha512(String),
}

impl Expected {
    /// Reads a digest, whose length tells what it is.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        if !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        match text.len() {
            64 => Some(Self::Sha256(text.to_ascii_lowercase())),
            128 => Some(Self::Sha512(text.to_ascii_lowercase())),
            _ => None,
        }
    }

    pub(crate) fn algorithm(&self) -> &'static str {
        match self {
            Self::Sha256(_) => "SHA-256",
            Self::Sha512(_) => "SHA-512",
        }
    }

    pub(crate) fn hexadecimal(&self) -> &str {
        match self {
            Self::Sha256(digest) | Self::Sha512(digest) => digest,
        }
    }

    pub(crate) fn hasher(&self) -> Hasher {
        match self {
            Self::Sha256(_) => Hasher::Sha256(Sha256::new()),
            Self::Sha512(_) => Hasher::Sha512(Sha512::new()),
        }
    }
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.hexadecimal())
    }
}

/// Takes the bytes as they come.
pub(crate) enum Hasher {
    Sha256(Sha256),
    Sha512(Sha512),
}

impl Hasher {
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Sha256(digest) => digest.update(bytes),
            Self::Sha512(digest) => digest.update(bytes),
        }
    }

    /// Lower-case hexadecimal.
    pub(crate) fn finish(self) -> String {
        match self {
            Self::Sha256(digest) => hex::encode(digest.finalize()),
            Self::Sha512(digest) => hex::encode(digest.finalize()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// FIPS 180-2, appendices B.1 and C.1.
    const ABC: [&str; 2] = [
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a\
         2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
    ];

    #[test]
    fn the_length_tells_the_algorithm() {
        for (text, algorithm) in ABC.iter().zip(["SHA-256", "SHA-512"]) {
            let expected = Expected::parse(&text.to_uppercase()).unwrap();
            assert_eq!(expected.algorithm(), algorithm);
            let mut hasher = expected.hasher();
            hasher.update(b"a");
            hasher.update(b"bc");
            assert_eq!(hasher.finish(), expected.hexadecimal());
        }
        assert_eq!(Expected::parse(&ABC[0][1..]), None);
        assert_eq!(Expected::parse(&ABC[0].replace('b', "x")), None);
    }
}
