//! The source that has nothing but what a lock names and the cache holds.

use crate::build::BUILDS;
use crate::cache::Cache;
use crate::source::Obtained;
use crate::{
    ArtifactName, Binary, Catalog, Error, HostPackage, Image, Lock, Locked, Progress, Provenance, Report, Selection,
    Source, SourceKind,
};

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
        let mut catalog = Catalog::default();
        let mut missing = Vec::new();
        for artifact in selection.iter() {
            let locked = self.lock.artifacts.get(&artifact.to_string());
            let entry = match locked {
                Some(locked) => cache.find(&locked.sha256)?,
                None => None,
            };
            let (
                Some(Locked { version, architecture, source, origin, verified, reference, manifest, .. }),
                Some(entry),
            ) = (locked.cloned(), entry)
            else {
                missing.push(artifact);
                continue;
            };
            let provenance = Provenance { source, origin, trust: verified };
            match artifact {
                ArtifactName::Binary(name) => {
                    let (path, sha256, size) = (entry.path, entry.sha256, entry.size);
                    let component = component_of(name).to_owned();
                    let name = name.to_owned();
                    let binary =
                        Binary { name: name.clone(), component, version, path, sha256, size, architecture, provenance };
                    catalog.binaries.insert(name, binary);
                }
                ArtifactName::Image(name) => {
                    let (path, sha256, size) = (entry.path, entry.sha256, entry.size);
                    let (Some(reference), Some(manifest_digest)) = (reference, manifest) else {
                        missing.push(artifact);
                        continue;
                    };
                    let name = name.to_owned();
                    let image = Image {
                        name: name.clone(),
                        reference,
                        version,
                        path,
                        sha256,
                        size,
                        manifest_digest,
                        architecture,
                        provenance,
                    };
                    catalog.images.insert(name, image);
                }
            }
            report(Progress::Held { artifact });
        }
        if missing.is_empty() { Ok(catalog) } else { Err(Error::BundleNeeded { missing }) }
    }
}

/// The component that a program belongs to.
fn component_of(program: &str) -> &str {
    let build = BUILDS.iter().find(|build| build.packages.iter().any(|it| it.installed_as.contains(&program)));
    build.map_or(program, |build| build.component)
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
