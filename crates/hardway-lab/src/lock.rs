//! One operator at a time.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::fs::FlockOperation;

use crate::error::{FileContext, LabError, Result};

/// An exclusive lock on a directory, which is made if it is not there.
///
/// The directory itself is locked, not a file in it, so that whoever holds the lock may remove the
/// directory and leave nothing behind. The kernel drops the lock when its holder dies.
#[derive(Debug)]
pub(crate) struct DirLock {
    _directory: File,
}

impl DirLock {
    /// Waits for the lock.
    pub(crate) fn acquire(dir: &Path) -> Result<Self> {
        loop {
            fs::create_dir_all(dir).at("create", dir)?;
            let directory = match File::open(dir) {
                // The last holder removed it just now.
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                opened => opened.at("open", dir)?,
            };
            rustix::fs::flock(&directory, FlockOperation::LockExclusive)
                .map_err(|errno| LabError::Kernel { action: "lock the lab", source: errno.into() })?;
            let locked = directory.metadata().at("read", dir)?;
            if fs::metadata(dir).is_ok_and(|now| (now.dev(), now.ino()) == (locked.dev(), locked.ino())) {
                return Ok(Self { _directory: directory });
            }
        }
    }
}
