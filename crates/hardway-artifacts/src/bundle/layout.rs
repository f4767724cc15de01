//! The bundle's members on the bytes of the file: POSIX ustar, without any of its liberties.

use std::io;

use crate::image::tar_header;

/// Of a tar: headers are one, data is filled up to whole ones.
pub(super) const BLOCK: u64 = 512;

/// Bytes of a member: a header has eleven octal digits for them.
pub(super) const LARGEST: u64 = 0o777_7777_7777;

pub(super) const INDEX: &str = "bundle.json";
pub(super) const SBOM: &str = "sbom.cdx.json";
pub(super) const CHECKSUMS: &str = "checksums";

/// The last member with its one block of text, and the two empty blocks that end a tar.
pub(super) const TAIL: u64 = 4 * BLOCK;

const INDEX_LINE: &str = "  bundle.json\n";
const ALL_LINE: &str = "  all bytes before this member\n";
/// Characters of a SHA-256.
const DIGEST: usize = 64;

/// Where the member with these packed bytes is.
pub(super) fn blob(sha256: &str) -> String {
    format!("blobs/sha256/{sha256}")
}

/// The one header that a member of this name and size can have.
///
/// # Panics
/// When the name has more than 100 bytes; those of bundles have at most 77.
pub(super) fn header(name: &str, size: u64) -> [u8; BLOCK as usize] {
    let mut header = tar_header(size);
    header.set_path(name).expect("members' names are short and relative");
    header.set_entry_type(tar::EntryType::Regular);
    header.set_cksum();
    *header.as_bytes()
}

/// What fills `size` bytes up to whole blocks.
pub(super) fn padding(size: u64) -> &'static [u8] {
    const ZEROS: [u8; BLOCK as usize] = [0; BLOCK as usize];
    &ZEROS[..((BLOCK - size % BLOCK) % BLOCK) as usize]
}

/// Header, data and padding.
pub(super) fn whole(size: u64) -> u64 {
    BLOCK + size + padding(size).len() as u64
}

/// One member's place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) name: String,
    /// Of the header, from the file's begin.
    pub(super) position: u64,
    /// Of the data.
    pub(super) size: u64,
    /// Of the data, lower-case hexadecimal.
    pub(super) sha256: String,
}

impl Place {
    /// Of the data, from the file's begin.
    pub(super) fn data(&self) -> u64 {
        self.position + BLOCK
    }

    /// Of the next member.
    pub(super) fn end(&self) -> u64 {
        self.position + whole(self.size)
    }
}

/// What the last member says, lower-case hexadecimal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Checksums {
    /// Of `bundle.json`, so that it can be relied on without reading the whole file.
    pub(super) index: String,
    /// Of all bytes before the last member.
    pub(super) all: String,
}

impl Checksums {
    /// The file's last [`TAIL`] bytes.
    pub(super) fn tail(&self) -> Vec<u8> {
        let text = format!("{}{INDEX_LINE}{}{ALL_LINE}", self.index, self.all);
        let mut tail = header(CHECKSUMS, text.len() as u64).to_vec();
        tail.extend(text.bytes());
        tail.resize(TAIL as usize, 0);
        tail
    }

    /// Reads what [`tail`](Self::tail) wrote; None where a single bit of it is otherwise.
    pub(super) fn read(tail: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(tail.get(BLOCK as usize..)?).ok()?;
        let (index, rest) = (text.get(..DIGEST)?, text.get(DIGEST + INDEX_LINE.len()..)?);
        let checksums = Self { index: index.to_owned(), all: rest.get(..DIGEST)?.to_owned() };
        (checksums.tail() == tail).then_some(checksums)
    }
}

/// Copies bytes in pieces: large enough to cost little beside hashing and writing, small enough to cost little to make.
pub(super) fn copy(from: &mut impl io::Read, to: &mut impl io::Write) -> io::Result<u64> {
    let mut buffer = vec![0; 64 * 1024];
    let mut copied = 0;
    loop {
        let read = match from.read(&mut buffer) {
            Ok(0) => return Ok(copied),
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        to.write_all(&buffer[..read])?;
        copied += read as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_fill_whole_blocks() {
        for (size, expected) in [(0, 512), (1, 1024), (512, 1024), (513, 1536)] {
            assert_eq!(whole(size), expected, "{size}");
        }
    }

    #[test]
    fn a_header_is_one_that_tar_reads() {
        let bytes = header(&blob(&"ab".repeat(32)), 5);
        let header = tar::Header::from_byte_slice(&bytes);
        assert_eq!(header.path_bytes().len(), 77);
        assert_eq!(header.size().unwrap(), 5);
        assert_eq!(header.mode().unwrap(), 0o644);
    }

    #[test]
    fn the_tail_is_read_as_it_was_written_and_not_otherwise() {
        let checksums = Checksums { index: "ab".repeat(32), all: "cd".repeat(32) };
        let tail = checksums.tail();
        assert_eq!(tail.len() as u64, TAIL);
        assert_eq!(Checksums::read(&tail), Some(checksums.clone()));
        for byte in 0..tail.len() {
            for bit in 0..8 {
                let mut flipped = tail.clone();
                flipped[byte] ^= 1 << bit;
                assert_ne!(Checksums::read(&flipped), Some(checksums.clone()), "bit {bit} of byte {byte}");
            }
        }
        assert_eq!(Checksums::read(&tail[1..]), None);
    }
}
