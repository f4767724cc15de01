//! What kind of processor the machines have.

use std::fmt;

use crate::Error;

/// An architecture in Go's and the OCI's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Architecture(&'static str);

impl Architecture {
    pub const AMD64: Self = Self("amd64");
    pub const ARM64: Self = Self("arm64");

    /// The one that this program was built for: machines are of the same kind as the operator's.
    ///
    /// # Errors
    /// [`Error::Architecture`] where it is neither of the two.
    pub fn host() -> Result<Self, Error> {
        match std::env::consts::ARCH {
            "x86_64" => Ok(Self::AMD64),
            "aarch64" => Ok(Self::ARM64),
            architecture => Err(Error::Architecture { architecture }),
        }
    }

    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.0
    }
}

impl fmt::Display for Architecture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}
