//! Files and directories with the right permissions from their first moment on.

use std::ffi::OsString;
use std::fs::{self, DirBuilder, File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::Path;

use hardway_design::Content;

use crate::WorkspaceError;

/// Who may read a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// Its owner: 0600.
    Owner,
    /// All, as far as the umask allows: 0644.
    All,
}

impl Access {
    pub(crate) fn of(content: &Content) -> Self {
        if content.is_secret() { Self::Owner } else { Self::All }
    }
}

/// Replaces a file, or makes it with the directories above it, unless it holds just that.
///
/// A reader sees the old content or the new, also after a power failure.
pub(crate) fn write(path: &Path, content: &[u8], access: Access) -> Result<(), WorkspaceError> {
    if fs::read(path).is_ok_and(|old| old == content) {
        return Ok(());
    }
    let directory = match path.parent().expect("what is written is a file, not the root directory") {
        // A bare name, as an operator may give one, stands in the current directory.
        none if none.as_os_str().is_empty() => Path::new("."),
        directory => directory,
    };
    make_directory(directory)?;
    replace(path, directory, content, access).map_err(|source| WorkspaceError::Write { path: path.to_owned(), source })
}

fn replace(path: &Path, directory: &Path, content: &[u8], access: Access) -> io::Result<()> {
    let mode = match access {
        Access::Owner => 0o600,
        Access::All => 0o644,
    };
    // Ends as the file itself does, so that a run that is killed here leaves nothing that `.gitignore` would not catch.
    let mut suffix = OsString::from("-");
    suffix.push(path.file_name().unwrap_or_default());
    let mut file =
        tempfile::Builder::new().suffix(&suffix).permissions(Permissions::from_mode(mode)).tempfile_in(directory)?;
    file.write_all(content)?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    File::open(directory)?.sync_all()
}

/// Makes a directory of the workspace, 0700, with those above it.
pub(crate) fn make_directory(path: &Path) -> Result<(), WorkspaceError> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(|source| WorkspaceError::MakeDirectory { path: path.to_owned(), source })
}

/// A file's text, `None` where there is no such file.
pub(crate) fn read(path: &Path) -> Result<Option<String>, WorkspaceError> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(WorkspaceError::Read { path: path.to_owned(), source }),
    }
}
