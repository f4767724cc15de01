//! What can go wrong with a workspace.

use std::io;
use std::path::PathBuf;

use hardway_design::ParseEncryptionKeyError;
use hardway_pki::PkiError;

use crate::{Holder, SPEC};

#[derive(Debug, thiserror::Error)]
pub enum WorkspaceError {
    #[error("there is no {SPEC} in {}", directory.display())]
    NoSpec { directory: PathBuf },
    #[error("{} exists already", path.display())]
    SpecExists { path: PathBuf },
    #[error("cannot read {}", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("cannot write {}", path.display())]
    Write { path: PathBuf, source: io::Error },
    #[error("cannot make the directory {}", path.display())]
    MakeDirectory { path: PathBuf, source: io::Error },
    #[error("cannot remove {}", path.display())]
    Remove { path: PathBuf, source: io::Error },
    #[error("cannot change the permissions of {}", path.display())]
    ChangeMode { path: PathBuf, source: io::Error },
    #[error("the key {} has no certificate {}", key.display(), certificate.display())]
    KeyAlone { key: PathBuf, certificate: PathBuf },
    #[error("the certificate {} has no key {}", certificate.display(), key.display())]
    CertificateAlone { certificate: PathBuf, key: PathBuf },
    #[error("the certificate {} is not over the key {}", certificate.display(), key.display())]
    Mismatch { certificate: PathBuf, key: PathBuf },
    #[error("cannot use the key pair of {}", certificate.display())]
    KeyPair { certificate: PathBuf, source: PkiError },
    #[error("cannot use {}", path.display())]
    EncryptionKey { path: PathBuf, source: ParseEncryptionKeyError },
    #[error("{} exists, but the key that it holds is not in {}", config.display(), key.display())]
    EncryptionKeyLost { config: PathBuf, key: PathBuf },
    #[error("{} holds another key than the one to be kept", path.display())]
    OtherEncryptionKey { path: PathBuf },
    #[error("cannot make an encryption key: the system has no random numbers")]
    Random,
    #[error("the workspace {} is in use{}", directory.display(), by(holder.as_ref()))]
    Locked { directory: PathBuf, holder: Option<Holder> },
    #[error("cannot lock {}", path.display())]
    Lock { path: PathBuf, source: io::Error },
}

fn by(holder: Option<&Holder>) -> String {
    holder.map_or_else(String::new, |holder| format!(" by {holder}"))
}

impl WorkspaceError {
    /// What to do next, where there is something to say beyond the error itself.
    pub fn help(&self) -> Option<String> {
        Some(match self {
            Self::NoSpec { .. } => "write one with `hardway init`, or name the workspace with `-C DIR`".to_owned(),
            Self::SpecExists { path } => {
                format!("edit {}, or name another workspace with `-C DIR`", path.display())
            }
            Self::KeyAlone { key: path, .. } | Self::CertificateAlone { certificate: path, .. } => {
                format!("bring the other file back from a backup, or remove {} to have both made anew", path.display())
            }
            Self::Mismatch { .. } => {
                "bring the two that belong together back from a backup, or remove both to have them made anew"
                    .to_owned()
            }
            Self::EncryptionKeyLost { config, key } => format!(
                "write the secret of key1 in {} to {}: without it the secrets in etcd cannot be read",
                config.display(),
                key.display()
            ),
            Self::Locked { .. } => "wait until it is done".to_owned(),
            Self::OtherEncryptionKey { .. } => "run the same command again: it takes the key that is there".to_owned(),
            Self::KeyPair { .. }
            | Self::EncryptionKey { .. }
            | Self::Random
            | Self::Lock { .. }
            | Self::Read { .. }
            | Self::Write { .. }
            | Self::MakeDirectory { .. }
            | Self::Remove { .. }
            | Self::ChangeMode { .. } => return None,
        })
    }
}
