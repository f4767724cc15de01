//! A mirror with runc in it, and a cache to put it into.

use std::error::Error as _;
use std::fs;
use std::sync::Mutex;
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use hardway_artifacts::{
    Architecture, Cache, Catalog, Error, Patience, Progress, ReleaseSettings, Releases, Selection, ShippedDigests,
    Source,
};
use hardway_spec::{Mirror, Trust, versions};
use hardway_upstream::{Authority, Publisher, Server, Validity};
use tempfile::TempDir;

/// Waits of milliseconds, and three attempts.
pub const QUICK: Patience = Patience {
    attempts: 3,
    first_wait: Duration::from_millis(1),
    longest_wait: Duration::from_millis(2),
    longest_put_off: Duration::from_secs(60),
    connect: Duration::from_secs(10),
    silence: Duration::from_secs(10),
};

/// Bytes of the program in the mirror: more than one write, and no two halves alike.
pub const SIZE: u64 = 300_000;

pub struct Scene {
    pub server: Server,
    pub authority: Authority,
    pub cache: Cache,
    pub publisher: Publisher,
    /// Where runc is below the mirror.
    pub runc: String,
    pub events: Mutex<Vec<Progress>>,
    folder: TempDir,
}

impl Scene {
    pub async fn new() -> Self {
        Self::with(Validity::Now).await
    }

    pub async fn with(validity: Validity) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("mirror");
        let authority = Authority::new();
        let server = Server::start(&root, &authority, validity).await.unwrap();
        let publisher = Publisher::new(&root, "amd64");
        let program = folder.path().join("program");
        fs::write(&program, noise(SIZE)).unwrap();
        let runc = publisher.runc(versions::RUNC, &program).unwrap();
        let cache = Cache::at(Utf8PathBuf::try_from(folder.path().join("cache")).unwrap());
        Self { server, authority, cache, publisher, runc, events: Mutex::default(), folder }
    }

    pub fn settings(&self) -> ReleaseSettings {
        settings(&self.server.url(), self.authority.pem().into_bytes())
    }

    /// A file of the test's own, outside of the mirror.
    pub fn file(&self, name: &str, content: &[u8]) -> Utf8PathBuf {
        let path = Utf8PathBuf::try_from(self.folder.path().join(name)).unwrap();
        fs::write(&path, content).unwrap();
        path
    }

    pub async fn obtain(&self, settings: ReleaseSettings, names: &[&str]) -> Result<Catalog, Error> {
        let report = |event| self.events.lock().unwrap().push(event);
        let selection = Selection::named(names.iter().copied()).unwrap();
        Releases::new(settings)?.obtain(&selection, &self.cache, &report).await
    }

    pub async fn runc(&self) -> Result<Catalog, Error> {
        self.obtain(self.settings(), &["runc"]).await
    }

    /// The error of obtaining runc, with its causes, after a look at what it has left: nothing.
    pub async fn refused(&self) -> String {
        self.refused_with(self.settings()).await
    }

    pub async fn refused_with(&self, settings: ReleaseSettings) -> String {
        let error = self.obtain(settings, &["runc"]).await.unwrap_err();
        self.nothing_is_stored();
        self.nothing_is_kept();
        chain(&error)
    }

    pub fn nothing_is_stored(&self) {
        nothing_is_stored(self.cache.root());
    }

    /// No unfinished download either.
    pub fn nothing_is_kept(&self) {
        assert_eq!(list(&self.cache.root().join("partial")), [] as [String; 0]);
    }

    /// What the retries waited for, in order.
    pub fn waits(&self) -> Vec<Duration> {
        let events = self.events.lock().unwrap();
        events
            .iter()
            .filter_map(|event| if let Progress::Retrying { wait, .. } = event { Some(*wait) } else { None })
            .collect()
    }

    /// Where each request for runc began.
    pub fn asked_from(&self) -> Vec<Option<u64>> {
        self.server.requests_for(&self.runc).iter().map(hardway_upstream::Request::from).collect()
    }
}

/// For a mirror at `url`, with no digests that are known before: what the tests publish is not upstream's.
pub fn settings(url: &str, authority: Vec<u8>) -> ReleaseSettings {
    let digests: [(&str, &str); 0] = [];
    ReleaseSettings {
        mirror: Some(Mirror { files: url.to_owned(), images: String::new(), authority: None }),
        authority: Some(authority),
        require: Trust::FirstUse,
        shipped: ShippedDigests::of(digests),
        patience: QUICK,
        ..ReleaseSettings::upstream(Architecture::AMD64)
    }
}

/// Bytes without a pattern, the same in every run.
pub fn noise(size: u64) -> Vec<u8> {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    (0..size)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_le_bytes()[3]
        })
        .collect()
}

pub fn nothing_is_stored(cache: &Utf8Path) {
    for folder in ["artifacts", "work"] {
        assert_eq!(list(&cache.join(folder)), [] as [String; 0], "{folder}");
    }
}

/// The names in a folder; none in one that is not there.
pub fn list(folder: &Utf8Path) -> Vec<String> {
    fs::read_dir(folder)
        .map(|entries| entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect())
        .unwrap_or_default()
}

/// An error and its causes, as they are shown.
pub fn chain(error: &Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
