//! The `.gitignore` that keeps keys out of a repository.

use std::path::Path;

use crate::WorkspaceError;
use crate::file::{self, Access};
use crate::layout::GITIGNORE;

/// Certificates and requests may be committed, and so may the machines' host keys: they hold no secret.
const RULES: &str = "\
# Written by hardway: whoever has these files has the cluster.
/pki/**/*-key.pem
/configs/
/data-encryption/
/.hardway/*
!/.hardway/known_hosts
";

/// Writes the rules, after those of the operator if there are any.
pub(crate) fn ensure(root: &Path) -> Result<(), WorkspaceError> {
    let path = root.join(GITIGNORE);
    let existing = file::read(&path)?.unwrap_or_default();
    if existing.contains(RULES) {
        return Ok(());
    }
    let separator = if existing.is_empty() || existing.ends_with('\n') { "" } else { "\n" };
    file::write(&path, format!("{existing}{separator}{RULES}").as_bytes(), Access::All)
}
