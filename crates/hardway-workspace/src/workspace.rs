//! The workspace itself: opened or made, and its plain files.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use hardway_design::Content;

use crate::file::{self, Access};
use crate::layout::{ARTIFACT_LOCK, KNOWN_HOSTS, LAB, SPEC, STATE};
use crate::{WorkspaceError, gitignore};

/// A folder with a `cluster.yaml`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Workspace {
    root: PathBuf,
}

/// A file of the workspace beside what it should hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Held {
    Same,
    Other,
    Nothing,
}

impl Workspace {
    /// Opens the workspace that `directory` is.
    ///
    /// # Errors
    /// [`WorkspaceError::NoSpec`] where the directory or its `cluster.yaml` does not exist.
    pub fn open(directory: &Path) -> Result<Self, WorkspaceError> {
        if !directory.join(SPEC).is_file() {
            return Err(WorkspaceError::NoSpec { directory: directory.to_owned() });
        }
        Ok(Self { root: absolute(directory)? })
    }

    /// Makes a workspace with `document` as its `cluster.yaml`; the directory may exist.
    ///
    /// # Errors
    /// [`WorkspaceError::SpecExists`] where there is one already: the operator's words are never overwritten.
    pub fn create(directory: &Path, document: &str) -> Result<Self, WorkspaceError> {
        let path = directory.join(SPEC);
        if path.exists() {
            return Err(WorkspaceError::SpecExists { path });
        }
        fs::create_dir_all(directory)
            .map_err(|source| WorkspaceError::MakeDirectory { path: directory.to_owned(), source })?;
        gitignore::ensure(directory)?;
        file::write(&path, document.as_bytes(), Access::All)?;
        Ok(Self { root: absolute(directory)? })
    }

    /// Its absolute path.
    pub fn root(&self) -> &Path {
        &self.root
    }

    pub fn spec_path(&self) -> PathBuf {
        self.path(SPEC)
    }

    /// # Errors
    /// [`WorkspaceError::Read`] where `cluster.yaml` cannot be read.
    pub fn read_spec(&self) -> Result<String, WorkspaceError> {
        let path = self.spec_path();
        fs::read_to_string(&path).map_err(|source| WorkspaceError::Read { path, source })
    }

    /// The text of `hardway.lock`; `None` before there was one.
    ///
    /// # Errors
    /// [`WorkspaceError::Read`] where it exists and cannot be read.
    pub fn read_artifact_lock(&self) -> Result<Option<String>, WorkspaceError> {
        file::read(&self.path(ARTIFACT_LOCK))
    }

    /// Writes a file that the design makes, such as `configs/admin/admin.kubeconfig`; a secret one is 0600.
    ///
    /// # Errors
    /// [`WorkspaceError::Write`] or [`WorkspaceError::MakeDirectory`], with the old file in place.
    pub fn write(&self, relative: &str, content: &Content) -> Result<(), WorkspaceError> {
        self.write_file(relative, content.bytes(), Access::of(content))
    }

    /// How a file that the design makes stands in the workspace.
    ///
    /// # Errors
    /// [`WorkspaceError::Read`] where it exists and cannot be read.
    pub fn held(&self, relative: &str, content: &Content) -> Result<Held, WorkspaceError> {
        let path = self.path(relative);
        match fs::read(&path) {
            Ok(bytes) if bytes == content.bytes() => Ok(Held::Same),
            Ok(_) => Ok(Held::Other),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Held::Nothing),
            Err(source) => Err(WorkspaceError::Read { path, source }),
        }
    }

    /// The host keys that were accepted, as a known_hosts file (sshd(8)) that ssh itself may use.
    pub fn known_hosts_path(&self) -> PathBuf {
        self.path(KNOWN_HOSTS)
    }

    /// The text of that file, empty where no key was accepted yet.
    ///
    /// # Errors
    /// [`WorkspaceError::Read`] where it exists and cannot be read.
    pub fn read_known_hosts(&self) -> Result<String, WorkspaceError> {
        Ok(file::read(&self.known_hosts_path())?.unwrap_or_default())
    }

    /// # Errors
    /// [`WorkspaceError::Write`], with the old file in place.
    pub fn write_known_hosts(&self, text: &str) -> Result<(), WorkspaceError> {
        self.write_file(KNOWN_HOSTS, text.as_bytes(), Access::All)
    }

    /// Adds a line, `HOST TYPE KEY`, unless the file has it.
    ///
    /// # Errors
    /// [`WorkspaceError::Write`], with the old file in place.
    pub fn append_known_host(&self, line: &str) -> Result<(), WorkspaceError> {
        let mut text = self.read_known_hosts()?;
        if text.lines().any(|existing| existing == line.trim_end()) {
            return Ok(());
        }
        text.push_str(line.trim_end());
        text.push('\n');
        self.write_known_hosts(&text)
    }

    /// Where the local machines of the workspace `root` keep what is theirs, also before there is a `cluster.yaml`.
    pub fn lab_directory_in(root: &Path) -> PathBuf {
        root.join(LAB)
    }

    pub(crate) fn path(&self, relative: &str) -> PathBuf {
        self.root.join(relative)
    }

    pub(crate) fn write_file(&self, relative: &str, content: &[u8], access: Access) -> Result<(), WorkspaceError> {
        gitignore::ensure(&self.root)?;
        file::write(&self.path(relative), content, access)
    }

    /// Makes the folder for what hardway remembers.
    pub(crate) fn make_state_directory(&self) -> Result<(), WorkspaceError> {
        gitignore::ensure(&self.root)?;
        file::make_directory(&self.path(STATE))
    }
}

fn absolute(directory: &Path) -> Result<PathBuf, WorkspaceError> {
    fs::canonicalize(directory).map_err(|source| WorkspaceError::Read { path: directory.to_owned(), source })
}
