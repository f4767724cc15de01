//! One command at a time changes a workspace and its cluster.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;

use jiff::Timestamp;
use rustix::fs::FlockOperation;
use rustix::io::Errno;
use serde::{Deserialize, Serialize};

use crate::layout::LOCK;
use crate::{Workspace, WorkspaceError};

/// Who has the lock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// As it was typed: `hardway apply`.
    pub command: String,
    pub user: String,
    /// The operator's machine.
    pub host: String,
    pub process: u32,
    pub since: Timestamp,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { command, user, host, process, since } = self;
        write!(f, "{user}'s `{command}` (process {process} on {host}) since {since:.0}")
    }
}

/// Keeps the workspace to one command. The kernel takes it back when its holder ends, however that happens.
#[derive(Debug)]
pub struct Lock {
    _file: File,
    holder: Holder,
}

impl Lock {
    pub fn holder(&self) -> &Holder {
        &self.holder
    }
}

impl Workspace {
    /// Takes the lock, without waiting for it.
    ///
    /// # Errors
    /// [`WorkspaceError::Locked`] where another command has it.
    pub fn lock(&self, holder: &Holder) -> Result<Lock, WorkspaceError> {
        self.make_state_directory()?;
        let path = self.path(LOCK);
        let failed = |source| WorkspaceError::Lock { path: path.clone(), source };
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        let mut file = options.open(&path).map_err(failed)?;
        match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(Errno::WOULDBLOCK) => {
                return Err(WorkspaceError::Locked {
                    directory: self.root().to_owned(),
                    holder: read_holder(&mut file),
                });
            }
            Err(errno) => return Err(failed(errno.into())),
        }
        write_holder(&mut file, holder).map_err(failed)?;
        Ok(Lock { _file: file, holder: holder.clone() })
    }
}

/// `None` while the holder is still writing who it is.
fn read_holder(file: &mut File) -> Option<Holder> {
    let mut text = String::new();
    file.read_to_string(&mut text).ok()?;
    serde_json::from_str(&text).ok()
}

fn write_holder(file: &mut File, holder: &Holder) -> io::Result<()> {
    let text = serde_json::to_string(holder).expect("plain strings and numbers are always JSON");
    file.set_len(0)?;
    file.rewind()?;
    file.write_all(text.as_bytes())
}
