//! Images, and the programs that upstream publishes in an image alone.

use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;

use camino::Utf8PathBuf;
use hardway_spec::Trust;
use hardway_spec::upstream_images::{self, CALICO_CNI, UpstreamImage};

use super::image_signature::{self, Verdict};
use super::locked::compare;
use super::obtain::{LEVELS, blocking};
use super::{ReleaseError, Releases};
use crate::cache::{Cache, Entry, Filling, failed};
use crate::image::extract;
use crate::key::Key;
use crate::{ArtifactName, Binary, Catalog, Error, Image, Locked, Progress, Provenance, Report, Selection};

/// The CNI plugins in [`CALICO_CNI`], by their names on a machine (`cni-plugin/Dockerfile` in Calico's repository).
const CALICO_CNI_PROGRAMS: [(&str, &str); 2] =
    [("calico", "/opt/cni/bin/calico"), ("calico-ipam", "/opt/cni/bin/calico-ipam")];

/// What is wanted of an image.
#[derive(Debug, Clone, Copy)]
struct Wanted {
    artifact: ArtifactName,
    image: &'static UpstreamImage,
    /// The path of the one file that is wanted, or else all of the image is.
    file: Option<&'static str>,
}

/// What was found, and what vouched for it.
type Found = Vec<(Wanted, Entry, Provenance)>;

/// Whether the artifact comes in an image.
pub(super) fn holds(artifact: ArtifactName) -> bool {
    wanted(artifact).is_some()
}

fn wanted(artifact: ArtifactName) -> Option<Wanted> {
    match artifact {
        ArtifactName::Image(name) => upstream_images::find(name).map(|image| Wanted { artifact, image, file: None }),
        ArtifactName::Binary(name) => CALICO_CNI_PROGRAMS
            .iter()
            .find(|(program, _)| *program == name)
            .map(|(_, path)| Wanted { artifact, image: &CALICO_CNI, file: Some(path) }),
    }
}

/// An image by its digests, and what vouches for them.
struct Claim {
    reference: String,
    /// `sha256:…` of the manifest.
    digest: String,
    /// `sha256:…` of what a signature may be for: the index of all platforms where there is one.
    signed: String,
}

impl Releases {
    /// Adds the selection's images, and the programs that come in one, to the catalog.
    pub(super) async fn add_images(
        &self,
        selection: &Selection,
        cache: &Cache,
        report: Report<'_>,
        catalog: &mut Catalog,
    ) -> Result<(), Error> {
        let held = if self.lock.is_some() { cache.by_digest()? } else { BTreeMap::new() };
        let mut missing: BTreeMap<String, Vec<Wanted>> = BTreeMap::new();
        for wanted in selection.iter().filter_map(wanted) {
            match self.locked_image(&wanted)? {
                Some(locked) if let Some(entry) = held.get(&locked.sha256).cloned() => {
                    let Locked { source, origin, verified, .. } = locked.clone();
                    self.add(catalog, &wanted, entry, Provenance { source, origin, trust: verified }, report);
                }
                _ => missing.entry(wanted.image.reference()).or_default().push(wanted),
            }
        }
        if missing.is_empty() {
            return Ok(());
        }
        let filling = Arc::new(cache.fill(report).await?);
        for wanted in missing.into_values() {
            let work = Work { releases: self, cache, filling: filling.clone(), report };
            for (wanted, entry, provenance) in work.image(wanted).await? {
                self.add(catalog, &wanted, entry, provenance, report);
            }
        }
        Ok(())
    }

    /// What the lock has of the artifact, which must be what is wanted.
    fn locked_image(&self, wanted: &Wanted) -> Result<Option<&Locked>, Error> {
        let locked = self.lock.as_ref().and_then(|lock| lock.artifacts.get(&wanted.artifact.to_string()));
        let Some(locked) = locked else { return Ok(None) };
        let (have, want) = match wanted.file {
            None => (locked.reference.as_deref().unwrap_or(&locked.version).to_owned(), wanted.image.reference()),
            Some(_) => (locked.version.clone(), wanted.image.version.to_owned()),
        };
        self.check_locked(wanted.artifact, locked, &have, &want)?;
        Ok(Some(locked))
    }

    fn add(&self, catalog: &mut Catalog, wanted: &Wanted, entry: Entry, provenance: Provenance, report: Report<'_>) {
        let architecture = self.architecture.as_str().to_owned();
        let Entry { path, sha256, size, manifest_digest } = entry;
        match wanted.artifact {
            ArtifactName::Image(name) => {
                let image = Image {
                    name: name.to_owned(),
                    reference: wanted.image.reference(),
                    version: wanted.image.version.to_owned(),
                    path,
                    sha256,
                    size,
                    manifest_digest: manifest_digest.expect("images are stored with their manifest's digest"),
                    architecture,
                    provenance,
                };
                catalog.images.insert(name.to_owned(), image);
            }
            ArtifactName::Binary(name) => {
                let binary = Binary {
                    name: name.to_owned(),
                    component: "calico".to_owned(),
                    version: wanted.image.version.to_owned(),
                    path,
                    sha256,
                    size,
                    architecture,
                    provenance,
                };
                catalog.binaries.insert(name.to_owned(), binary);
            }
        }
        report(Progress::Held { artifact: wanted.artifact });
    }
}

/// Brings images, with the cache's lock held.
struct Work<'a> {
    releases: &'a Releases,
    cache: &'a Cache,
    filling: Arc<Filling>,
    report: Report<'a>,
}

impl Work<'_> {
    /// Brings what is wanted of one image.
    async fn image(&self, wanted: Vec<Wanted>) -> Result<Found, Error> {
        let claim = self.claim(&wanted).await?;
        if let Some(found) = self.in_cache(&claim, &wanted)? {
            return Ok(found);
        }
        let trust = self.trust(&claim).await?;
        self.check_trust(&claim, &wanted, trust)?;

        let room = self.filling.workroom()?;
        let Claim { reference, digest, .. } = &claim;
        let architecture = self.releases.architecture.as_str();
        let pulled = self.releases.registry.pull(reference, digest, architecture, room.path(), self.report).await?;
        let mut found = Found::new();
        for wanted in wanted {
            let key = self.key(&claim, &wanted, trust);
            let entry = match self.cache.get(&key)? {
                // Another artifact is the same image.
                Some(entry) => entry,
                None => {
                    let file = self.file(&wanted, pulled.archive.clone()).await?;
                    if let Some(locked) = self.releases.locked_image(&wanted)? {
                        compare(wanted.artifact, locked, &file, &self.origin(&claim)).await?;
                    }
                    let manifest = wanted.file.is_none().then(|| digest.clone());
                    let mode = if wanted.file.is_some() { 0o755 } else { 0o644 };
                    let filling = self.filling.clone();
                    blocking(move || filling.put(&key, &file, mode, manifest)).await?
                }
            };
            found.push((wanted, entry, self.provenance(&claim, trust)));
        }
        Ok(found)
    }

    /// The file that is wanted, beside the image's archive and under a name that people know.
    async fn file(&self, wanted: &Wanted, archive: Utf8PathBuf) -> Result<Utf8PathBuf, Error> {
        let Wanted { artifact: ArtifactName::Image(name) | ArtifactName::Binary(name), file, .. } = *wanted;
        blocking(move || match file {
            None => {
                let target = archive.with_file_name(format!("{name}.tar"));
                fs::rename(&archive, &target).map_err(|source| failed("rename to", &target, source))?;
                Ok(target)
            }
            Some(path) => {
                let target = archive.with_file_name(name);
                extract(&archive, path, &target)?;
                Ok(target)
            }
        })
        .await
    }

    /// The digest that the lock has, or else the one that the tag stands for now.
    async fn claim(&self, wanted: &[Wanted]) -> Result<Claim, Error> {
        let reference = wanted[0].image.reference();
        for wanted in wanted {
            if let Some(digest) = self.releases.locked_image(wanted)?.and_then(locked_digest) {
                return Ok(Claim { reference, signed: digest.to_owned(), digest: digest.to_owned() });
            }
        }
        let architecture = self.releases.architecture.as_str();
        let resolved = self.releases.registry.resolve(&reference, architecture, self.report).await?;
        Ok(Claim {
            reference,
            signed: resolved.index.unwrap_or_else(|| resolved.digest.clone()),
            digest: resolved.digest,
        })
    }

    /// What the cache has of the image, checked at least as well as is asked for.
    fn in_cache(&self, claim: &Claim, wanted: &[Wanted]) -> Result<Option<Found>, Error> {
        for trust in LEVELS.into_iter().filter(|level| *level >= self.releases.require) {
            let mut found = Found::new();
            for wanted in wanted {
                let locked = self.releases.locked_image(wanted)?;
                if let Some(entry) = self.cache.get(&self.key(claim, wanted, trust))?
                    && locked.is_none_or(|locked| locked.sha256 == entry.sha256)
                {
                    found.push((*wanted, entry, self.provenance(claim, trust)));
                }
            }
            if found.len() == wanted.len() {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// What vouches for the digests, besides the registry's certificate.
    async fn trust(&self, claim: &Claim) -> Result<Trust, Error> {
        match &self.releases.cosign {
            Some(cosign) if !self.releases.registry.is_mirror() => {
                Ok(match image_signature::verify(cosign, &claim.reference, &claim.signed).await? {
                    Verdict::Signed => Trust::Signature,
                    Verdict::Unchecked => Trust::FirstUse,
                })
            }
            _ => Ok(Trust::FirstUse),
        }
    }

    /// Before anything large is downloaded: whether it could be good enough.
    fn check_trust(&self, claim: &Claim, wanted: &[Wanted], reached: Trust) -> Result<(), Error> {
        let required = self.releases.require;
        if reached >= required {
            return Ok(());
        }
        for wanted in wanted {
            // The lock vouches for what was taken before, whatever vouched for it then.
            if self.releases.locked_image(wanted)?.is_none() {
                let signed = image_signature::is_signed(&claim.reference) && !self.releases.registry.is_mirror();
                let (artifact, url) = (wanted.artifact.to_string(), self.origin(claim));
                return Err(ReleaseError::TooLittleTrust { artifact, url, reached, required, signed }.into());
            }
        }
        Ok(())
    }

    /// One entry for each way in which it was vouched for, so that what the cache says was checked.
    fn key(&self, claim: &Claim, wanted: &Wanted, trust: Trust) -> Key {
        Key::of("release-image")
            .field("reference", &claim.reference)
            .field("digest", &claim.digest)
            .field("file", wanted.file.unwrap_or_default())
            .field("trust", trust.to_string())
            .finish()
    }

    fn provenance(&self, claim: &Claim, trust: Trust) -> Provenance {
        Provenance { source: self.releases.place.kind(), origin: self.origin(claim), trust }
    }

    /// From where the image is taken, and which one it is.
    fn origin(&self, claim: &Claim) -> String {
        format!("{}@{}", self.releases.registry.address(&claim.reference), claim.digest)
    }
}

/// The manifest's digest in what the lock has: an image's own, or the one in the origin of a program.
fn locked_digest(locked: &Locked) -> Option<&str> {
    locked.manifest.as_deref().or_else(|| locked.origin.rsplit_once('@').map(|(_, digest)| digest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Purpose;
    use crate::image::recipe::RECIPES;

    #[test]
    fn every_image_of_a_cluster_is_published_somewhere() {
        for recipe in RECIPES.iter().filter(|recipe| recipe.purpose == Purpose::Cluster) {
            assert!(holds(ArtifactName::Image(recipe.name)), "{}", recipe.name);
        }
    }

    #[test]
    fn programs_come_in_an_image_where_upstream_has_no_other_place() {
        assert!(holds(ArtifactName::Binary("calico")) && holds(ArtifactName::Binary("calico-ipam")));
        assert!(!holds(ArtifactName::Binary("kubelet")) && !holds(ArtifactName::Image("kube-apiserver")));
    }
}
