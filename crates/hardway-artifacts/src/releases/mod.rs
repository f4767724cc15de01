//! The source that takes what upstream published, from upstream's own places or from a mirror of them.
//!
//! Invariant: a check is recorded only where it was made, and the best that was made is what is recorded.

mod archive;
mod checksums;
mod error;
mod image_signature;
mod images;
mod locked;
mod obtain;
mod place;
mod shipped;
mod signature;
mod upstream;

use camino::Utf8PathBuf;
use hardway_spec::{Mirror, Trust};

pub use error::ReleaseError;
pub use shipped::ShippedDigests;

use crate::cache::Cache;
use crate::fetch::{Access, Downloader};
use crate::registry::{self, Registry};
use crate::source::Obtained;
use crate::{Architecture, Credentials, Error, HostPackage, Lock, Patience, Report, Selection, Source, SourceKind};
use place::Place;
use upstream::UPSTREAMS;

/// What [`Releases`] are taken with.
#[derive(Debug)]
pub struct ReleaseSettings {
    pub architecture: Architecture,
    /// Where upstream's files are instead of at upstream's.
    pub mirror: Option<Mirror>,
    /// PEM certificates that a server's is checked against, beside the system's.
    pub authority: Option<Vec<u8>>,
    /// For the mirror, and nobody else.
    pub credentials: Option<Credentials>,
    /// What has to vouch for a file that no lock vouches for.
    pub require: Trust,
    /// Digests that were known before.
    pub shipped: ShippedDigests,
    /// The `cosign` program, where it is installed.
    pub cosign: Option<Utf8PathBuf>,
    /// What is already settled: nothing else is taken, and what the cache has of it is taken without any network.
    pub lock: Option<Lock>,
    pub patience: Patience,
}

impl ReleaseSettings {
    /// Upstream's own places, with nothing settled or asked for.
    #[must_use]
    pub fn upstream(architecture: Architecture) -> Self {
        Self {
            architecture,
            mirror: None,
            authority: None,
            credentials: None,
            require: Trust::default(),
            shipped: ShippedDigests::carried(),
            cosign: None,
            lock: None,
            patience: Patience::default(),
        }
    }
}

/// Takes what upstream published.
#[derive(Debug)]
pub struct Releases {
    architecture: Architecture,
    place: Place,
    downloader: Downloader,
    registry: Registry,
    require: Trust,
    shipped: ShippedDigests,
    cosign: Option<Utf8PathBuf>,
    lock: Option<Lock>,
}

impl Releases {
    /// Sets up the source. Connects to nothing.
    ///
    /// # Errors
    /// [`ReleaseError::MirrorAddress`], and what HTTPS cannot be set up with.
    pub fn new(settings: ReleaseSettings) -> Result<Self, Error> {
        let place = match &settings.mirror {
            None => Place::Upstream,
            Some(mirror) => Place::mirror(&mirror.files)?,
        };
        let registry = Registry::new(registry::Settings {
            mirror: settings.mirror.map(|mirror| mirror.images),
            authority: settings.authority.clone(),
            credentials: settings.credentials.clone(),
            patience: settings.patience,
        })?;
        let credentials = match &place {
            Place::Upstream => None,
            Place::Mirror(base) => settings.credentials.map(|credentials| (base.clone(), credentials)),
        };
        let access = Access { authority: settings.authority.as_deref(), credentials, patience: settings.patience };
        Ok(Self {
            architecture: settings.architecture,
            downloader: Downloader::new(access)?,
            registry,
            place,
            require: settings.require,
            shipped: settings.shipped,
            cosign: settings.cosign,
            lock: settings.lock,
        })
    }

    /// Asks the place of Kubernetes' releases once for a small file, to learn whether releases can be had from here.
    ///
    /// # Errors
    /// Why they cannot.
    pub async fn reach(&self) -> Result<(), Error> {
        let kubernetes = &UPSTREAMS[0];
        let file = self.place.of(&kubernetes.url(self.architecture));
        let (url, _) = kubernetes.checksums(&file);
        Ok(self.downloader.probe(&url).await?)
    }
}

impl Source for Releases {
    fn kind(&self) -> SourceKind {
        self.place.kind()
    }

    /// None: what upstream built needs nothing here.
    fn missing_host_packages(&self, _: &Selection, _: &Cache) -> Result<Vec<HostPackage>, Error> {
        Ok(Vec::new())
    }

    fn obtain<'a>(&'a self, selection: &'a Selection, cache: &'a Cache, report: Report<'a>) -> Obtained<'a> {
        Box::pin(self.obtain_all(selection, cache, report))
    }
}
