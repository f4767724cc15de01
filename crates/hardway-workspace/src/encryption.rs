//! The key that secrets in etcd are encrypted with.

use aws_lc_rs::rand;
use hardway_design::{EncryptionKey, encryption_config};
use zeroize::Zeroizing;

use crate::file::{self, Access};
use crate::layout::{ENCRYPTION_CONFIG, ENCRYPTION_KEY};
use crate::{Workspace, WorkspaceError};

impl Workspace {
    /// The key, made the first time it is asked for, and never again: another could not read what this one encrypted.
    ///
    /// The EncryptionConfiguration that holds it is kept beside it, the very file that control planes get.
    ///
    /// # Errors
    /// A key that cannot be read, one that is lost while its configuration exists, and files that cannot be written.
    pub fn encryption_key(&self) -> Result<EncryptionKey, WorkspaceError> {
        let path = self.path(ENCRYPTION_KEY);
        let config = self.path(ENCRYPTION_CONFIG);
        let key = match file::read(&path)?.map(Zeroizing::new) {
            Some(text) => {
                EncryptionKey::from_base64(&text).map_err(|source| WorkspaceError::EncryptionKey { path, source })?
            }
            None if config.exists() => return Err(WorkspaceError::EncryptionKeyLost { config, key: path }),
            None => {
                let key = generate()?;
                let text = Zeroizing::new(format!("{}\n", key.as_base64()));
                self.write_file(ENCRYPTION_KEY, text.as_bytes(), Access::Owner)?;
                key
            }
        };
        self.write(ENCRYPTION_CONFIG, &encryption_config(&key))?;
        Ok(key)
    }
}

fn generate() -> Result<EncryptionKey, WorkspaceError> {
    let mut bytes = Zeroizing::new([0; 32]);
    rand::fill(bytes.as_mut_slice()).map_err(|_| WorkspaceError::Random)?;
    Ok(EncryptionKey::from_bytes(&bytes))
}
