//! One file out of an image archive.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::os::unix::fs::PermissionsExt;

use camino::Utf8Path;
use flate2::bufread::MultiGzDecoder;
use oci_client::manifest::{OciImageIndex, OciImageManifest};
use serde::de::DeserializeOwned;

use super::contents::{Contents, Place};
use super::layout;
use crate::Error;

/// The first bytes of compressed layers: RFC 1952, 2.3.1, and RFC 8878, 3.1.1.
const GZIP: [u8; 2] = [0x1f, 0x8b];
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// Writes one file of the image in `archive` to `into`, which can be run where it could in the image.
///
/// The layers are read from first to last, so that whiteouts and links count as they do where the image runs.
///
/// # Errors
/// [`Error::NotInImage`] where the image has no file there, and [`Error::ImageArchive`] where the archive cannot be
/// read or the file cannot be written.
pub fn extract(archive: &Utf8Path, path_in_image: &str, into: &Utf8Path) -> Result<(), Error> {
    let failed = |source| Error::ImageArchive { archive: archive.to_owned(), source };
    let layers = Layers::open(archive).map_err(failed)?;
    let place = layers.find(path_in_image).map_err(failed)?;
    let place =
        place.ok_or_else(|| Error::NotInImage { archive: archive.to_owned(), path: path_in_image.to_owned() })?;
    layers.copy(place, into).map_err(failed)
}

/// An archive's layers, the lowest first.
struct Layers<'a> {
    archive: &'a Utf8Path,
    layers: Vec<Stretch>,
}

/// A part of a file, in bytes.
#[derive(Debug, Clone, Copy)]
struct Stretch {
    start: u64,
    size: u64,
}

impl<'a> Layers<'a> {
    fn open(archive: &'a Utf8Path) -> io::Result<Self> {
        let mut files = BTreeMap::new();
        for entry in tar::Archive::new(File::open(archive)?).entries_with_seek()? {
            let entry = entry?;
            let path = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
            files.insert(path, Stretch { start: entry.raw_file_position(), size: entry.size() });
        }
        let find = |path: String| {
            files.get(&path).copied().ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, format!("no {path} in it")))
        };
        let blob = |digest: &str| find(layout::path_of(digest.strip_prefix("sha256:").unwrap_or(digest)));
        let index: OciImageIndex = read(archive, find("index.json".to_owned())?)?;
        let image = index.manifests.first().ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "no image in it"))?;
        let manifest: OciImageManifest = read(archive, blob(&image.digest)?)?;
        let layers = manifest.layers.iter().map(|layer| blob(&layer.digest)).collect::<io::Result<_>>()?;
        Ok(Self { archive, layers })
    }

    fn find(&self, path: &str) -> io::Result<Option<Place>> {
        let mut contents = Contents::default();
        for (number, stretch) in self.layers.iter().enumerate() {
            contents.apply(number, unpacked(self.archive, *stretch)?)?;
        }
        contents.file(path)
    }

    fn copy(&self, place: Place, into: &Utf8Path) -> io::Result<()> {
        let mut tar = tar::Archive::new(unpacked(self.archive, self.layers[place.layer])?);
        let mut entry = tar.entries()?.nth(place.entry).expect("the entry was seen in this layer")?;
        io::copy(&mut entry, &mut File::create(into)?)?;
        let runs = entry.header().mode()? & 0o111 != 0;
        fs::set_permissions(into, fs::Permissions::from_mode(if runs { 0o755 } else { 0o644 }))
    }
}

fn read<T: DeserializeOwned>(archive: &Utf8Path, stretch: Stretch) -> io::Result<T> {
    let mut bytes = Vec::new();
    open(archive, stretch)?.read_to_end(&mut bytes)?;
    Ok(serde_json::from_slice(&bytes)?)
}

fn open(archive: &Utf8Path, stretch: Stretch) -> io::Result<impl BufRead + use<>> {
    let mut file = File::open(archive)?;
    file.seek(SeekFrom::Start(stretch.start))?;
    Ok(BufReader::new(file.take(stretch.size)))
}

/// A layer's tar, whatever it is compressed with.
fn unpacked(archive: &Utf8Path, stretch: Stretch) -> io::Result<Box<dyn Read>> {
    let mut packed = open(archive, stretch)?;
    let begin = packed.fill_buf()?;
    Ok(if begin.starts_with(&GZIP) {
        Box::new(MultiGzDecoder::new(packed))
    } else if begin.starts_with(&ZSTD) {
        Box::new(zstd::Decoder::with_buffer(packed)?)
    } else {
        Box::new(packed)
    })
}
