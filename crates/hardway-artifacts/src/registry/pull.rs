//! A whole image, into an archive.

use std::collections::BTreeSet;
use std::fs;

use camino::{Utf8Path, Utf8PathBuf};
use futures::stream::{self, StreamExt, TryStreamExt};
use oci_client::errors::OciDistributionError;
use oci_client::manifest::{OCI_IMAGE_MEDIA_TYPE, OciDescriptor, OciManifest};
use tempfile::TempDir;
use tokio::io::AsyncWriteExt;

use super::client::{Manifest, Registry, sha256_of};
use super::failure::{digest_fault, discreet, explain, passes};
use super::place::Place;
use super::retry::retrying;
use crate::cache::failed;
use crate::image::layout::{self, Blob, Root};
use crate::{Error, Progress, Report};

/// As containerd does. More do not make one registry faster, and some slow down who asks for more.
const PARALLEL: usize = 3;

/// An image that was pulled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pulled {
    /// An OCI layout in a tar archive, which names the image as upstream does.
    pub archive: Utf8PathBuf,
    /// `sha256:…`
    pub manifest_digest: String,
}

/// Why a blob did not come.
#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error(transparent)]
    Registry(OciDistributionError),
    /// All that can be said at once.
    #[error(transparent)]
    Final(Error),
}

impl Registry {
    /// Pulls the image with the manifest `digest`, `sha256:…`, for an architecture, `amd64` or `arm64`, and writes
    /// its archive into the folder `into`. The same image gives the same bytes. What architecture it is for is
    /// [`resolve`](Self::resolve)'s word.
    ///
    /// Dropping the future cancels the work; nothing but an archive ever stays in the folder.
    ///
    /// # Errors
    /// [`Error::BlobDigest`] and [`Error::ManifestDigest`] where the registry sends something else,
    /// [`Error::Cache`] where the archive cannot be written, and the registry's own failures. Those that pass were tried
    /// again.
    pub async fn pull(
        &self,
        reference: &str,
        digest: &str,
        architecture: &str,
        into: &Utf8Path,
        report: Report<'_>,
    ) -> Result<Pulled, Error> {
        report(Progress::Downloading { what: reference.to_owned() });
        let place = self.place(reference)?;
        let (digest, sha256) = sha256_of(digest, &place)?;
        let manifest = self.manifest(&place, &place.at.clone_with_digest(digest.to_owned()), report).await?;
        let OciManifest::Image(image) = &manifest.says else {
            return Err(Error::ManifestOfIndex { image: place.image, digest: digest.to_owned() });
        };
        let media_type = image.media_type.clone().unwrap_or_else(|| OCI_IMAGE_MEDIA_TYPE.to_owned());

        let room = tempfile::tempdir_in(into).map_err(|source| failed("create a folder in", into, source))?;
        let room_path = Utf8Path::from_path(room.path()).expect("a folder below a UTF-8 path with a name of ASCII");
        // Empty layers come more than once in some images.
        let mut seen = BTreeSet::new();
        let parts = [&image.config].into_iter().chain(&image.layers).filter(|part| seen.insert(&part.digest));
        let blobs: Vec<_> = parts.map(|part| self.blob(&place, part, room_path, report)).collect();
        let paths: Vec<(String, Utf8PathBuf)> = stream::iter(blobs).buffered(PARALLEL).try_collect().await?;

        let archive = into.join(format!("{sha256}.tar"));
        write(place, manifest, media_type, architecture.to_owned(), paths, room, archive.clone()).await?;
        Ok(Pulled { archive, manifest_digest: digest.to_owned() })
    }

    /// A blob as a file in `folder`, with its digest in hexadecimal.
    async fn blob(
        &self,
        place: &Place,
        part: &OciDescriptor,
        folder: &Utf8Path,
        report: Report<'_>,
    ) -> Result<(String, Utf8PathBuf), Error> {
        let (_, sha256) = sha256_of(&part.digest, place)?;
        let path = folder.join(sha256);
        let passing = |fault: &Fault| matches!(fault, Fault::Registry(error) if passes(error));
        let work = || self.stream(place, part, &path);
        match retrying(&self.patience, report, work, passing).await {
            Ok(()) => Ok((sha256.to_owned(), path)),
            Err(Fault::Registry(error)) => Err(explain(error, place)),
            Err(Fault::Final(error)) => Err(error),
        }
    }

    /// The client digests what passes, and its stream ends with an error where that is wrong. The layer's own list of
    /// other places is not asked: they would be no registry's.
    async fn stream(&self, place: &Place, part: &OciDescriptor, path: &Utf8Path) -> Result<(), Fault> {
        let unwritten = |source| Fault::Final(failed("write", path, source));
        let size = u64::try_from(part.size).unwrap_or_default();
        let mut received = 0;
        let wrong = |received| {
            Fault::Final(Error::BlobDigest {
                image: place.image.clone(),
                registry: place.registry.clone(),
                digest: part.digest.clone(),
                received,
                size,
            })
        };
        let refused = |error| Fault::Registry(discreet(error));
        let mut blob = self.client.pull_blob_stream(&place.at, part.digest.as_str()).await.map_err(refused)?;
        let mut file = tokio::fs::File::create(path).await.map_err(unwritten)?;
        while let Some(bytes) = blob.stream.next().await {
            let bytes = match bytes {
                Ok(bytes) => bytes,
                Err(error) if digest_fault(&error).is_some() => return Err(wrong(received)),
                Err(error) => return Err(refused(error.into())),
            };
            received += bytes.len() as u64;
            if received > size {
                return Err(wrong(received));
            }
            file.write_all(&bytes).await.map_err(unwritten)?;
        }
        if received != size {
            return Err(wrong(received));
        }
        file.flush().await.map_err(unwritten)
    }
}

async fn write(
    place: Place,
    manifest: Manifest,
    media_type: String,
    architecture: String,
    paths: Vec<(String, Utf8PathBuf)>,
    room: TempDir,
    archive: Utf8PathBuf,
) -> Result<(), Error> {
    let writing = move || {
        let root = Root {
            reference: &place.image,
            tag: place.tag(),
            architecture: &architecture,
            media_type: &media_type,
            manifest: &manifest.bytes,
        };
        let blobs: Vec<_> = paths.iter().map(|(sha256, path)| Blob::File { sha256, path }).collect();
        // A rename at the end: no half archive is ever where the whole one belongs.
        let unfinished = paths[0].1.with_file_name("archive");
        layout::write(&root, &blobs, &unfinished).map_err(|source| failed("write", &unfinished, source))?;
        fs::rename(&unfinished, &archive).map_err(|source| failed("rename", &unfinished, source))?;
        drop(room);
        Ok(())
    };
    tokio::task::spawn_blocking(writing).await.expect("writing does not panic, and nobody aborts it")
}
