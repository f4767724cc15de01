//! The source that has nothing but what a lock names and the cache holds.

use crate::build::BUILDS;
use crate::cache::Cache;
use crate::source::Obtained;
use crate::{ArtifactName, Catalog, Error, HostPackage, Lock, Progress, Report, Selection, Source, SourceKind};

/// Stands in for a bundle that was unpacked before and that nobody named this time.
#[derive(Debug)]
pub(crate) struct Held {
    lock: Lock,
}

impl Held {
    pub(crate) fn new(lock: Lock) -> Self {
        Self { lock }
    }

    fn catalog(&self, selection: &Selection, cache: &Cache, report: Report<'_>) -> Result<Catalog, Error> {
        let held = cache.by_digest()?;
        let mut catalog = Catalog::default();
        let mut missing = Vec::new();
        for artifact in selection.iter() {
            let locked = self.lock.artifacts.get(&artifact.to_string());
            let added = locked.is_some_and(|locked| {
                let entry = held.get(&locked.sha256).cloned();
                entry.is_some_and(|entry| {
                    catalog.add_locked(artifact, component_of(artifact), locked, entry, locked.source)
                })
            });
            if added {
                report(Progress::Held { artifact });
            } else {
                missing.push(artifact);
            }
        }
        if missing.is_empty() { Ok(catalog) } else { Err(Error::BundleNeeded { missing }) }
    }
}

/// The component that a program belongs to.
fn component_of(artifact: ArtifactName) -> &'static str {
    let (ArtifactName::Binary(name) | ArtifactName::Image(name)) = artifact;
    let build = BUILDS.iter().find(|build| build.packages.iter().any(|it| it.installed_as.contains(&name)));
    build.map_or(name, |build| build.component)
}

impl Source for Held {
    fn kind(&self) -> SourceKind {
        SourceKind::Bundle
    }

    fn missing_host_packages(&self, _: &Selection, _: &Cache) -> Result<Vec<HostPackage>, Error> {
        Ok(Vec::new())
    }

    fn obtain<'a>(&'a self, selection: &'a Selection, cache: &'a Cache, report: Report<'a>) -> Obtained<'a> {
        Box::pin(async move { self.catalog(selection, cache, report) })
    }
}
