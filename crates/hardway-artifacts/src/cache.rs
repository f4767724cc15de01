//! The cache: finished artifacts, each in a folder that bears its key.
//!
//! ```text
//! ROOT/lock              held by the one process that is filling the cache
//! ROOT/work/             what is being made; emptied by the next holder of the lock
//! ROOT/partial/          downloads that were cut off, which the next holder of the lock goes on with
//! ROOT/artifacts/KEY/    one file and its record, put there by a single rename; later also the file packed
//! ```
//!
//! Invariant: a folder below `artifacts` is complete, or it is not there.

use std::collections::BTreeMap;
use std::fs::{self, File, TryLockError};
use std::io;
use std::os::unix::fs::PermissionsExt;

use camino::{Utf8Path, Utf8PathBuf};
use serde::{Deserialize, Serialize};
use tempfile::TempDir;

use crate::key::Key;
use crate::{Error, Progress, Report, digest};

const RECORD: &str = "record.json";
const FORMAT_VERSION: u32 = 1;

/// A folder of finished artifacts.
#[derive(Debug, Clone)]
pub struct Cache {
    root: Utf8PathBuf,
}

/// A finished artifact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) path: Utf8PathBuf,
    pub(crate) sha256: String,
    pub(crate) size: u64,
    /// Images have one.
    pub(crate) manifest_digest: Option<String>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Record {
    format_version: u32,
    file: String,
    sha256: String,
    size: u64,
    manifest_digest: Option<String>,
}

impl Cache {
    /// The cache at `root`, which is made when something is put into it.
    #[must_use]
    pub fn at(root: Utf8PathBuf) -> Self {
        Self { root }
    }

    /// Where the cache is by default: `$HARDWAY_CACHE`, else `$XDG_CACHE_HOME/hardway`, else
    /// `$HOME/.cache/hardway`. Relative paths do not count, as the XDG Base Directory
    /// Specification says of its own variables.
    ///
    /// # Errors
    /// [`Error::NoCacheFolder`] when none of the three is set.
    pub fn locate(variable: impl Fn(&str) -> Option<String>) -> Result<Self, Error> {
        let folder = |name: &str| variable(name).map(Utf8PathBuf::from).filter(|path| path.is_absolute());
        folder("HARDWAY_CACHE")
            .or_else(|| folder("XDG_CACHE_HOME").map(|path| path.join("hardway")))
            .or_else(|| folder("HOME").map(|path| path.join(".cache/hardway")))
            .map(Self::at)
            .ok_or(Error::NoCacheFolder)
    }

    /// The folder that holds the cache.
    #[must_use]
    pub fn root(&self) -> &Utf8Path {
        &self.root
    }

    /// What the cache holds under `key`, if its file has the recorded size.
    ///
    /// The digest is not computed anew: half a gigabyte on every run would cost seconds, and the
    /// machines check what they receive.
    pub(crate) fn get(&self, key: &Key) -> Result<Option<Entry>, Error> {
        self.entry(&self.folder(key))
    }

    fn entry(&self, folder: &Utf8Path) -> Result<Option<Entry>, Error> {
        let path = folder.join(RECORD);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(failed("read", &path, source)),
        };
        let record: Record = serde_json::from_slice(&bytes).map_err(|source| Error::Record { path, source })?;
        let path = folder.join(&record.file);
        let intact = record.format_version == FORMAT_VERSION
            && fs::metadata(&path).is_ok_and(|file| file.is_file() && file.len() == record.size);
        Ok(intact.then_some(Entry {
            path,
            sha256: record.sha256,
            size: record.size,
            manifest_digest: record.manifest_digest,
        }))
    }

    /// Everything that the cache holds, by SHA-256, whatever its key.
    pub(crate) fn by_digest(&self) -> Result<BTreeMap<String, Entry>, Error> {
        let artifacts = self.root.join("artifacts");
        let folders = match fs::read_dir(&artifacts) {
            Ok(folders) => folders,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
            Err(source) => return Err(failed("read", &artifacts, source)),
        };
        let mut held = BTreeMap::new();
        for folder in folders {
            let folder = folder.map_err(|source| failed("read", &artifacts, source))?.file_name();
            let Some(key) = folder.to_str() else { continue };
            if let Some(entry) = self.entry(&artifacts.join(key))? {
                held.insert(entry.sha256.clone(), entry);
            }
        }
        Ok(held)
    }

    /// Becomes the one process that fills the cache, waiting for another to end if need be.
    pub(crate) async fn fill(&self, report: Report<'_>) -> Result<Filling, Error> {
        let work = self.root.join("work");
        fs::create_dir_all(&work).map_err(|source| failed("create", &work, source))?;
        let artifacts = self.root.join("artifacts");
        fs::create_dir_all(&artifacts).map_err(|source| failed("create", &artifacts, source))?;
        let path = self.root.join("lock");
        let open = || File::create(&path).map_err(|source| failed("create", &path, source));
        let file = open()?;
        let lock = match file.try_lock() {
            Ok(()) => file,
            Err(TryLockError::WouldBlock) => {
                report(Progress::Waiting { lock: path.clone() });
                tokio::task::spawn_blocking(move || file.lock().map(|()| file))
                    .await
                    .expect("waiting for a lock does not panic, and nobody aborts it")
                    .map_err(|source| failed("lock", &path, source))?
            }
            Err(TryLockError::Error(source)) => return Err(failed("lock", &path, source)),
        };
        // Nobody else works here while the lock is held, so these are a killed process's leavings.
        for leaving in fs::read_dir(&work).map_err(|source| failed("read", &work, source))? {
            let leaving = leaving.map_err(|source| failed("read", &work, source))?;
            let path = work.join(leaving.file_name().to_string_lossy().as_ref());
            fs::remove_dir_all(&path).map_err(|source| failed("remove", &path, source))?;
        }
        Ok(Filling { cache: self.clone(), work, _lock: lock })
    }

    fn folder(&self, key: &Key) -> Utf8PathBuf {
        self.root.join("artifacts").join(key.as_str())
    }
}

/// The right to put things into the cache, held until it is dropped.
#[derive(Debug)]
pub(crate) struct Filling {
    cache: Cache,
    work: Utf8PathBuf,
    _lock: File,
}

impl Filling {
    /// The cache's folder.
    pub(crate) fn root(&self) -> &Utf8Path {
        &self.cache.root
    }

    /// An empty folder on the cache's file system, removed when it is dropped.
    pub(crate) fn workroom(&self) -> Result<Workroom, Error> {
        let folder = tempfile::Builder::new()
            .tempdir_in(&self.work)
            .map_err(|source| failed("create a folder in", &self.work, source))?;
        let path =
            Utf8PathBuf::try_from(folder.path().to_path_buf()).expect("a random ASCII name below a path in UTF-8");
        Ok(Workroom { path, _folder: folder })
    }

    /// Moves a finished file, which must lie in a [`Workroom`], into the cache.
    pub(crate) fn put(
        &self,
        key: &Key,
        file: &Utf8Path,
        mode: u32,
        manifest_digest: Option<String>,
    ) -> Result<Entry, Error> {
        let identity = digest::of_file(file).map_err(|source| failed("read", file, source))?;
        self.put_digested(key, file, mode, identity, manifest_digest)
    }

    /// [`put`](Self::put) for a file whose SHA-256, in lower-case hexadecimal, and size are known from its writing.
    pub(crate) fn put_digested(
        &self,
        key: &Key,
        file: &Utf8Path,
        mode: u32,
        (sha256, size): (String, u64),
        manifest_digest: Option<String>,
    ) -> Result<Entry, Error> {
        let name = file.file_name().expect("a file in a workroom has a name").to_owned();
        let staged = self.workroom()?;
        let path = staged.path().join(&name);
        fs::set_permissions(file, fs::Permissions::from_mode(mode))
            .and_then(|()| fs::rename(file, &path))
            .and_then(|()| File::open(&path)?.sync_all())
            .map_err(|source| failed("store", file, source))?;
        let record = Record {
            format_version: FORMAT_VERSION,
            file: name.clone(),
            sha256: sha256.clone(),
            size,
            manifest_digest: manifest_digest.clone(),
        };
        let path = staged.path().join(RECORD);
        let text = serde_json::to_vec_pretty(&record).expect("strings and numbers have a JSON form");
        fs::write(&path, text)
            .and_then(|()| File::open(&path)?.sync_all())
            .map_err(|source| failed("write", &path, source))?;

        let folder = self.cache.folder(key);
        // What was found there is not intact, or nobody would be making it again.
        match fs::remove_dir_all(&folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(failed("remove", &folder, error));
            }
            _ => {}
        }
        fs::set_permissions(staged.path(), fs::Permissions::from_mode(0o755))
            .and_then(|()| fs::rename(staged.path(), &folder))
            .map_err(|source| failed("rename to", &folder, source))?;
        Ok(Entry { path: folder.join(name), sha256, size, manifest_digest })
    }
}

/// A folder to make something in.
#[derive(Debug)]
pub(crate) struct Workroom {
    path: Utf8PathBuf,
    _folder: TempDir,
}

impl Workroom {
    pub(crate) fn path(&self) -> &Utf8Path {
        &self.path
    }
}

/// The error of an operation on a file of the cache.
pub(crate) fn failed(operation: &'static str, path: &Utf8Path, source: io::Error) -> Error {
    let path = path.to_owned();
    match source.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Error::DiskFull { path, source },
        _ => Error::Cache { operation, path, source },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fixture {
        cache: Cache,
        _folder: TempDir,
    }

    fn fixture() -> Fixture {
        let folder = tempfile::tempdir().unwrap();
        let root = Utf8PathBuf::try_from(folder.path().join("cache")).unwrap();
        Fixture { cache: Cache::at(root), _folder: folder }
    }

    fn key(text: &str) -> Key {
        Key::of("test").field("text", text).finish()
    }

    async fn put(cache: &Cache, name: &str, text: &str) -> Entry {
        let filling = cache.fill(&|_| {}).await.unwrap();
        let room = filling.workroom().unwrap();
        let file = room.path().join(name);
        fs::write(&file, text).unwrap();
        filling.put(&key(name), &file, 0o755, None).unwrap()
    }

    #[tokio::test]
    async fn what_was_put_is_found_with_its_digest_size_and_mode() {
        let Fixture { cache, _folder } = fixture();
        let put = put(&cache, "abc", "abc").await;
        assert_eq!(put.size, 3);
        assert_eq!(put.sha256, digest::of_bytes(b"abc"));
        let mode = fs::metadata(&put.path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o755);
        assert_eq!(cache.get(&key("abc")).unwrap(), Some(put));
    }

    #[test]
    fn an_empty_cache_has_nothing() {
        let Fixture { cache, _folder } = fixture();
        assert_eq!(cache.get(&key("abc")).unwrap(), None);
    }

    #[tokio::test]
    async fn a_truncated_artifact_is_not_trusted_and_can_be_put_again() {
        let Fixture { cache, _folder } = fixture();
        let entry = put(&cache, "abc", "abc").await;
        fs::write(&entry.path, "ab").unwrap();
        assert_eq!(cache.get(&key("abc")).unwrap(), None);
        put(&cache, "abc", "abc").await;
        assert_eq!(cache.get(&key("abc")).unwrap(), Some(entry));
    }

    #[tokio::test]
    async fn work_that_was_cut_off_leaves_nothing_to_be_found() {
        let Fixture { cache, _folder } = fixture();
        let filling = cache.fill(&|_| {}).await.unwrap();
        let room = filling.workroom().unwrap();
        fs::write(room.path().join("abc"), "a").unwrap();
        // A killed process does not run destructors.
        std::mem::forget(room);
        drop(filling);
        assert_eq!(cache.get(&key("abc")).unwrap(), None);
        let _filling = cache.fill(&|_| {}).await.unwrap();
        assert_eq!(fs::read_dir(cache.root().join("work")).unwrap().count(), 0);
    }

    #[tokio::test]
    async fn a_second_one_waits_until_the_first_is_done() {
        let Fixture { cache, _folder } = fixture();
        let first = cache.fill(&|_| {}).await.unwrap();
        let (told, waiting) = tokio::sync::oneshot::channel();
        let second = tokio::spawn({
            let cache = cache.clone();
            let told = std::sync::Mutex::new(Some(told));
            async move {
                let report = |event| {
                    assert!(matches!(event, Progress::Waiting { .. }));
                    told.lock().unwrap().take().unwrap().send(()).unwrap();
                };
                cache.fill(&report).await.map(drop)
            }
        });
        waiting.await.unwrap();
        assert!(!second.is_finished());
        drop(first);
        second.await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn an_artifact_is_found_by_its_digest() {
        let Fixture { cache, _folder } = fixture();
        let find = |bytes| cache.by_digest().unwrap().remove(&digest::of_bytes(bytes));
        assert_eq!(find(b"other".as_slice()), None);
        put(&cache, "one", "one").await;
        let other = put(&cache, "other", "other").await;
        assert_eq!(find(b"other"), Some(other));
        assert_eq!(find(b"a third"), None);
    }

    #[test]
    fn the_folder_follows_the_environment_in_order() {
        let locate = |set: &[(&str, &str)]| {
            Cache::locate(|name| {
                set.iter().find(|(variable, _)| *variable == name).map(|(_, value)| (*value).to_owned())
            })
            .map(|cache| cache.root)
        };
        let home = ("HOME", "/home/ada");
        let xdg = ("XDG_CACHE_HOME", "/var/xdg");
        assert_eq!(locate(&[home, xdg, ("HARDWAY_CACHE", "/big")]).unwrap(), "/big");
        assert_eq!(locate(&[home, xdg]).unwrap(), "/var/xdg/hardway");
        assert_eq!(locate(&[home, ("XDG_CACHE_HOME", "relative")]).unwrap(), "/home/ada/.cache/hardway");
        assert!(matches!(locate(&[]), Err(Error::NoCacheFolder)));
    }
}
