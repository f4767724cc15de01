//! Files outside the workspace that hold what belongs to it: exports, the operator's own kubeconfig.

use std::path::Path;

use hardway_design::Content;

use crate::WorkspaceError;
use crate::file::{self, Access};

/// Writes a file for its owner's eyes only, with the directories above it; replaced whole or not at all.
///
/// # Errors
/// [`WorkspaceError::Write`] or [`WorkspaceError::MakeDirectory`], with the old file in place.
pub fn write_private(path: &Path, content: &[u8]) -> Result<(), WorkspaceError> {
    file::write(path, content, Access::Owner)
}

/// Writes an exported file: a secret one is its owner's alone.
///
/// # Errors
/// As [`write_private`].
pub fn write_exported(path: &Path, content: &Content) -> Result<(), WorkspaceError> {
    file::write(path, content.bytes(), Access::of(content))
}
