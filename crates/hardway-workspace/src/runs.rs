//! The folders of runs: one each, named after its start, the newest of them kept.

use std::fs;
use std::io;
use std::path::PathBuf;

use jiff::Timestamp;

use crate::layout::RUNS;
use crate::{Workspace, WorkspaceError, file};

/// How many runs are kept. A run of a small cluster takes some hundred kilobytes at most, so all of them stay below what
/// one binary takes; at several runs a day they reach back over a month.
pub const KEPT_RUNS: usize = 100;

/// A run's folder, just made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunDirectory {
    /// Names the run to people: `20261123T170000Z`.
    pub id: String,
    pub path: PathBuf,
}

impl Workspace {
    /// Makes the folder of a run, named after its start: `.hardway/runs/20261123T170000Z`. The oldest ones beyond
    /// [`KEPT_RUNS`] go.
    ///
    /// The caller holds the workspace's lock, so that no run that goes on loses its folder.
    ///
    /// # Errors
    /// [`WorkspaceError::MakeDirectory`] where it cannot be made, [`WorkspaceError::Remove`] where an old one stays.
    pub fn create_run_directory(&self, started: Timestamp) -> Result<RunDirectory, WorkspaceError> {
        self.make_state_directory()?;
        file::make_directory(&self.path(RUNS))?;
        let name = started.strftime("%Y%m%dT%H%M%SZ").to_string();
        let mut id = name.clone();
        // Two runs may start within one second.
        for attempt in 2.. {
            let path = self.path(RUNS).join(&id);
            match fs::create_dir(&path) {
                Ok(()) => break,
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => id = format!("{name}-{attempt}"),
                Err(source) => return Err(WorkspaceError::MakeDirectory { path, source }),
            }
        }
        let path = self.path(RUNS).join(&id);
        self.remove_old_runs(&id)?;
        Ok(RunDirectory { id, path })
    }

    /// All but the newest, and never `kept`, whatever the clock says.
    fn remove_old_runs(&self, kept: &str) -> Result<(), WorkspaceError> {
        let mut runs = self.run_directories()?;
        runs.truncate(runs.len().saturating_sub(KEPT_RUNS));
        for RunDirectory { path, .. } in runs.into_iter().filter(|run| run.id != kept) {
            fs::remove_dir_all(&path).map_err(|source| WorkspaceError::Remove { path, source })?;
        }
        Ok(())
    }

    /// The runs that are kept, the oldest first.
    ///
    /// # Errors
    /// [`WorkspaceError::Read`] where their folder cannot be read.
    pub fn run_directories(&self) -> Result<Vec<RunDirectory>, WorkspaceError> {
        let runs = self.path(RUNS);
        let unreadable = |source| WorkspaceError::Read { path: runs.clone(), source };
        let entries = match fs::read_dir(&runs) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(unreadable)?,
        };
        let mut found = Vec::new();
        for entry in entries {
            let entry = entry.map_err(unreadable)?;
            let id = entry.file_name().to_string_lossy().into_owned();
            // A name is a time and, where that was taken, a number.
            let (time, number) = match id.split_once('-') {
                Some((time, number)) => (time.to_owned(), number.parse().unwrap_or(u32::MAX)),
                None => (id.clone(), 1),
            };
            found.push((time, number, RunDirectory { id, path: entry.path() }));
        }
        found.sort_by(|(time, number, _), (other_time, other_number, _)| {
            (time, number).cmp(&(other_time, other_number))
        });
        Ok(found.into_iter().map(|(_, _, run)| run).collect())
    }
}
