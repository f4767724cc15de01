//! Opening a bundle: only its index and its last member are read.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};
use hardway_spec::versions;

use super::blob::Part;
use super::error::BundleError;
use super::index::{self, Artifact, Index};
use super::layout::{self, BLOCK, Checksums, Place, TAIL};
use super::summary::Summary;
use crate::{ArtifactName, Error, Selection};

/// Of any index: that of a cluster with the packages of ten distributions has less than a tenth of it.
const LARGEST_INDEX: u64 = 16 * 1024 * 1024;

/// A bundle whose index is intact.
#[derive(Debug, Clone)]
pub struct Bundle {
    pub(super) path: Utf8PathBuf,
    pub(super) file: Arc<File>,
    pub(super) index: Index,
    pub(super) checksums: Checksums,
    /// Every member but the last, in order.
    pub(super) places: Vec<Place>,
}

impl Bundle {
    /// Reads what the bundle says of itself. The other members are looked at when they are used, or by
    /// [`verify`](Self::verify).
    ///
    /// # Errors
    /// [`Error::Bundle`] where the file cannot be read, is no bundle, was made by a newer hardway, is cut off, or has a
    /// damaged index.
    pub fn open(path: &Utf8Path) -> Result<Self, Error> {
        let failed = |source| Error::Bundle { path: path.to_owned(), source };
        let file = File::open(path).map_err(|error| failed(BundleError::Read(error)))?;
        let Contents { index, checksums, places } = read(&file).map_err(failed)?;
        Ok(Self { path: path.to_owned(), file: Arc::new(file), index, checksums, places })
    }

    #[must_use]
    pub fn path(&self) -> &Utf8Path {
        &self.path
    }

    /// The Kubernetes version of its cluster, without a leading `v`.
    #[must_use]
    pub fn kubernetes(&self) -> &str {
        &self.index.kubernetes
    }

    /// As Go calls it: `amd64`, `arm64`.
    #[must_use]
    pub fn architecture(&self) -> &str {
        &self.index.architecture
    }

    /// What the bundle says is in it.
    ///
    /// # Errors
    /// [`Error::Bundle`] when the file's size cannot be read.
    pub fn inspect(&self) -> Result<Summary, Error> {
        let size = self.file.metadata().map_err(|error| self.error(BundleError::Read(error)))?.len();
        Ok(Summary::of(&self.path, size, &self.index))
    }

    /// Whether it is for such a cluster.
    ///
    /// # Errors
    /// [`Error::Bundle`] for another architecture or another Kubernetes version.
    pub fn fits(&self, kubernetes: &str, architecture: &str) -> Result<(), Error> {
        let Index { kubernetes: found, architecture: found_architecture, .. } = &self.index;
        if found_architecture != architecture {
            let (found, wanted) = (found_architecture.clone(), architecture.to_owned());
            return Err(self.error(BundleError::Architecture { found, wanted }));
        }
        if found != kubernetes {
            let (found, wanted) = (found.clone(), kubernetes.to_owned());
            return Err(self.error(BundleError::Kubernetes { found, wanted }));
        }
        Ok(())
    }

    /// What of the selection is in the bundle: all of it, in the versions that this hardway installs.
    ///
    /// # Errors
    /// [`Error::Bundle`] naming everything that is not.
    pub(super) fn holds(&self, selection: &Selection) -> Result<BTreeMap<ArtifactName, &Artifact>, Error> {
        let mut held = BTreeMap::new();
        let mut missing = Vec::new();
        for name in selection.iter() {
            match self.index.artifacts.get(&name.to_string()) {
                None => missing.push(name.to_string()),
                Some(artifact) => match other_version(artifact) {
                    Some(wanted) => missing.push(format!("{name} {wanted} (it has {})", artifact.locked.version)),
                    None => {
                        held.insert(name, artifact);
                    }
                },
            }
        }
        if missing.is_empty() { Ok(held) } else { Err(self.error(BundleError::Lacks { missing })) }
    }

    pub(super) fn error(&self, source: BundleError) -> Error {
        Error::Bundle { path: self.path.clone(), source }
    }

    /// Of a member that the index names.
    pub(super) fn place(&self, name: &str) -> &Place {
        self.places.iter().find(|place| place.name == name).expect("the index names its own members")
    }
}

/// The version that a program's component has in the table, where the artifact's is another.
fn other_version(artifact: &Artifact) -> Option<&'static str> {
    let component = artifact.component.as_deref()?;
    let row = versions::TABLE.iter().find(|row| row.component == component)?;
    // Kubernetes' own is asked of the bundle as a whole, since the spec names it.
    (component != "kubernetes" && row.version != artifact.locked.version).then_some(row.version)
}

struct Contents {
    index: Index,
    checksums: Checksums,
    places: Vec<Place>,
}

fn read(file: &File) -> Result<Contents, BundleError> {
    let size = file.metadata().map_err(BundleError::Read)?.len();
    let cut_off = || BundleError::CutOff { found: size };
    let bytes = |position, count| {
        Part::new(file, position, count).bytes().map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => BundleError::CutOff { found: size },
            _ => BundleError::Read(error),
        })
    };
    let damaged = |member: &str| BundleError::Damaged { member: member.to_owned() };

    let head = bytes(0, size.min(BLOCK))?;
    let begin = layout::INDEX.as_bytes();
    if head.len() < BLOCK as usize {
        let common = begin.len().min(head.len());
        return Err(if head[..common] == begin[..common] { cut_off() } else { BundleError::NotABundle });
    }
    if !head.starts_with(begin) {
        return Err(BundleError::NotABundle);
    }
    let length = tar::Header::from_byte_slice(&head).size().map_err(|_| damaged(layout::INDEX))?;
    if length > LARGEST_INDEX || layout::header(layout::INDEX, length) != head[..] {
        return Err(damaged(layout::INDEX));
    }
    let text = bytes(BLOCK, length)?;
    let checksums = match size.checked_sub(TAIL) {
        Some(position) => Checksums::read(&bytes(position, TAIL)?),
        None => None,
    };
    let Some(checksums) = checksums else {
        // Without its end, the index is believed as far as is needed to say what is wrong.
        return Err(match Index::parse(&text) {
            Err(format @ BundleError::Format { .. }) => format,
            Ok(index) if index.places(&text).last().is_some_and(|last| size < last.end() + TAIL) => cut_off(),
            _ => damaged(layout::CHECKSUMS),
        });
    };
    if !index::is_intact(&text, &checksums) {
        return Err(damaged(layout::INDEX));
    }
    let index = Index::parse(&text)?;
    let places = index.places(&text);
    match places.last().map_or(0, Place::end) + TAIL {
        whole if size < whole => Err(cut_off()),
        whole if size > whole => Err(damaged(layout::CHECKSUMS)),
        _ => Ok(Contents { index, checksums, places }),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;
    use crate::digest;

    /// A file with this index and end, and nothing between them.
    fn file(index: &[u8], end: impl FnOnce(String) -> Vec<u8>) -> File {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&layout::header(layout::INDEX, index.len() as u64)).unwrap();
        file.write_all(index).unwrap();
        file.write_all(layout::padding(index.len() as u64)).unwrap();
        file.write_all(&end(digest::of_bytes(index))).unwrap();
        file
    }

    fn known_end(index: String) -> Vec<u8> {
        Checksums { all: index.clone(), index }.tail()
    }

    #[test]
    fn a_newer_format_is_told_from_damage() {
        let newer = br#"{"formatVersion": 2, "contents": []}"#;
        for file in [file(newer, known_end), file(newer, |_| vec![1; 9000])] {
            let found = read(&file).err().unwrap();
            assert!(matches!(found, BundleError::Format { found: 2, known: 1 }), "{found}");
        }
        let damaged = file(newer, |_| known_end("ab".repeat(32)));
        assert!(matches!(read(&damaged).err().unwrap(), BundleError::Damaged { member } if member == layout::INDEX));
    }

    #[test]
    fn an_index_that_cannot_be_is_refused() {
        let nonsense = file(br#"{"formatVersion": 1}"#, known_end);
        assert!(matches!(read(&nonsense).err().unwrap(), BundleError::Index(_)));
        let text = |name: &str, sha256: &str, size: u64| {
            format!(
                r#"{{"formatVersion":1,"createdBy":"x","kubernetes":"1","architecture":"amd64","artifacts":{{}},
                   "packages":[],"sbom":{{"name":"{name}","size":{size},"sha256":"{sha256}"}}}}"#
            )
        };
        let good = "ab".repeat(32);
        for text in [text("../sbom", &good, 1), text(layout::SBOM, "AB", 1), text(layout::SBOM, &good, u64::MAX)] {
            let found = read(&file(text.as_bytes(), known_end)).err().unwrap();
            assert!(matches!(found, BundleError::Inconsistent { .. }), "{found}");
        }
        let short = file(text(layout::SBOM, &good, 1).as_bytes(), known_end);
        assert!(matches!(read(&short).err().unwrap(), BundleError::CutOff { .. }));
    }
}
