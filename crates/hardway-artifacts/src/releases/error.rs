//! What can go wrong with upstream's releases.

use std::io;

use hardway_spec::Trust;

use crate::ArtifactName;

/// Why a release is not taken.
#[derive(Debug, thiserror::Error)]
pub enum ReleaseError {
    #[error(
        "the mirror's address {address} is not an https URL without credentials, query and fragment{}",
        hint(address)
    )]
    MirrorAddress {
        /// Without a user's name and password, should it have them.
        address: String,
    },

    #[error("{url} has no line for {file}")]
    NotListed { url: String, file: String },

    #[error("{url} does not hold a SHA-256 or SHA-512 digest")]
    NoDigest { url: String },

    #[error(
        "{artifact} is vouched for by `{reached}` ({url}), and spec.artifacts.require asks for `{required}`; {}",
        way_out(*required, *signed)
    )]
    TooLittleTrust {
        artifact: String,
        url: String,
        reached: Trust,
        required: Trust,
        /// Whether upstream signs files of this project in a way that hardway checks.
        signed: bool,
    },

    #[error(
        "{artifact} is not what hardway.lock says: {url} gives {found}, and {locked} is locked; \
         `hardway lock` takes the new one on purpose"
    )]
    NotAsLocked {
        artifact: ArtifactName,
        url: String,
        /// SHA-256.
        found: String,
        /// SHA-256.
        locked: String,
    },

    #[error(
        "hardway.lock has {artifact} {locked}, and {wanted} is wanted; `hardway lock` writes down what is wanted now"
    )]
    OtherVersionLocked {
        artifact: ArtifactName,
        /// Version and architecture.
        locked: String,
        wanted: String,
    },

    #[error("{url} is not a tar archive compressed with gzip that can be read")]
    Archive { url: String, source: io::Error },

    #[error("the archive {url} does not hold {}", members.join(", "))]
    MissingInArchive { url: String, members: Vec<String> },
}

fn hint(address: &str) -> &'static str {
    if address.starts_with("https://") {
        "; credentials are taken from HARDWAY_MIRROR_USERNAME and HARDWAY_MIRROR_PASSWORD"
    } else {
        ""
    }
}

fn way_out(required: Trust, signed: bool) -> &'static str {
    match (required, signed) {
        (Trust::Signature, true) => {
            "upstream's signature is checked where `cosign` is installed and the signature lies beside the file"
        }
        (Trust::Signature, false) => "this project publishes no signature that hardway can check",
        (Trust::Shipped, _) => "this hardway carries no digest of that file",
        (Trust::Checksum | Trust::FirstUse, _) => "no checksum file is there",
    }
}
