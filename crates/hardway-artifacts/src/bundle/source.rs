//! The source that takes everything from a bundle.

use std::collections::BTreeMap;
use std::fs::{self, File};

use camino::{Utf8Path, Utf8PathBuf};
use rayon::prelude::*;

use super::blob::{Failure, Identity, Part, pass, unpack};
use super::error::BundleError;
use super::index::{Artifact, Member, Packing};
use super::open::Bundle;
use crate::cache::{Cache, Entry, Filling, failed};
use crate::key::Key;
use crate::source::Obtained;
use crate::{
    Architecture, ArtifactName, Catalog, Error, HostPackage, Progress, Report, Selection, Source, SourceKind, pack,
};

/// Takes artifacts from a bundle, and nothing from anywhere else.
#[derive(Debug)]
pub struct BundleSource {
    bundle: Bundle,
}

impl BundleSource {
    /// The source for a cluster with this Kubernetes version, on machines like this one.
    ///
    /// # Errors
    /// [`Error::Bundle`] when the bundle is for another architecture or another Kubernetes version, and
    /// [`Error::Architecture`] when this machine has one that hardway does not know.
    pub fn new(bundle: Bundle, kubernetes: &str) -> Result<Self, Error> {
        bundle.fits(kubernetes, Architecture::host()?.as_str())?;
        Ok(Self { bundle })
    }
}

impl Source for BundleSource {
    fn kind(&self) -> SourceKind {
        SourceKind::Bundle
    }

    fn missing_host_packages(&self, _selection: &Selection, _cache: &Cache) -> Result<Vec<HostPackage>, Error> {
        Ok(Vec::new())
    }

    fn obtain<'a>(&'a self, selection: &'a Selection, cache: &'a Cache, report: Report<'a>) -> Obtained<'a> {
        Box::pin(async move {
            let held = self.bundle.holds(selection)?;
            let wanted: Vec<Wanted> = held.iter().map(|(name, artifact)| Wanted::artifact(*name, artifact)).collect();
            self.bundle.unpack(wanted, cache, report).await?;
            catalog(&held, cache, report)
        })
    }
}

/// A file that the cache should have.
#[derive(Debug, Clone)]
pub(super) struct Wanted {
    pub(super) key: Key,
    /// Its name in the cache.
    pub(super) file: String,
    pub(super) mode: u32,
    pub(super) packing: Packing,
    pub(super) member: Member,
    pub(super) unpacked: Identity,
    pub(super) manifest_digest: Option<String>,
}

impl Wanted {
    fn artifact(name: ArtifactName, artifact: &Artifact) -> Self {
        let (file, mode) = match name {
            ArtifactName::Binary(name) => (name.to_owned(), 0o755),
            ArtifactName::Image(name) => (format!("{name}.tar"), 0o644),
        };
        Self {
            key: key(&artifact.locked.sha256),
            file,
            mode,
            packing: artifact.packing,
            member: artifact.member.clone(),
            unpacked: Identity::of(&artifact.locked),
            manifest_digest: artifact.locked.manifest.clone(),
        }
    }
}

/// What comes of a bundle is known by its digest alone: every bundle with the same file has the same key.
pub(super) fn key(sha256: &str) -> Key {
    Key::of("bundle").field("sha256", sha256).finish()
}

impl Bundle {
    /// Puts files into the cache that it does not have yet: all of them, or none.
    pub(super) async fn unpack(&self, wanted: Vec<Wanted>, cache: &Cache, report: Report<'_>) -> Result<(), Error> {
        if missing(&wanted, cache)?.is_empty() {
            return Ok(());
        }
        let filling = cache.fill(report).await?;
        // Whoever held the lock before may have unpacked the same bundle.
        let missing = missing(&wanted, cache)?;
        if missing.is_empty() {
            return Ok(());
        }
        report(Progress::Unpacking { path: self.path.clone(), files: missing.len() });
        // It is this future's: when that is dropped the folder goes, and the thread finds nowhere to write.
        let room = filling.workroom()?;
        let work = Work { bundle: self.clone(), filling, room: room.path().to_owned() };
        tokio::task::spawn_blocking(move || work.run(&missing))
            .await
            .expect("unpacking does not panic, and nobody aborts it")
    }
}

/// By file, each once: two names may share one.
fn missing(wanted: &[Wanted], cache: &Cache) -> Result<Vec<Wanted>, Error> {
    let mut missing = BTreeMap::new();
    for file in wanted {
        if !missing.contains_key(&file.unpacked) && cache.get(&file.key)?.is_none() {
            missing.insert(file.unpacked.clone(), file.clone());
        }
    }
    Ok(missing.into_values().collect())
}

/// Unpacking, with the cache's lock held.
struct Work {
    bundle: Bundle,
    filling: Filling,
    room: Utf8PathBuf,
}

/// A file in the workroom that is as it should be.
struct Ready {
    plain: Utf8PathBuf,
    /// The same file packed, which the cache keeps beside.
    packed: Option<Utf8PathBuf>,
}

impl Work {
    fn run(&self, wanted: &[Wanted]) -> Result<(), Error> {
        // Nothing is stored before all is known to be good.
        let ready = wanted.par_iter().map(|file| self.make(file)).collect::<Result<Vec<Ready>, Error>>()?;
        wanted.par_iter().zip(ready).try_for_each(|(file, ready)| self.store(file, &ready))
    }

    fn make(&self, wanted: &Wanted) -> Result<Ready, Error> {
        // Files of one name would meet; digests do not.
        let folder = self.room.join(&wanted.unpacked.sha256);
        fs::create_dir(&folder).map_err(|source| failed("create", &folder, source))?;
        let plain = folder.join(&wanted.file);
        match wanted.packing {
            Packing::None => {
                self.copy(wanted, &plain)?;
                Ok(Ready { plain, packed: None })
            }
            Packing::Zstd => {
                let packed = pack::beside(&plain);
                self.copy(wanted, &packed)?;
                let from = File::open(&packed).map_err(|source| failed("read", &packed, source))?;
                match unpack(from, wanted.unpacked.size, create(&plain)?) {
                    Ok(unpacked) if unpacked == wanted.unpacked => Ok(Ready { plain, packed: Some(packed) }),
                    Err(Failure::Write(source)) => Err(failed("write", &plain, source)),
                    // The packed bytes are as they were written, and something else was packed.
                    Ok(_) | Err(Failure::Read(_)) => Err(self.damaged(wanted)),
                }
            }
        }
    }

    /// Writes the member's bytes to a file, and looks at them on the way.
    fn copy(&self, wanted: &Wanted, to: &Utf8Path) -> Result<(), Error> {
        let mut part = Part::of(&self.bundle.file, self.bundle.place(&wanted.member.name));
        match pass(&mut part, create(to)?) {
            Ok(copied) if copied.sha256 == wanted.member.sha256 => Ok(()),
            Ok(_) => Err(self.damaged(wanted)),
            Err(Failure::Read(source)) => Err(self.bundle.error(BundleError::Read(source))),
            Err(Failure::Write(source)) => Err(failed("write", to, source)),
        }
    }

    fn store(&self, wanted: &Wanted, ready: &Ready) -> Result<(), Error> {
        let Identity { sha256, size } = wanted.unpacked.clone();
        let manifest_digest = wanted.manifest_digest.clone();
        let Entry { path, .. } =
            self.filling.put_digested(&wanted.key, &ready.plain, wanted.mode, (sha256, size), manifest_digest)?;
        let Some(packed) = &ready.packed else { return Ok(()) };
        let beside = pack::beside(&path);
        File::open(packed)
            .and_then(|file| file.sync_all())
            .and_then(|()| fs::rename(packed, &beside))
            .map_err(|source| failed("store", &beside, source))
    }

    fn damaged(&self, wanted: &Wanted) -> Error {
        self.bundle.error(BundleError::Damaged { member: wanted.member.name.clone() })
    }
}

fn create(path: &Utf8Path) -> Result<File, Error> {
    File::create_new(path).map_err(|source| failed("create", path, source))
}

fn catalog(held: &BTreeMap<ArtifactName, &Artifact>, cache: &Cache, report: Report<'_>) -> Result<Catalog, Error> {
    let mut catalog = Catalog::default();
    for (artifact, Artifact { component, locked, .. }) in held {
        let cut_off = || Error::CutOff { artifact: *artifact };
        let entry = cache.get(&key(&locked.sha256))?.ok_or_else(cut_off)?;
        let component = component.as_deref().unwrap_or_default();
        if !catalog.add_locked(*artifact, component, locked, entry, SourceKind::Bundle) {
            return Err(cut_off());
        }
        report(Progress::Held { artifact: *artifact });
    }
    Ok(catalog)
}
