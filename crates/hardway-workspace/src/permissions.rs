//! Finds files with keys that others may read.

use std::fmt;
use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::layout::{CONFIGS, ENCRYPTION, KEY_SUFFIX, PKI};
use crate::{Workspace, WorkspaceError};

/// A file with a key whose permissions let more than its owner in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoosePermissions {
    pub path: PathBuf,
    /// Permission bits, as chmod(1) takes them.
    pub mode: u32,
}

impl fmt::Display for LoosePermissions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} holds a key and others have permissions on it ({:o})", self.path.display(), self.mode)
    }
}

impl LoosePermissions {
    /// Takes group's and others' permissions away: 0600.
    ///
    /// # Errors
    /// [`WorkspaceError::ChangeMode`], most often since the file belongs to somebody else.
    pub fn tighten(&self) -> Result<(), WorkspaceError> {
        fs::set_permissions(&self.path, Permissions::from_mode(0o600))
            .map_err(|source| WorkspaceError::ChangeMode { path: self.path.clone(), source })
    }
}

impl Workspace {
    /// Every file with a key that group or others have permissions on.
    ///
    /// # Errors
    /// [`WorkspaceError::Read`] where a directory cannot be listed.
    pub fn loose_permissions(&self) -> Result<Vec<LoosePermissions>, WorkspaceError> {
        let mut loose = Vec::new();
        for directory in [PKI, CONFIGS, ENCRYPTION] {
            collect(&self.path(directory), &mut loose)?;
        }
        loose.retain(|found| {
            let name = found.path.to_string_lossy();
            !found.path.starts_with(self.path(PKI)) || name.ends_with(KEY_SUFFIX)
        });
        loose.sort_by(|one, other| one.path.cmp(&other.path));
        Ok(loose)
    }
}

fn collect(directory: &Path, loose: &mut Vec<LoosePermissions>) -> Result<(), WorkspaceError> {
    let unreadable = |source| WorkspaceError::Read { path: directory.to_owned(), source };
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(unreadable)?,
    };
    for entry in entries {
        let entry = entry.map_err(unreadable)?;
        let metadata = entry.metadata().map_err(unreadable)?;
        let mode = metadata.permissions().mode() & 0o7777;
        if metadata.is_dir() {
            collect(&entry.path(), loose)?;
        } else if metadata.is_file() && mode & 0o077 != 0 {
            loose.push(LoosePermissions { path: entry.path(), mode });
        }
    }
    Ok(())
}
