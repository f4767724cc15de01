//! The bytes of one member, and of the artifact in it.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::fs::FileExt;

use super::layout::{Place, copy};
use crate::Locked;
use crate::digest::DigestWriter;

/// Reads a part of a file without moving the file's own position, so that many can read one file at once.
pub(super) struct Part<'a> {
    file: &'a File,
    position: u64,
    left: u64,
}

impl<'a> Part<'a> {
    pub(super) fn new(file: &'a File, position: u64, size: u64) -> Self {
        Self { file, position, left: size }
    }

    /// A member's data.
    pub(super) fn of(file: &'a File, place: &Place) -> Self {
        Self::new(file, place.data(), place.size)
    }

    /// All of it.
    ///
    /// # Errors
    /// `UnexpectedEof` where the file ends before.
    pub(super) fn bytes(mut self) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.read_to_end(&mut bytes)?;
        Ok(bytes)
    }
}

impl Read for Part<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let wanted = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        if wanted == 0 {
            return Ok(0);
        }
        let read = self.file.read_at(&mut buffer[..wanted], self.position)?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.position += read as u64;
        self.left -= read as u64;
        Ok(read)
    }
}

/// What bytes are: their SHA-256 in lower-case hexadecimal, and how many.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Identity {
    pub(super) sha256: String,
    pub(super) size: u64,
}

impl Identity {
    /// Of the file that goes to machines.
    pub(super) fn of(locked: &Locked) -> Self {
        Self { sha256: locked.sha256.clone(), size: locked.size }
    }
}

/// Where passing bytes on failed.
pub(super) enum Failure {
    Read(io::Error),
    Write(io::Error),
}

/// Passes bytes on and says what they were.
pub(super) fn pass(from: &mut impl Read, to: impl Write) -> Result<Identity, Failure> {
    let mut to = DigestWriter::new(Told { to, failed: None });
    let copied = copy(from, &mut to);
    let (told, sha256, size) = to.finish();
    match (copied, told.failed) {
        (_, Some(error)) => Err(Failure::Write(error)),
        (Err(error), None) => Err(Failure::Read(error)),
        (Ok(_), None) => Ok(Identity { sha256, size }),
    }
}

/// Unpacks bytes, passes on what comes of them and says what that was. Of more than `size` only one byte more is made.
pub(super) fn unpack(from: impl Read, size: u64, to: impl Write) -> Result<Identity, Failure> {
    let decoder = zstd::Decoder::new(from).map_err(Failure::Read)?;
    pass(&mut decoder.take(size.saturating_add(1)), to)
}

/// Remembers that it was the writing that failed.
struct Told<W> {
    to: W,
    failed: Option<io::Error>,
}

impl<W: Write> Write for Told<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.to.write(bytes).map_err(|error| {
            let kind = error.kind();
            self.failed = Some(error);
            kind.into()
        })
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}
