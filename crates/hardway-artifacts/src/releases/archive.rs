//! Takes programs out of upstream's archives.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader};

use camino::{Utf8Path, Utf8PathBuf};
use flate2::bufread::MultiGzDecoder;

use super::ReleaseError;
use crate::Error;
use crate::cache::failed;

const BUFFER: usize = 256 * 1024;

/// Unpacks `programs` from `folder` of an archive into files of their names below `into`. `url` is the archive's, for
/// errors.
///
/// # Errors
/// [`ReleaseError::Archive`], [`ReleaseError::MissingInArchive`], and those of writing.
pub(crate) fn unpack(
    archive: &Utf8Path,
    url: &str,
    folder: &str,
    programs: &[&'static str],
    into: &Utf8Path,
) -> Result<BTreeMap<&'static str, Utf8PathBuf>, Error> {
    let file = File::open(archive).map_err(|source| failed("open", archive, source))?;
    let unreadable = |source| ReleaseError::Archive { url: url.to_owned(), source };
    let mut archive = tar::Archive::new(MultiGzDecoder::new(BufReader::with_capacity(BUFFER, file)));
    let mut wanted: BTreeMap<Utf8PathBuf, &'static str> =
        programs.iter().map(|program| (Utf8Path::new(folder).join(program), *program)).collect();
    let mut unpacked = BTreeMap::new();
    for entry in archive.entries().map_err(unreadable)? {
        let mut entry = entry.map_err(unreadable)?;
        if !entry.header().entry_type().is_file() {
            continue;
        }
        let path = entry.path().map_err(unreadable)?.into_owned();
        let Ok(path) = Utf8PathBuf::try_from(path.strip_prefix(".").unwrap_or(&path).to_path_buf()) else { continue };
        let Some(program) = wanted.remove(&path) else { continue };
        let target = into.join(program);
        copy(&mut entry, &target).map_err(|error| match error {
            Copying::Reading(source) => unreadable(source).into(),
            Copying::Writing(source) => failed("write", &target, source),
        })?;
        unpacked.insert(program, target);
        if wanted.is_empty() {
            return Ok(unpacked);
        }
    }
    let members = wanted.into_keys().map(Utf8PathBuf::into_string).collect();
    Err(ReleaseError::MissingInArchive { url: url.to_owned(), members }.into())
}

/// Which side of a copy has failed: one is the archive's fault, the other the disk's.
enum Copying {
    Reading(io::Error),
    Writing(io::Error),
}

fn copy(from: &mut impl io::Read, to: &Utf8Path) -> Result<(), Copying> {
    let mut file = File::create(to).map_err(Copying::Writing)?;
    let mut buffer = vec![0; BUFFER];
    loop {
        match from.read(&mut buffer).map_err(Copying::Reading)? {
            0 => return Ok(()),
            read => io::Write::write_all(&mut file, &buffer[..read]).map_err(Copying::Writing)?,
        }
    }
}

#[cfg(test)]
mod tests {
    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn archive(folder: &Utf8Path, members: &[(&str, &str)]) -> Utf8PathBuf {
        let path = folder.join("a.tgz");
        let mut builder = tar::Builder::new(GzEncoder::new(File::create(&path).unwrap(), Compression::fast()));
        for (name, content) in members {
            let mut header = tar::Header::new_gnu();
            header.set_size(content.len() as u64);
            header.set_mode(0o755);
            builder.append_data(&mut header, name, content.as_bytes()).unwrap();
        }
        builder.into_inner().unwrap().finish().unwrap();
        path
    }

    #[test]
    fn programs_are_found_with_and_without_a_dot_in_front() {
        let folder = tempfile::tempdir().unwrap();
        let folder = Utf8Path::from_path(folder.path()).unwrap();
        let members = [("./bridge", "one"), ("./deep/tuning", "not this"), ("tuning", "two"), ("README.md", "")];
        let path = archive(folder, &members);
        let unpacked = unpack(&path, "https://a", "", &["bridge", "tuning"], folder).unwrap();
        assert_eq!(std::fs::read_to_string(&unpacked["bridge"]).unwrap(), "one");
        assert_eq!(std::fs::read_to_string(&unpacked["tuning"]).unwrap(), "two");
    }

    #[test]
    fn what_an_archive_lacks_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let folder = Utf8Path::from_path(folder.path()).unwrap();
        let path = archive(folder, &[("bin/ctr", "one")]);
        let error = unpack(&path, "https://a", "bin", &["ctr", "containerd"], folder).unwrap_err();
        assert_eq!(error.to_string(), "the archive https://a does not hold bin/containerd");
        std::fs::write(&path, "no archive").unwrap();
        let error = unpack(&path, "https://a", "bin", &["ctr"], folder).unwrap_err();
        assert!(matches!(error, Error::Release(ReleaseError::Archive { .. })), "{error:?}");
    }
}
