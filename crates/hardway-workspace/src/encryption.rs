//! The key that secrets in etcd are encrypted with.

use aws_lc_rs::rand;
use hardway_design::{EncryptionKey, encryption_config};
use zeroize::Zeroizing;

use crate::file::{self, Access};
use crate::layout::{ENCRYPTION_CONFIG, ENCRYPTION_KEY};
use crate::{Workspace, WorkspaceError};

impl Workspace {
    /// The key as it stands in the workspace; `None` before there was one.
    ///
    /// # Errors
    /// A key that cannot be read, or one that is lost while its configuration exists.
    pub fn read_encryption_key(&self) -> Result<Option<EncryptionKey>, WorkspaceError> {
        let path = self.path(ENCRYPTION_KEY);
        let config = self.path(ENCRYPTION_CONFIG);
        match file::read(&path)?.map(Zeroizing::new) {
            Some(text) => EncryptionKey::from_base64(&text)
                .map(Some)
                .map_err(|source| WorkspaceError::EncryptionKey { path, source }),
            None if config.exists() => Err(WorkspaceError::EncryptionKeyLost { config, key: path }),
            None => Ok(None),
        }
    }

    /// Keeps the key, and beside it the EncryptionConfiguration that holds it, the very file that control planes get.
    ///
    /// Never overwrites another key, which what is in etcd may be encrypted with.
    ///
    /// # Errors
    /// As [`Workspace::read_encryption_key`], [`WorkspaceError::OtherEncryptionKey`], and files that cannot be written.
    pub fn write_encryption_key(&self, key: &EncryptionKey) -> Result<(), WorkspaceError> {
        match self.read_encryption_key()? {
            Some(existing) if existing != *key => {
                return Err(WorkspaceError::OtherEncryptionKey { path: self.path(ENCRYPTION_KEY) });
            }
            Some(_) => {}
            None => {
                let text = Zeroizing::new(format!("{}\n", key.as_base64()));
                self.write_file(ENCRYPTION_KEY, text.as_bytes(), Access::Owner)?;
            }
        }
        self.write(ENCRYPTION_CONFIG, &encryption_config(key))
    }
}

/// A key that nobody has yet.
///
/// # Errors
/// [`WorkspaceError::Random`] where the system has no random numbers.
pub fn new_encryption_key() -> Result<EncryptionKey, WorkspaceError> {
    let mut bytes = Zeroizing::new([0; 32]);
    rand::fill(bytes.as_mut_slice()).map_err(|_| WorkspaceError::Random)?;
    Ok(EncryptionKey::from_bytes(&bytes))
}
