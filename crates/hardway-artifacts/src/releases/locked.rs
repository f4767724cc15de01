//! What a lock says of artifacts, beside what is wanted and what came.

use camino::Utf8Path;

use super::obtain::blocking;
use super::{ReleaseError, Releases};
use crate::cache::failed;
use crate::{ArtifactName, Error, Locked, digest};

impl Releases {
    /// Whether what is locked, `have`, is what is wanted, and for these machines.
    ///
    /// # Errors
    /// [`ReleaseError::OtherVersionLocked`] where it is not.
    pub(super) fn check_locked(
        &self,
        artifact: ArtifactName,
        locked: &Locked,
        have: &str,
        want: &str,
    ) -> Result<(), Error> {
        let have = format!("{have} for {}", locked.architecture);
        let wanted = format!("{want} for {}", self.architecture.as_str());
        if have == wanted {
            return Ok(());
        }
        Err(ReleaseError::OtherVersionLocked { artifact, locked: have, wanted }.into())
    }
}

/// Whether a file that came from `url` is the one that was locked.
///
/// # Errors
/// [`ReleaseError::NotAsLocked`] where it is not.
pub(super) async fn compare(artifact: ArtifactName, locked: &Locked, path: &Utf8Path, url: &str) -> Result<(), Error> {
    let path = path.to_owned();
    let found = blocking(move || {
        digest::of_file(&path).map(|(sha256, _)| sha256).map_err(|source| failed("read", &path, source))
    })
    .await?;
    if found == locked.sha256 {
        return Ok(());
    }
    Err(ReleaseError::NotAsLocked { artifact, url: url.to_owned(), found, locked: locked.sha256.clone() }.into())
}
