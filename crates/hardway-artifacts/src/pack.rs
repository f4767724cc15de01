//! Programs packed for the way: the same bytes in a quarter of the size, beside the artifact in the cache.
//!
//! Each is compressed once and sent many times. Machines that cannot unpack it get the program as it is.

use std::collections::BTreeSet;
use std::fs::File;
use std::io;

use camino::{Utf8Path, Utf8PathBuf};
use rayon::prelude::*;

use crate::cache::failed;
use crate::{Catalog, Error, Progress, Report};

/// Of 1 to 22: 96 MB of kube-apiserver take 1.5 s and become 23.6 MB; level 3 needs 0.5 s for 25.3 MB, level 12 needs 6 s
/// for 22.6 MB.
const LEVEL: i32 = 6;

/// Where the packed form of an artifact is.
pub(crate) fn beside(path: &Utf8Path) -> Utf8PathBuf {
    Utf8PathBuf::from(format!("{path}.zst"))
}

/// Packs the catalog's programs that are not packed yet.
pub(crate) async fn pack_missing(catalog: &Catalog, report: Report<'_>) -> Result<(), Error> {
    let unpacked = catalog.binaries.values().filter(|binary| !binary.packed().is_file());
    // Two names may share one file.
    let unpacked: BTreeSet<Utf8PathBuf> = unpacked.map(|binary| binary.path.clone()).collect();
    if unpacked.is_empty() {
        return Ok(());
    }
    report(Progress::Packing { programs: unpacked.len() });
    tokio::task::spawn_blocking(move || pack_all(&Vec::from_iter(unpacked)))
        .await
        .expect("packing does not panic, and nobody aborts it")
}

/// Packs each of `paths`, as many at once as there are processors.
fn pack_all(paths: &[Utf8PathBuf]) -> Result<(), Error> {
    paths.par_iter().try_for_each(|path| pack(path))
}

/// Compresses a file beside itself. Whoever packs the same at once gets the same bytes.
fn pack(path: &Utf8Path) -> Result<(), Error> {
    let packed = beside(path);
    let folder = path.parent().expect("an artifact lies in a folder of the cache");
    let write = || -> io::Result<()> {
        let mut plain = File::open(path)?;
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        let mut encoder = zstd::Encoder::new(&mut file, LEVEL)?;
        encoder.set_pledged_src_size(Some(plain.metadata()?.len()))?;
        encoder.include_checksum(true)?;
        io::copy(&mut plain, &mut encoder)?;
        encoder.finish()?;
        file.as_file().sync_all()?;
        file.persist(&packed)?;
        Ok(())
    };
    write().map_err(|source| failed("pack", &packed, source))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_unpacks_to_the_same_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let folder = Utf8Path::from_path(folder.path()).unwrap();
        let files: Vec<(Utf8PathBuf, Vec<u8>)> =
            (0..5_u8).map(|n| (folder.join(format!("program-{n}")), vec![n; 100_000])).collect();
        for (path, content) in &files {
            std::fs::write(path, content).unwrap();
        }
        let paths: Vec<Utf8PathBuf> = files.iter().map(|(path, _)| path.clone()).collect();
        pack_all(&paths).unwrap();
        for (path, content) in &files {
            let packed = std::fs::read(beside(path)).unwrap();
            assert!(packed.len() < content.len() / 10);
            assert_eq!(&zstd::decode_all(&packed[..]).unwrap(), content);
        }
        assert_eq!(std::fs::read_dir(folder).unwrap().count(), 2 * files.len(), "nothing else is left");
    }

    #[test]
    fn a_program_that_is_not_there_is_named() {
        let error = pack_all(&["/nowhere/etcd".into()]).unwrap_err();
        assert!(error.to_string().contains("/nowhere/etcd.zst"), "{error}");
    }
}
