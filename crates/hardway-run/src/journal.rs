//! The journal of a run: its events as JSON lines, for people and later tools. No state is derived from it.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::Serialize;

use crate::Event;

/// A journal being written.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: BufWriter<File>,
}

#[derive(Debug, thiserror::Error)]
#[error("cannot write the journal {}", path.display())]
pub struct JournalError {
    pub path: PathBuf,
    pub source: io::Error,
}

/// A line of a journal.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Line<'a> {
    time: Timestamp,
    entry: &'a Event,
}

impl Journal {
    /// # Errors
    /// Where the file cannot be made.
    pub fn create(path: &Path) -> Result<Self, JournalError> {
        let file = File::create_new(path).map_err(|source| JournalError { path: path.to_owned(), source })?;
        Ok(Self { path: path.to_owned(), file: BufWriter::new(file) })
    }

    /// Adds an event; copies' progress is left out, since it says nothing afterwards.
    ///
    /// # Errors
    /// Where the file cannot be written.
    pub fn write(&mut self, event: &Event) -> Result<(), JournalError> {
        if matches!(event, Event::StepProgress { .. }) {
            return Ok(());
        }
        let line = Line { time: Timestamp::now(), entry: event };
        let mut text = serde_json::to_string(&line).expect("events are plain strings and numbers");
        text.push('\n');
        let written = self.file.write_all(text.as_bytes()).and_then(|()| self.file.flush());
        written.map_err(|source| JournalError { path: self.path.clone(), source })
    }
}
