//! The journal of a run: its events as JSON lines, for people and programs. No state is derived from it.

use std::fs::{File, TryLockError};
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use crate::Entry;

/// A journal being written.
///
/// Its file is locked as long as this lives, which tells a run that goes on from one that died.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: BufWriter<File>,
}

#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    #[error("cannot write the journal {}", path.display())]
    Write { path: PathBuf, source: io::Error },
    #[error("cannot read the journal {}", path.display())]
    Read { path: PathBuf, source: io::Error },
}

/// The journal's name in a run's folder.
const FILE: &str = "events.jsonl";

impl Journal {
    /// Begins the journal of a run in the run's own folder.
    ///
    /// # Errors
    /// Where the file cannot be made, or is there already.
    pub fn create(directory: &Path) -> Result<Self, JournalError> {
        let path = directory.join(FILE);
        let created = File::create_new(&path).and_then(|file| match file.try_lock() {
            Ok(()) => Ok(file),
            Err(TryLockError::Error(source)) => Err(source),
            Err(TryLockError::WouldBlock) => Err(io::ErrorKind::AlreadyExists.into()),
        });
        let file = created.map_err(|source| JournalError::Write { path: path.clone(), source })?;
        Ok(Self { path, file: BufWriter::new(file) })
    }

    /// Adds an event, unless it says nothing afterwards. It is in the file when this returns.
    ///
    /// # Errors
    /// Where the file cannot be written.
    pub fn write(&mut self, entry: &Entry) -> Result<(), JournalError> {
        if entry.entry.is_passing() {
            return Ok(());
        }
        let mut text = serde_json::to_string(entry).expect("events are plain strings and numbers");
        text.push('\n');
        let written = self.file.write_all(text.as_bytes()).and_then(|()| self.file.flush());
        written.map_err(|source| JournalError::Write { path: self.path.clone(), source })
    }
}

/// Reads the journal in a run's folder, event by event, and says whether it is still being written; None where there is
/// no journal.
///
/// Lines that cannot be read are left out: the last one of a process that was killed is often cut off, and a newer
/// hardway may have had more to say.
pub(crate) fn read(directory: &Path, mut each: impl FnMut(Entry)) -> Result<Option<bool>, JournalError> {
    let path = directory.join(FILE);
    let failed = |source| JournalError::Read { path: path.clone(), source };
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(failed(source)),
    };
    // Asked before the lines are read: a run that ends meanwhile is then read to its end.
    let goes_on = match file.try_lock_shared() {
        Ok(()) => {
            file.unlock().map_err(failed)?;
            false
        }
        Err(TryLockError::WouldBlock) => true,
        Err(TryLockError::Error(source)) => return Err(failed(source)),
    };
    for line in BufReader::new(file).split(b'\n') {
        if let Ok(entry) = serde_json::from_slice(&line.map_err(failed)?) {
            each(entry);
        }
    }
    Ok(Some(goes_on))
}
