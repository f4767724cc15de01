//! Manifests, by tag and by digest.

use std::fmt;

use oci_client::client::{Certificate, CertificateEncoding, ClientConfig};
use oci_client::manifest::{
    IMAGE_MANIFEST_LIST_MEDIA_TYPE, IMAGE_MANIFEST_MEDIA_TYPE, ImageIndexEntry, OCI_IMAGE_INDEX_MEDIA_TYPE,
    OCI_IMAGE_MEDIA_TYPE, OciDescriptor, OciManifest,
};
use oci_client::secrets::RegistryAuth;
use oci_client::{Client, Reference, RegistryOperation};
use secrecy::ExposeSecret;
use serde::Deserialize;

use super::Settings;
use super::failure::{discreet, explain, passes};
use super::place::Place;
use super::retry::retrying;
use crate::{Error, Patience, Report, digest};

const MANIFESTS: &[&str] =
    &[OCI_IMAGE_INDEX_MEDIA_TYPE, OCI_IMAGE_MEDIA_TYPE, IMAGE_MANIFEST_LIST_MEDIA_TYPE, IMAGE_MANIFEST_MEDIA_TYPE];

/// The only operating system that hardway's machines run.
const OS: &str = "linux";

/// Upstream's registries, or their mirror.
pub struct Registry {
    pub(super) client: Client,
    mirror: Option<String>,
    auth: RegistryAuth,
    pub(super) patience: Patience,
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registry").field("mirror", &self.mirror).finish_non_exhaustive()
    }
}

/// What a tag stands for now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved {
    /// Upstream's.
    pub reference: String,
    /// `sha256:…` of the manifest of the platform's image.
    pub digest: String,
    /// `sha256:…` of the index of all platforms, if the tag leads to one.
    pub index: Option<String>,
}

/// A manifest's bytes and what they say.
pub(super) struct Manifest {
    pub(super) bytes: Vec<u8>,
    /// `sha256:…` of the bytes.
    pub(super) digest: String,
    pub(super) says: OciManifest,
}

/// The part of an image's configuration that tells where it runs.
#[derive(Deserialize)]
struct Platform {
    architecture: String,
    os: String,
}

impl Registry {
    /// # Errors
    /// [`Error::RegistryAuthority`] where the PEM text is none.
    pub fn new(settings: Settings) -> Result<Self, Error> {
        let authorities =
            settings.authority.into_iter().map(|pem| Certificate { encoding: CertificateEncoding::Pem, data: pem });
        let config = ClientConfig {
            extra_root_certificates: authorities.collect(),
            connect_timeout: Some(settings.patience.connect),
            read_timeout: Some(settings.patience.silence),
            user_agent: concat!("hardway/", env!("CARGO_PKG_VERSION")),
            ..ClientConfig::default()
        };
        let client = Client::try_from(config).map_err(|source| Error::RegistryAuthority(Box::new(source)))?;
        let auth = match (&settings.mirror, settings.credentials) {
            (Some(_), Some(it)) => RegistryAuth::Basic(it.username, it.password.expose_secret().to_owned()),
            _ => RegistryAuth::Anonymous,
        };
        Ok(Self { client, mirror: settings.mirror, auth, patience: settings.patience })
    }

    /// What a reference's tag stands for on an architecture: `amd64`, `arm64`.
    ///
    /// # Errors
    /// [`Error::ImagePlatform`] where the image does not run there, and the registry's own failures.
    pub async fn resolve(&self, reference: &str, architecture: &str, report: Report<'_>) -> Result<Resolved, Error> {
        let place = self.place(reference)?;
        let manifest = self.manifest(&place, &place.at, report).await?;
        let (digest, index) = match &manifest.says {
            OciManifest::ImageIndex(index) => {
                let entry = choose(&index.manifests, architecture)
                    .ok_or_else(|| wrong_platform(&place, architecture, platforms(&index.manifests)))?;
                (sha256_of(&entry.digest, &place)?.0.to_owned(), Some(manifest.digest))
            }
            // Where there is an index, its word counts: metrics-server's Makefile, for one, corrects there what it
            // leaves wrong in configurations.
            OciManifest::Image(image) => {
                let config = self.small_blob(&place, &image.config, report).await?;
                check_platform(&config, &place, architecture)?;
                (manifest.digest, None)
            }
        };
        Ok(Resolved { reference: reference.to_owned(), digest, index })
    }

    /// Where the image of upstream's reference is asked for.
    pub(crate) fn address(&self, reference: &str) -> String {
        match &self.mirror {
            None => reference.to_owned(),
            Some(mirror) => format!("{}/{reference}", mirror.trim_end_matches('/')),
        }
    }

    pub(crate) fn is_mirror(&self) -> bool {
        self.mirror.is_some()
    }

    pub(super) fn place(&self, reference: &str) -> Result<Place, Error> {
        Place::new(reference, self.mirror.as_deref())
    }

    pub(super) async fn manifest(&self, place: &Place, at: &Reference, report: Report<'_>) -> Result<Manifest, Error> {
        let ask = || async {
            // Every request would get its token by itself, but keep to itself why it got none.
            self.client.auth(at, &self.auth, RegistryOperation::Pull).await.map_err(discreet)?;
            self.client.pull_manifest_raw(at, &self.auth, MANIFESTS).await.map_err(discreet)
        };
        let (bytes, _) = retrying(&self.patience, report, ask, passes).await.map_err(|error| explain(error, place))?;
        let says = serde_json::from_slice(&bytes).map_err(|source| Error::Manifest {
            image: place.image.clone(),
            registry: place.registry.clone(),
            source,
        })?;
        // The client's own digest may be of another kind, if the registry prefers that.
        Ok(Manifest { digest: format!("sha256:{}", digest::of_bytes(&bytes)), bytes: bytes.into(), says })
    }

    async fn small_blob(&self, place: &Place, blob: &OciDescriptor, report: Report<'_>) -> Result<Vec<u8>, Error> {
        let ask = || async {
            let mut bytes = Vec::new();
            self.client.pull_blob(&place.at, blob.digest.as_str(), &mut bytes).await.map_err(discreet)?;
            Ok(bytes)
        };
        retrying(&self.patience, report, ask, passes).await.map_err(|error| explain(error, place))
    }
}

/// The hexadecimal part of a digest, and the digest: what becomes a file's name must be nothing else.
pub(super) fn sha256_of<'a>(digest: &'a str, place: &Place) -> Result<(&'a str, &'a str), Error> {
    let hex = digest.strip_prefix("sha256:").filter(|hex| hex.len() == 64 && hex.bytes().all(is_lower_hex));
    hex.map(|hex| (digest, hex)).ok_or_else(|| Error::DigestForm {
        image: place.image.clone(),
        registry: place.registry.clone(),
        digest: digest.to_owned(),
    })
}

fn is_lower_hex(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'f')
}

/// The image for the platform; of several, the one that asks nothing particular of the processor.
fn choose<'a>(entries: &'a [ImageIndexEntry], architecture: &str) -> Option<&'a ImageIndexEntry> {
    entries
        .iter()
        .filter_map(|entry| Some((entry, entry.platform.as_ref()?)))
        .filter(|(_, it)| it.os.to_string() == OS && it.architecture.to_string() == architecture)
        .min_by_key(|(_, it)| it.variant.is_some())
        .map(|(entry, _)| entry)
}

fn platforms(entries: &[ImageIndexEntry]) -> Vec<String> {
    let platforms = entries.iter().filter_map(|entry| entry.platform.as_ref());
    platforms.map(|it| format!("{}/{}", it.os, it.architecture)).collect()
}

/// # Errors
/// [`Error::ImagePlatform`] where the configuration is for another platform, [`Error::Manifest`] where it is none.
fn check_platform(config: &[u8], place: &Place, architecture: &str) -> Result<(), Error> {
    let found: Platform = serde_json::from_slice(config).map_err(|source| Error::Manifest {
        image: place.image.clone(),
        registry: place.registry.clone(),
        source,
    })?;
    if found.os == OS && found.architecture == architecture {
        return Ok(());
    }
    Err(wrong_platform(place, architecture, vec![format!("{}/{}", found.os, found.architecture)]))
}

fn wrong_platform(place: &Place, architecture: &str, found: Vec<String>) -> Error {
    Error::ImagePlatform {
        image: place.image.clone(),
        registry: place.registry.clone(),
        wanted: format!("{OS}/{architecture}"),
        found,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn entries(platforms: &[(&str, &str, Option<&str>)]) -> Vec<ImageIndexEntry> {
        let entry = |(number, (os, architecture, variant)): (usize, &(&str, &str, Option<&str>))| {
            let mut platform = json!({"os": os, "architecture": architecture});
            if let Some(variant) = variant {
                platform["variant"] = (*variant).into();
            }
            let entry = json!({"mediaType": OCI_IMAGE_MEDIA_TYPE, "digest": number.to_string(), "size": 1, "platform": platform});
            serde_json::from_value(entry).unwrap()
        };
        platforms.iter().enumerate().map(entry).collect()
    }

    #[test]
    fn the_plainest_image_of_a_platform_is_chosen() {
        let entries = entries(&[
            ("windows", "amd64", None),
            ("linux", "amd64", Some("v3")),
            ("linux", "arm64", Some("v8")),
            ("linux", "amd64", None),
            ("unknown", "unknown", None),
        ]);
        let chosen = |architecture| choose(&entries, architecture).map(|entry| entry.digest.as_str());
        assert_eq!(chosen("amd64"), Some("3"));
        assert_eq!(chosen("arm64"), Some("2"));
        assert_eq!(chosen("s390x"), None);
    }

    #[test]
    fn a_digest_that_could_lead_out_of_a_folder_is_refused() {
        let place = Place::new("registry.k8s.io/pause:3.10.2", None).unwrap();
        let good = format!("sha256:{}", "0a".repeat(32));
        assert_eq!(sha256_of(&good, &place).unwrap().1, "0a".repeat(32));
        for bad in ["", "sha256:", "sha256:../../etc/passwd", "sha512:00", &good.to_uppercase(), &good[..70]] {
            assert!(matches!(sha256_of(bad, &place), Err(Error::DigestForm { .. })), "{bad}");
        }
    }
}
