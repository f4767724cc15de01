//! The door to the artifacts.

use std::collections::BTreeSet;

use camino::Utf8PathBuf;

use crate::cache::Cache;
use crate::{Catalog, Error, GoModules, HostPackage, Progress, Report, Selection, Source, SourceKind, pack};

/// A cache and the source that fills it.
pub struct Store {
    cache: Cache,
    source: Box<dyn Source>,
    reason: &'static str,
}

impl Store {
    /// The user's cache, and the source that `auto` means.
    ///
    /// # Errors
    /// [`Error::NoCacheFolder`] when the environment names no place for the cache.
    pub fn open() -> Result<Self, Error> {
        let cache = Cache::locate(|name| std::env::var(name).ok())?;
        Ok(Self::auto(cache))
    }

    /// The source that `auto` means, with a cache of its own choosing.
    #[must_use]
    pub fn auto(cache: Cache) -> Self {
        Self {
            cache,
            source: Box::new(GoModules),
            reason: "components are built on this machine and checked against pinned digests",
        }
    }

    #[must_use]
    pub fn source(&self) -> SourceKind {
        self.source.kind()
    }

    #[must_use]
    pub fn cache(&self) -> &Cache {
        &self.cache
    }

    /// Packages of this machine's distribution that [`obtain`](Self::obtain) would miss.
    ///
    /// # Errors
    /// [`Error::GoMissing`] and [`Error::GoTooOld`], which no package mends, and
    /// [`Error::Cache`].
    pub fn missing_host_packages(&self, selection: &Selection) -> Result<Vec<HostPackage>, Error> {
        self.source.missing_host_packages(selection, &self.cache)
    }

    /// Gets every artifact of `selection`, from the cache where it can.
    ///
    /// Dropping the future cancels the work: the programs that it has started are killed, and
    /// the cache keeps what was finished and nothing else. The first build of all components
    /// takes about a quarter of an hour on two cores; with all in the cache it takes
    /// milliseconds.
    ///
    /// # Errors
    /// The first thing that fails. [`Error::HostPackages`] before anything long begins.
    pub async fn obtain(&self, selection: &Selection, report: Report<'_>) -> Result<Catalog, Error> {
        report(Progress::Source { kind: self.source(), reason: self.reason });
        let catalog = self.source.obtain(selection, &self.cache, report).await?;
        let unpacked: BTreeSet<Utf8PathBuf> = catalog
            .binaries
            .values()
            .filter(|binary| !binary.packed().is_file())
            .map(|binary| binary.path.clone())
            .collect();
        if !unpacked.is_empty() {
            report(Progress::Packing { programs: unpacked.len() });
            tokio::task::spawn_blocking(move || pack::pack_all(&Vec::from_iter(unpacked)))
                .await
                .expect("packing does not panic, and nobody aborts it")?;
        }
        Ok(catalog)
    }
}
