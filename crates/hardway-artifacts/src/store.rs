//! The door to the artifacts.

use std::collections::BTreeMap;

use crate::bundle::Bundle;
use crate::cache::Cache;
use crate::choice::{Choice, choose};
use crate::{Catalog, Error, HostPackage, OsPackages, Progress, Report, Selection, Source, SourceKind, Supply, pack};

/// A cache and the source that fills it.
pub struct Store {
    cache: Cache,
    source: Box<dyn Source>,
    reason: String,
    bundle: Option<Bundle>,
}

impl Store {
    /// The user's cache, and the source that the operator's choices come to.
    ///
    /// # Errors
    /// [`Error::NoCacheFolder`] when the environment names no place for the cache, and what a source cannot be set up
    /// with: a bundle that cannot be used, a mirror that is not named.
    pub async fn open(supply: Supply) -> Result<Self, Error> {
        let cache = Cache::locate(|name| std::env::var(name).ok())?;
        let Choice { source, reason, bundle } = choose(supply).await?;
        Ok(Self { cache, source, reason, bundle })
    }

    #[must_use]
    pub fn source(&self) -> SourceKind {
        self.source.kind()
    }

    #[must_use]
    pub fn cache(&self) -> &Cache {
        &self.cache
    }

    /// What machines install their distribution's packages from, by operating system (`debian-12`): what the bundle
    /// has; `None` where there is none, and machines ask their own mirrors.
    ///
    /// # Errors
    /// What the bundle cannot be read with, and what writing to the cache can fail with.
    pub async fn packages(&self, report: Report<'_>) -> Result<Option<BTreeMap<String, OsPackages>>, Error> {
        let Some(bundle) = &self.bundle else { return Ok(None) };
        let mut packages = BTreeMap::new();
        for os in bundle.inspect()?.packages {
            let unpacked = bundle.packages(&os.os, &os.architecture, &self.cache, report).await?;
            packages.insert(os.os, unpacked);
        }
        Ok(Some(packages))
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
        report(Progress::Source { kind: self.source(), reason: self.reason.clone() });
        let catalog = self.source.obtain(selection, &self.cache, report).await?;
        pack::pack_missing(&catalog, report).await?;
        Ok(catalog)
    }
}
