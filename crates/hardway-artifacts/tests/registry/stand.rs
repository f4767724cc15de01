//! A registry, and hardway's own side of it.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read;
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use hardway_artifacts::registry::{Pulled, Registry, Settings};
use hardway_artifacts::{Credentials, Error, Patience};
use hardway_test_registry::{Setup, TestRegistry};
use tempfile::TempDir;

pub(crate) const IMAGE: &str = "registry.k8s.io/e2e-test-images/agnhost:2.66.1";

/// A try at once, and another.
pub(crate) const QUICK: Patience = Patience {
    attempts: 3,
    first_wait: Duration::from_millis(1),
    longest_wait: Duration::from_millis(1),
    longest_put_off: Duration::from_secs(1),
    connect: Duration::from_secs(10),
    silence: Duration::from_secs(10),
};

pub(crate) struct Stand {
    pub(crate) registry: TestRegistry,
    folder: TempDir,
}

impl Stand {
    pub(crate) fn new(setup: Setup) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("pulled")).unwrap();
        Self { registry: TestRegistry::start(folder.path(), setup), folder }
    }

    /// Where pulls go.
    pub(crate) fn pulled(&self) -> Utf8PathBuf {
        self.folder.path().join("pulled").try_into().unwrap()
    }

    pub(crate) fn path(&self, name: &str) -> Utf8PathBuf {
        self.folder.path().join(name).try_into().unwrap()
    }

    /// What an operator's spec would say.
    pub(crate) fn settings(&self) -> Settings {
        Settings {
            mirror: Some(self.registry.mirror()),
            authority: Some(self.registry.ca_pem().as_bytes().to_vec()),
            credentials: self
                .registry
                .credentials()
                .map(|it| Credentials { username: it.user.to_owned(), password: it.password.into() }),
            patience: QUICK,
        }
    }

    pub(crate) fn client(&self) -> Registry {
        Registry::new(self.settings()).unwrap()
    }

    pub(crate) async fn pull(&self, digest: &str, architecture: &str) -> Result<Pulled, Error> {
        self.client().pull(IMAGE, digest, architecture, &self.pulled(), &|_| {}).await
    }

    /// Nothing is left of a pull that failed.
    pub(crate) fn assert_nothing_was_kept(&self) {
        assert_eq!(fs::read_dir(self.pulled()).unwrap().count(), 0);
    }
}

/// An archive's files by their paths.
pub(crate) fn files(archive: &Utf8Path) -> BTreeMap<String, Vec<u8>> {
    let mut tar = tar::Archive::new(File::open(archive).unwrap());
    let read = |entry: std::io::Result<tar::Entry<'_, File>>| {
        let mut entry = entry.unwrap();
        let path = entry.path().unwrap().to_str().unwrap().to_owned();
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).unwrap();
        (path, bytes)
    };
    tar.entries().unwrap().map(read).collect()
}

/// An error as people see it, with what caused it.
pub(crate) fn chain(error: &Error) -> String {
    let mut text = error.to_string();
    let mut next = std::error::Error::source(error);
    while let Some(source) = next {
        text.push_str(&format!(": {source}"));
        next = source.source();
    }
    text
}
