//! Digests of files, and of bytes on their way into one.

use std::fs::File;
use std::io::{self, Read, Write};

use camino::Utf8Path;
use sha2::{Digest, Sha256};

/// Large enough that reading costs little beside hashing.
const BUFFER: usize = 256 * 1024;

/// The SHA-256 of a file, lower-case hexadecimal, and its size in bytes.
pub(crate) fn of_file(path: &Utf8Path) -> io::Result<(String, u64)> {
    let mut file = File::open(path)?;
    let mut writer = DigestWriter::new(io::sink());
    let mut buffer = vec![0; BUFFER];
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            let (_, sha256, size) = writer.finish();
            return Ok((sha256, size));
        }
        writer.write_all(&buffer[..read])?;
    }
}

/// The SHA-256 of bytes, lower-case hexadecimal.
pub(crate) fn of_bytes(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// Passes bytes on and digests what was accepted.
pub(crate) struct DigestWriter<W> {
    inner: W,
    digest: Sha256,
    size: u64,
}

impl<W: Write> DigestWriter<W> {
    pub(crate) fn new(inner: W) -> Self {
        Self { inner, digest: Sha256::new(), size: 0 }
    }

    /// The SHA-256 of what was accepted so far, in lower-case hexadecimal.
    pub(crate) fn sha256(&self) -> String {
        hex::encode(self.digest.clone().finalize())
    }

    /// The writer below, the SHA-256 in lower-case hexadecimal, and the number of bytes.
    pub(crate) fn finish(self) -> (W, String, u64) {
        (self.inner, hex::encode(self.digest.finalize()), self.size)
    }
}

impl<W: Write> Write for DigestWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.digest.update(&bytes[..written]);
        self.size += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// FIPS 180-2, appendix B.1.
    const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    #[test]
    fn bytes_files_and_writers_agree() {
        let folder = camino_tempfile();
        let path = folder.1.join("abc");
        std::fs::write(&path, "abc").unwrap();
        assert_eq!(of_file(&path).unwrap(), (ABC.to_owned(), 3));
        assert_eq!(of_bytes(b"abc"), ABC);
        let mut writer = DigestWriter::new(Vec::new());
        writer.write_all(b"ab").unwrap();
        writer.write_all(b"c").unwrap();
        assert_eq!(writer.finish(), (b"abc".to_vec(), ABC.to_owned(), 3));
    }

    fn camino_tempfile() -> (tempfile::TempDir, camino::Utf8PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().to_path_buf().try_into().unwrap();
        (folder, path)
    }
}
