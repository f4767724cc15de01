//! Downloads that are not finished yet, kept for the next attempt, in this run or a later one.
//!
//! They lie in the cache beside `work`, which every run empties. Whoever holds the cache's lock has them for itself.

use std::fs::{self, File};
use std::io;
use std::time::{Duration, SystemTime};

use camino::{Utf8Path, Utf8PathBuf};
use serde::{Deserialize, Serialize};

use super::error::failed;
use super::{Expected, FetchError};
use crate::cache::Filling;
use crate::key::Key;

const FOLDER: &str = "partial";

/// Who has not come back for the rest within a week will not: by then it is most likely another version.
const KEPT: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// The folder of unfinished downloads.
#[derive(Debug)]
pub(crate) struct Partials {
    folder: Utf8PathBuf,
}

impl Partials {
    /// Opens the folder and removes what is too old.
    ///
    /// # Errors
    /// [`FetchError::File`] and [`FetchError::DiskFull`].
    pub(crate) fn open(filling: &Filling) -> Result<Self, FetchError> {
        let folder = filling.root().join(FOLDER);
        fs::create_dir_all(&folder).map_err(|source| failed("create", &folder, source))?;
        let partials = Self { folder };
        partials.remove_older_than(KEPT, SystemTime::now())?;
        Ok(partials)
    }

    /// The unfinished download of `url`. Another expected digest makes it another one.
    pub(crate) fn of(&self, url: &str, expected: Option<&Expected>) -> Partial {
        let key = Key::of("partial").field("url", url).field("digest", expected.map_or("", Expected::hexadecimal));
        let key = key.finish();
        Partial { body: self.folder.join(key.as_str()), record: self.folder.join(format!("{key}.json")) }
    }

    fn remove_older_than(&self, age: Duration, now: SystemTime) -> Result<(), FetchError> {
        let list = || -> io::Result<Vec<fs::DirEntry>> { fs::read_dir(&self.folder)?.collect() };
        for entry in list().map_err(|source| failed("read", &self.folder, source))? {
            let old = entry
                .metadata()
                .and_then(|metadata| metadata.modified())
                .is_ok_and(|modified| now.duration_since(modified).is_ok_and(|since| since > age));
            if old {
                fs::remove_file(entry.path()).map_err(|source| failed("clean", &self.folder, source))?;
            }
        }
        Ok(())
    }
}

/// One unfinished download: what has come, and what says that the rest belongs to it.
#[derive(Debug)]
pub(crate) struct Partial {
    pub(super) body: Utf8PathBuf,
    record: Utf8PathBuf,
}

#[derive(Debug, Serialize, Deserialize)]
struct Record {
    /// A strong `ETag`, else `Last-Modified`: what `If-Range` takes.
    validator: Option<String>,
}

/// What there is of a download.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Held {
    /// Bytes, at least one.
    pub(super) size: u64,
    pub(super) validator: Option<String>,
}

impl Partial {
    /// What earlier attempts have left, if its record tells what it is.
    pub(super) fn held(&self) -> Option<Held> {
        let size = self.size();
        let record: Record = serde_json::from_slice(&fs::read(&self.record).ok()?).ok()?;
        (size > 0).then_some(Held { size, validator: record.validator })
    }

    pub(super) fn size(&self) -> u64 {
        fs::metadata(&self.body).map_or(0, |metadata| metadata.len())
    }

    /// Begins anew: an empty file, and what its continuation will be recognised by.
    pub(super) fn begin(&self, validator: Option<String>) -> Result<File, FetchError> {
        let file = File::create(&self.body).map_err(|source| failed("create", &self.body, source))?;
        let record = serde_json::to_vec(&Record { validator }).expect("a text has a JSON form");
        fs::write(&self.record, record).map_err(|source| failed("write", &self.record, source))?;
        Ok(file)
    }

    /// Opens the file to add to it.
    pub(super) fn go_on(&self) -> Result<File, FetchError> {
        File::options().append(true).open(&self.body).map_err(|source| failed("open", &self.body, source))
    }

    /// Forgets the download.
    pub(super) fn remove(&self) -> Result<(), FetchError> {
        for path in [&self.body, &self.record] {
            remove(path)?;
        }
        Ok(())
    }

    /// Hands the finished file over to `to`, which lies on the same file system.
    pub(super) fn finish(&self, to: &Utf8Path) -> Result<(), FetchError> {
        fs::rename(&self.body, to).map_err(|source| failed("rename to", to, source))?;
        remove(&self.record)
    }
}

fn remove(path: &Utf8Path) -> Result<(), FetchError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed("remove", path, error)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn partials() -> (tempfile::TempDir, Partials) {
        let folder = tempfile::tempdir().unwrap();
        let partials = Partials { folder: Utf8PathBuf::try_from(folder.path().to_path_buf()).unwrap() };
        (folder, partials)
    }

    #[test]
    fn what_was_left_is_found_by_address_and_digest() {
        let (_folder, partials) = partials();
        let digest = Expected::Sha256("aa".to_owned());
        let partial = partials.of("https://a/b", Some(&digest));
        assert_eq!(partial.held(), None);
        partial.begin(Some("\"1\"".to_owned())).unwrap().write_all(b"abc").unwrap();
        partial.go_on().unwrap().write_all(b"de").unwrap();
        let found = partials.of("https://a/b", Some(&digest)).held();
        assert_eq!(found, Some(Held { size: 5, validator: Some("\"1\"".to_owned()) }));
        assert_eq!(partials.of("https://a/b", None).held(), None);
        partial.remove().unwrap();
        assert_eq!(partial.held(), None);
    }

    #[test]
    fn a_rest_that_nobody_fetched_is_removed_in_time() {
        let (_folder, partials) = partials();
        partials.of("https://a/b", None).begin(None).unwrap().write_all(b"abc").unwrap();
        let soon = SystemTime::now() + KEPT / 2;
        partials.remove_older_than(KEPT, soon).unwrap();
        assert!(partials.of("https://a/b", None).held().is_some());
        partials.remove_older_than(KEPT, soon + KEPT).unwrap();
        assert_eq!(fs::read_dir(&partials.folder).unwrap().count(), 0);
    }
}
