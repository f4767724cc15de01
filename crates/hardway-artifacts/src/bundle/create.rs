//! Making a bundle.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;

use camino::{Utf8Path, Utf8PathBuf};
use rayon::prelude::*;
use serde::Serialize;

use super::blob::{Failure, Identity, pass, unpack};
use super::error::BundleError;
use super::index::{Artifact, FORMAT_VERSION, Index, Member, Packages, Packing};
use super::layout::{self, Checksums};
use super::sbom;
use crate::digest::DigestWriter;
use crate::{Binary, Catalog, Error, Lock, Locked, OsPackages, Progress, Report, pack};

const CREATOR: &str = "hardway";
/// That of all of hardway's crates.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Pieces in which the file is written.
const BUFFER: usize = 1024 * 1024;

/// A bundle that was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Created {
    pub path: Utf8PathBuf,
    /// Bytes.
    pub size: u64,
    /// Of the whole file, lower-case hexadecimal.
    pub sha256: String,
}

/// Writes a bundle of the catalog's artifacts and the packages to `to`, in place of a file that may be there.
///
/// The file appears under its name when it is complete; until then it lies beside, and goes when this fails or its
/// future is dropped. The same artifacts give the same bytes. `report` hears [`Progress::Packing`] where programs have
/// to be packed yet, and [`Progress::Bundling`].
///
/// # Errors
/// [`Error::BundleNotMade`] where an artifact is not as `lock` says or not the file that was obtained, where not all are for
/// one architecture and one Kubernetes version, and where `to` cannot be written, such as on a full disk.
pub async fn create(
    catalog: &Catalog,
    lock: &Lock,
    packages: &[OsPackages],
    to: &Utf8Path,
    report: Report<'_>,
) -> Result<Created, Error> {
    let failed = |source| Error::BundleNotMade { path: to.to_owned(), source };
    let found = Lock::of(catalog);
    let differences = lock.differences(&found);
    if !differences.is_empty() {
        return Err(failed(BundleError::Differs { differences }));
    }
    let architecture =
        one("architecture", found.artifacts.values().map(|locked| &locked.architecture)).map_err(failed)?;
    let kubernetes = catalog.binaries.values().filter(|binary| binary.component == "kubernetes");
    let kubernetes = one("Kubernetes version", kubernetes.map(|binary| &binary.version)).map_err(failed)?;

    // Most often the store did it already.
    pack::pack_missing(catalog, report).await?;
    let contents = Contents::of(catalog, lock, packages);
    report(Progress::Bundling { path: to.to_owned(), files: contents.files.len() });
    let folder = to.parent().filter(|folder| !folder.as_str().is_empty()).unwrap_or(Utf8Path::new("."));
    let partial = tempfile::Builder::new()
        .prefix(".hardway-bundle-")
        // As for any file that is made: the umask takes away what it takes away.
        .permissions(Permissions::from_mode(0o666))
        .tempfile_in(folder)
        .map_err(|error| failed(BundleError::Write(error)))?;
    // The name stays here, to be removed when this future is dropped; the thread has but an open file.
    let file = partial.reopen().map_err(|error| failed(BundleError::Write(error)))?;
    let Identity { sha256, size } = tokio::task::spawn_blocking(move || contents.write(kubernetes, architecture, file))
        .await
        .expect("writing a bundle does not panic, and nobody aborts it")
        .map_err(failed)?;
    partial.persist(to).map_err(|error| failed(BundleError::Write(error.error)))?;
    Ok(Created { path: to.to_owned(), size, sha256 })
}

/// The one value that all have.
fn one<'a>(what: &'static str, values: impl Iterator<Item = &'a String>) -> Result<String, BundleError> {
    let values: BTreeSet<&String> = values.collect();
    let found: Vec<String> = values.into_iter().cloned().collect();
    match found.as_slice() {
        [value] => Ok(value.clone()),
        _ => Err(BundleError::NotOne { what, found }),
    }
}

/// A file that becomes a member.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Input {
    path: Utf8PathBuf,
    packing: Packing,
    /// What comes of unpacking it.
    unpacked: Identity,
}

/// An artifact, and the file that it is in.
struct Content {
    component: Option<String>,
    locked: Locked,
    input: Input,
}

/// Everything that goes into a bundle.
struct Contents {
    artifacts: BTreeMap<String, Content>,
    packages: Vec<(OsPackages, Input)>,
    /// Each once.
    files: BTreeSet<Input>,
}

impl Contents {
    /// The lock holds every artifact of the catalog.
    fn of(catalog: &Catalog, lock: &Lock, packages: &[OsPackages]) -> Self {
        let mut artifacts = BTreeMap::new();
        for (name, locked) in &lock.artifacts {
            let (component, path, packing) = match name.strip_prefix("image/") {
                Some(image) => match catalog.images.get(image) {
                    Some(image) => (None, image.path.clone(), Packing::None),
                    None => continue,
                },
                None => match catalog.binaries.get(name) {
                    Some(binary) => (Some(binary.component.clone()), Binary::packed(binary), Packing::Zstd),
                    None => continue,
                },
            };
            let input = Input { path, packing, unpacked: Identity::of(locked) };
            artifacts.insert(name.clone(), Content { component, locked: locked.clone(), input });
        }
        let mut packages: Vec<(OsPackages, Input)> = packages.iter().cloned().map(with_input).collect();
        packages.sort_by(|(one, _), (other, _)| (&one.os, &one.architecture).cmp(&(&other.os, &other.architecture)));
        let inputs = artifacts.values().map(|content| &content.input);
        let files = inputs.chain(packages.iter().map(|(_, input)| input)).cloned().collect();
        Self { artifacts, packages, files }
    }

    /// Writes the bundle.
    fn write(self, kubernetes: String, architecture: String, file: File) -> Result<Identity, BundleError> {
        let members = self
            .files
            .par_iter()
            .map(|input| Ok((input, measure(input)?)))
            .collect::<Result<BTreeMap<&Input, Member>, BundleError>>()?;
        let mut index = Index {
            format_version: FORMAT_VERSION,
            created_by: format!("{CREATOR} {VERSION}"),
            kubernetes,
            architecture,
            sbom: Member { name: layout::SBOM.to_owned(), size: 0, sha256: String::new() },
            artifacts: self.artifacts.iter().map(|(name, content)| (name.clone(), content.entry(&members))).collect(),
            packages: self.packages.iter().map(|(packages, input)| entry(packages, members[input].clone())).collect(),
        };
        let sbom = sbom::render(&index, CREATOR, VERSION);
        index.sbom.size = sbom.len() as u64;
        index.sbom.sha256 = crate::digest::of_bytes(&sbom);
        index.check()?;

        let paths: BTreeMap<&str, &Utf8Path> =
            members.iter().map(|(input, member)| (member.name.as_str(), input.path.as_path())).collect();
        let text = index.render();
        let mut out = DigestWriter::new(io::BufWriter::with_capacity(BUFFER, file));
        for place in index.places(&text) {
            out.write_all(&layout::header(&place.name, place.size)).map_err(BundleError::Write)?;
            match place.name.as_str() {
                layout::INDEX => out.write_all(&text).map_err(BundleError::Write)?,
                layout::SBOM => out.write_all(&sbom).map_err(BundleError::Write)?,
                name => {
                    let path = paths[name];
                    let mut input = File::open(path).map_err(|error| unreadable(path, error))?;
                    let written = pass(&mut input, &mut out).map_err(|failure| at(path, failure))?;
                    if written.sha256 != place.sha256 {
                        return Err(BundleError::Changed { path: path.to_owned() });
                    }
                }
            }
            out.write_all(layout::padding(place.size)).map_err(BundleError::Write)?;
        }
        let tail = Checksums { index: crate::digest::of_bytes(&text), all: out.sha256() }.tail();
        out.write_all(&tail).map_err(BundleError::Write)?;
        let (out, sha256, size) = out.finish();
        let file = out.into_inner().map_err(|error| BundleError::Write(error.into_error()))?;
        file.sync_all().map_err(BundleError::Write)?;
        Ok(Identity { sha256, size })
    }
}

fn with_input(packages: OsPackages) -> (OsPackages, Input) {
    let unpacked = Identity { sha256: packages.sha256.clone(), size: packages.size };
    let input = Input { path: packages.archive.clone(), packing: Packing::None, unpacked };
    (packages, input)
}

impl Content {
    fn entry(&self, members: &BTreeMap<&Input, Member>) -> Artifact {
        Artifact {
            component: self.component.clone(),
            locked: self.locked.clone(),
            packing: self.input.packing,
            member: members[&self.input].clone(),
        }
    }
}

fn entry(packages: &OsPackages, member: Member) -> Packages {
    Packages {
        os: packages.os.clone(),
        architecture: packages.architecture.clone(),
        names: packages.names.clone(),
        packages: packages.packages.clone(),
        member,
    }
}

/// The digest of a file, and whether what comes of it is still what was obtained.
fn measure(input: &Input) -> Result<Member, BundleError> {
    let path = &input.path;
    let open = || File::open(path).map_err(|error| unreadable(path, error));
    let packed = pass(&mut open()?, io::sink()).map_err(|failure| at(path, failure))?;
    let same = match input.packing {
        Packing::None => packed == input.unpacked,
        Packing::Zstd => {
            matches!(unpack(open()?, input.unpacked.size, io::sink()), Ok(unpacked) if unpacked == input.unpacked)
        }
    };
    if same { Ok(Member::blob(packed.sha256, packed.size)) } else { Err(BundleError::Changed { path: path.clone() }) }
}

fn unreadable(path: &Utf8Path, source: io::Error) -> BundleError {
    BundleError::ReadInput { path: path.to_owned(), source }
}

fn at(path: &Utf8Path, failure: Failure) -> BundleError {
    match failure {
        Failure::Read(error) => unreadable(path, error),
        Failure::Write(error) => BundleError::Write(error),
    }
}
