//! From a selection to files in the cache.

use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;

use camino::Utf8Path;
use futures::{StreamExt, TryStreamExt, stream};
use hardway_spec::Trust;

use super::archive::unpack;
use super::locked::compare;
use super::signature::{CERTIFICATE, Keyless, SIGNATURE, Signed, verify};
use super::upstream::Upstream;
use super::{ReleaseError, Releases, checksums, images};
use crate::cache::{Cache, Entry, Filling, failed};
use crate::fetch::{Expected, Partials};
use crate::key::Key;
use crate::{Architecture, ArtifactName, Binary, Catalog, Error, Locked, Progress, Provenance, Report, Selection};

/// Upstream's hosts serve a few connections faster than one, and take more amiss.
const SIDE_BY_SIDE: usize = 4;

/// The levels at which a file can be in the cache, the best first.
pub(super) const LEVELS: [Trust; 4] = [Trust::Shipped, Trust::Signature, Trust::Checksum, Trust::FirstUse];

/// Programs that were found, by their names.
type Found = BTreeMap<&'static str, (Entry, Provenance)>;

impl Releases {
    pub(super) async fn obtain_all(
        &self,
        selection: &Selection,
        cache: &Cache,
        report: Report<'_>,
    ) -> Result<Catalog, Error> {
        let wanted = self.wanted(selection)?;
        let mut found = self.locked_in(cache, &wanted)?;
        if found.len() < wanted.len() {
            let filling = Arc::new(cache.fill(report).await?);
            // Whoever held the lock before may have brought the same things.
            found = self.locked_in(cache, &wanted)?;
            let partials = Partials::open(&filling)?;
            let work = Work { releases: self, cache, filling, partials, report };
            let missing =
                by_file(wanted.iter().filter(|(program, _)| !found.contains_key(*program)), self.architecture);
            let files: Vec<_> =
                missing.into_values().map(|(upstream, programs)| work.file(upstream, programs)).collect();
            let mut files = stream::iter(files).buffer_unordered(SIDE_BY_SIDE);
            while let Some(programs) = files.try_next().await? {
                found.extend(programs);
            }
        }
        let mut catalog = self.catalog(wanted, found, report);
        self.add_images(selection, cache, report, &mut catalog).await?;
        Ok(catalog)
    }

    /// The programs of a selection, and the files that hold them. What the lock has must be what is wanted.
    fn wanted(&self, selection: &Selection) -> Result<BTreeMap<&'static str, &'static Upstream>, Error> {
        let mut wanted = BTreeMap::new();
        for artifact in selection.iter().filter(|artifact| !images::holds(*artifact)) {
            let upstream = match artifact {
                ArtifactName::Binary(name) => Upstream::of(name).map(|upstream| (name, upstream)),
                ArtifactName::Image(_) => None,
            };
            let (name, upstream) = upstream.ok_or(Error::NotInSource { artifact })?;
            if let Some(locked) = self.locked(name) {
                self.check_locked(artifact, locked, &locked.version, upstream.version)?;
            }
            wanted.insert(name, upstream);
        }
        Ok(wanted)
    }

    fn locked(&self, program: &str) -> Option<&Locked> {
        self.lock.as_ref()?.artifacts.get(program)
    }

    /// What the lock settles and the cache has.
    fn locked_in(&self, cache: &Cache, wanted: &BTreeMap<&'static str, &'static Upstream>) -> Result<Found, Error> {
        let mut found = Found::new();
        if self.lock.is_none() {
            return Ok(found);
        }
        let held = cache.by_digest()?;
        for program in wanted.keys().copied() {
            let Some(locked) = self.locked(program) else { continue };
            if let Some(entry) = held.get(&locked.sha256).cloned() {
                let Locked { source, origin, verified, .. } = locked.clone();
                found.insert(program, (entry, Provenance { source, origin, trust: verified }));
            }
        }
        Ok(found)
    }

    fn catalog(
        &self,
        wanted: BTreeMap<&'static str, &'static Upstream>,
        mut found: Found,
        report: Report<'_>,
    ) -> Catalog {
        let mut catalog = Catalog::default();
        for (name, upstream) in wanted {
            let (entry, provenance) = found.remove(name).expect("each file gives every program that was asked of it");
            let binary = Binary {
                name: name.to_owned(),
                component: upstream.component.to_owned(),
                version: upstream.version.to_owned(),
                path: entry.path,
                sha256: entry.sha256,
                size: entry.size,
                architecture: self.architecture.as_str().to_owned(),
                provenance,
            };
            catalog.binaries.insert(name.to_owned(), binary);
            report(Progress::Held { artifact: ArtifactName::Binary(name) });
        }
        catalog
    }
}

/// Groups programs by the file that holds them, which its address tells apart.
fn by_file<'w>(
    wanted: impl Iterator<Item = (&'w &'static str, &'w &'static Upstream)>,
    architecture: Architecture,
) -> BTreeMap<String, (&'static Upstream, Vec<&'static str>)> {
    let mut files = BTreeMap::new();
    for (program, upstream) in wanted {
        files.entry(upstream.url(architecture)).or_insert_with(|| (*upstream, Vec::new())).1.push(*program);
    }
    files
}

/// Brings files, with the cache's lock held.
struct Work<'a> {
    releases: &'a Releases,
    cache: &'a Cache,
    filling: Arc<Filling>,
    partials: Partials,
    report: Report<'a>,
}

/// What is known of a file before it is there.
struct Claim {
    /// From where it is taken.
    url: String,
    expected: Option<Expected>,
    /// What vouches for `expected`.
    trust: Trust,
}

/// A signature that was downloaded.
struct Signature {
    by: &'static Keyless,
    text: String,
    certificate: String,
}

impl Work<'_> {
    /// Brings `programs` out of one file.
    async fn file(&self, upstream: &'static Upstream, programs: Vec<&'static str>) -> Result<Found, Error> {
        let claim = self.claim(upstream).await?;
        if let Some(found) = self.in_cache(&claim, &programs)? {
            return Ok(found);
        }
        let signature = if claim.trust < Trust::Signature { self.signature(upstream, &claim.url).await? } else { None };
        let trust = if signature.is_some() { Trust::Signature } else { claim.trust };
        self.check_trust(upstream, &claim, &programs, trust)?;

        let room = self.filling.workroom()?;
        let name = claim.url.rsplit('/').next().expect("splitting gives at least one part");
        let file = room.path().join(name);
        let partial = self.partials.of(&claim.url, claim.expected.as_ref());
        self.releases.downloader.download(&claim.url, claim.expected.as_ref(), &partial, &file, self.report).await?;
        if let (Some(signature), Some(cosign)) = (&signature, &self.releases.cosign) {
            signature.verify(cosign, &claim.url, &file).await?;
        }

        let url = claim.url.clone();
        let folder = upstream.archive_folder(self.releases.architecture);
        let into = room.path().join("programs");
        let asked = programs.clone();
        let unpacked = blocking(move || {
            fs::create_dir(&into).map_err(|source| failed("create", &into, source))?;
            match folder {
                Some(folder) => unpack(&file, &url, &folder, &asked, &into),
                None => {
                    let program = asked[0];
                    let target = into.join(program);
                    fs::rename(&file, &target).map_err(|source| failed("rename to", &target, source))?;
                    Ok(BTreeMap::from([(program, target)]))
                }
            }
        })
        .await?;
        let mut found = Found::new();
        // All are compared before the first is stored.
        for (program, path) in &unpacked {
            if let Some(locked) = self.releases.locked(program) {
                compare(ArtifactName::Binary(program), locked, path, &claim.url).await?;
            }
        }
        for (program, path) in unpacked {
            let key = self.key(&claim, program, trust);
            let filling = Arc::clone(&self.filling);
            let entry = blocking(move || filling.put(&key, &path, 0o755, None)).await?;
            found.insert(program, (entry, self.provenance(&claim, trust)));
        }
        Ok(found)
    }

    /// The digest that the file has to have: one that hardway carries, else the one that its checksum file says.
    async fn claim(&self, upstream: &Upstream) -> Result<Claim, Error> {
        let published = upstream.url(self.releases.architecture);
        let url = self.releases.place.of(&published);
        if let Some(digest) = self.releases.shipped.get(&published) {
            return Ok(Claim { url, expected: Some(digest), trust: Trust::Shipped });
        }
        let (list, name) = upstream.checksums(&url);
        let Some(text) = self.releases.downloader.text(&list, self.report).await? else {
            return Ok(Claim { url, expected: None, trust: Trust::FirstUse });
        };
        let digest = checksums::find(&text, name)
            .ok_or_else(|| ReleaseError::NotListed { url: list.clone(), file: name.to_owned() })?;
        Ok(Claim { url, expected: Some(digest), trust: Trust::Checksum })
    }

    /// What the cache has of the file, checked at least as well as is asked for.
    fn in_cache(&self, claim: &Claim, programs: &[&'static str]) -> Result<Option<Found>, Error> {
        for trust in LEVELS.into_iter().filter(|level| *level >= self.releases.require) {
            let mut found = Found::new();
            for program in programs.iter().copied() {
                if let Some(entry) = self.cache.get(&self.key(claim, program, trust))? {
                    found.insert(program, (entry, self.provenance(claim, trust)));
                }
            }
            let as_locked = |(program, (entry, _)): (&&str, &(Entry, Provenance))| {
                self.releases.locked(program).is_none_or(|locked| locked.sha256 == entry.sha256)
            };
            if found.len() == programs.len() && found.iter().all(as_locked) {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// The signature beside a file, where upstream signs it, `cosign` is installed, and the place has it.
    async fn signature(&self, upstream: &Upstream, url: &str) -> Result<Option<Signature>, Error> {
        let (Some(by), Some(_)) = (upstream.signature, &self.releases.cosign) else { return Ok(None) };
        let downloader = &self.releases.downloader;
        let Some(text) = downloader.text(&format!("{url}{SIGNATURE}"), self.report).await? else { return Ok(None) };
        let certificate = downloader.text(&format!("{url}{CERTIFICATE}"), self.report).await?;
        Ok(certificate.map(|certificate| Signature { by, text, certificate }))
    }

    /// Before anything large is downloaded: whether it could be good enough.
    fn check_trust(
        &self,
        upstream: &Upstream,
        claim: &Claim,
        programs: &[&'static str],
        reached: Trust,
    ) -> Result<(), Error> {
        let required = self.releases.require;
        // The lock vouches for what was taken before, whatever vouched for it then.
        if reached >= required || programs.iter().all(|program| self.releases.locked(program).is_some()) {
            return Ok(());
        }
        Err(ReleaseError::TooLittleTrust {
            artifact: programs.join(", "),
            url: claim.url.clone(),
            reached,
            required,
            signed: upstream.signature.is_some(),
        }
        .into())
    }

    /// One entry for each program and each way in which it was vouched for, so that what the cache says was checked.
    fn key(&self, claim: &Claim, program: &str, trust: Trust) -> Key {
        Key::of("release")
            .field("url", &claim.url)
            .field("digest", claim.expected.as_ref().map_or("", Expected::hexadecimal))
            .field("program", program)
            .field("trust", trust.to_string())
            .finish()
    }

    fn provenance(&self, claim: &Claim, trust: Trust) -> Provenance {
        Provenance { source: self.releases.place.kind(), origin: claim.url.clone(), trust }
    }
}

impl Signature {
    async fn verify(&self, cosign: &Utf8Path, url: &str, file: &Utf8Path) -> Result<(), Error> {
        let signature = Utf8Path::new(&format!("{file}{SIGNATURE}")).to_owned();
        let certificate = Utf8Path::new(&format!("{file}{CERTIFICATE}")).to_owned();
        for (path, text) in [(&signature, &self.text), (&certificate, &self.certificate)] {
            fs::write(path, text).map_err(|source| failed("write", path, source))?;
        }
        verify(cosign, &Signed { url, file, signature: &signature, certificate: &certificate }, self.by).await
    }
}

/// Runs what reads and writes large files where it holds nobody up.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    tokio::task::spawn_blocking(work).await.expect("the work does not panic, and nobody aborts it")
}
