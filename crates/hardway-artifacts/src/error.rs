//! What can go wrong while the parts are obtained.

use std::io;

use camino::Utf8PathBuf;
use oci_client::errors::OciDistributionError;

use crate::bundle::BundleError;
use crate::{ArtifactName, FetchError, HostPackage, ReleaseError};

/// An error of [`Store`](crate::Store) and the sources behind it.
///
/// No variant prints its source: whoever renders the error walks the chain.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("no place for the cache: none of HARDWAY_CACHE, XDG_CACHE_HOME and HOME is an absolute path")]
    NoCacheFolder,

    #[error("cannot {operation} {path}")]
    Cache {
        /// What was tried, as a verb: "create", "read", "rename".
        operation: &'static str,
        path: Utf8PathBuf,
        source: io::Error,
    },

    #[error("the disk with {path} is full; make room there, or set HARDWAY_CACHE to a folder elsewhere")]
    DiskFull { path: Utf8PathBuf, source: io::Error },

    #[error(transparent)]
    Fetch(#[from] FetchError),

    #[error(transparent)]
    Release(#[from] ReleaseError),

    #[error("the record {path} in the cache is not readable; remove its folder to build it again")]
    Record { path: Utf8PathBuf, source: serde_json::Error },

    #[error("{architecture} is not an architecture that hardway builds for (x86_64 and aarch64 are)")]
    Architecture { architecture: &'static str },

    #[error("no artifact is called {name}; there are {}", known.join(", "))]
    UnknownArtifact { name: String, known: Vec<String> },

    #[error("{artifact} was asked of a source that does not have it")]
    NotInSource { artifact: ArtifactName },

    #[error(
        "Go is not installed (no `go` in PATH), and the components are built with it: \
         install Go {needed} or newer from https://go.dev/dl/"
    )]
    GoMissing { needed: String },

    #[error(
        "Go is too old to build {component}: {found} is installed, {needed} or newer is needed: \
         install it from https://go.dev/dl/, or, from Go 1.21 on, let it fetch that by itself with GOTOOLCHAIN=auto"
    )]
    GoTooOld { component: &'static str, found: String, needed: String },

    #[error("Go is set up without a checksum database, which vouches for what is built: run `go env -u GOSUMDB`")]
    ChecksumDatabaseOff,

    #[error("cannot tell which Go is installed: `go env GOVERSION` printed {printed:?}")]
    GoVersionUnreadable { printed: String },

    #[error(
        "packages are missing on this machine: {}; install them with: apt-get install -y {}",
        packages.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "),
        packages.iter().map(|package| package.name).collect::<Vec<_>>().join(" ")
    )]
    HostPackages { packages: Vec<HostPackage> },

    #[error("cannot start {program}")]
    Start { program: &'static str, source: io::Error },

    #[error("cannot read what {program} prints")]
    Output { program: &'static str, source: io::Error },

    #[error("cannot {operation}: {program} ended with {status}{}", tail(output))]
    Program {
        /// What was being done, as a verb phrase: "build kubernetes 1.37.2".
        operation: String,
        program: &'static str,
        status: std::process::ExitStatus,
        /// The last lines that the program printed.
        output: Vec<String>,
    },

    #[error("`go list` did not describe the module {module} in a way that can be read")]
    ModuleDescription { module: &'static str, source: serde_json::Error },

    #[error("the image {image} needs {path}, and none of its packages ({}) has it", packages.join(", "))]
    MissingInPackages { image: &'static str, path: Utf8PathBuf, packages: Vec<String> },

    #[error("{path} in the image {image} is not an ELF file that can be read")]
    Elf { image: &'static str, path: Utf8PathBuf, source: goblin::error::Error },

    #[error("{reference} is not the name of an image in a registry")]
    ImageName { reference: String, source: Box<oci_client::ParseError> },

    #[error(
        "the registries' authority is not a PEM certificate that can be read: look at the spec's artifacts.mirror.authority"
    )]
    RegistryAuthority(#[source] Box<OciDistributionError>),

    #[error("{registry} has no {image}, or not all of it: check that a mirror holds it under that name")]
    ImageMissing { image: String, registry: String, source: Box<OciDistributionError> },

    #[error(
        "{registry} does not give {image} to this user: check the name and the password; some registries say so too \
         of what they do not have"
    )]
    RegistryRefuses { image: String, registry: String, source: Box<OciDistributionError> },

    #[error(
        "the certificate of {registry} is not to be trusted, so {image} was not asked for: check its date, its names, \
         and whether its authority is the system's or the spec's"
    )]
    RegistryCertificate { image: String, registry: String, source: Box<OciDistributionError> },

    #[error("{registry} cannot be reached for {image}: check the network, and HTTPS_PROXY where one is needed")]
    RegistryUnreachable { image: String, registry: String, source: Box<OciDistributionError> },

    #[error("{registry} does not give {image}")]
    Registry { image: String, registry: String, source: Box<OciDistributionError> },

    #[error("{registry} has a manifest of {image} that cannot be read")]
    Manifest { image: String, registry: String, source: serde_json::Error },

    #[error(
        "{registry} sends a manifest of {image} that is not what its digest says: it was changed there, or on the way"
    )]
    ManifestDigest { image: String, registry: String, source: Box<OciDistributionError> },

    #[error("{digest} of {image} is the manifest of several platforms, where that of one was asked for")]
    ManifestOfIndex { image: String, digest: String },

    #[error(
        "{registry} sends {received} bytes of {size} for {digest} of {image}, and not what the digest says: they were \
         changed or lost there, or on the way"
    )]
    BlobDigest { image: String, registry: String, digest: String, received: u64, size: u64 },

    #[error("{registry} calls a part of {image} {digest:?}, which is not a SHA-256 digest")]
    DigestForm { image: String, registry: String, digest: String },

    #[error("{registry} has no {image} for {wanted}, but for {}", found.join(", "))]
    ImagePlatform { image: String, registry: String, wanted: String, found: Vec<String> },

    #[error(
        "cosign finds signatures of {image}, and none by who signs Kubernetes' images: do not use it{}",
        tail(output)
    )]
    Signature { image: String, output: Vec<String> },

    #[error("the image archive {archive} has no file {path}")]
    NotInImage { archive: Utf8PathBuf, path: String },

    #[error("cannot get a file out of the image archive {archive}")]
    ImageArchive { archive: Utf8PathBuf, source: io::Error },

    #[error("the bundle {path} cannot be used")]
    Bundle { path: Utf8PathBuf, source: BundleError },

    #[error(
        "no packages are collected for {os} on {architecture}, only for {} on {}; install them on such machines before",
        known.join(", "), architectures.join(", ")
    )]
    NoPackagesFor {
        /// `ID` and `VERSION_ID` of os-release(5): `debian-12`.
        os: String,
        architecture: String,
        known: Vec<&'static str>,
        architectures: Vec<&'static str>,
    },

    #[error("the package {path} has no field {field}")]
    PackageField { path: Utf8PathBuf, field: &'static str },

    #[error("the bundle {path} was not made")]
    BundleNotMade { path: Utf8PathBuf, source: BundleError },

    #[error("hardway.lock names a mirror, and the spec does not say where it is: set spec.artifacts.mirror")]
    NoMirror,

    #[error(
        "hardway.lock names a bundle, and this machine's cache lacks {} of it: name the file with --bundle",
        missing.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    )]
    BundleNeeded { missing: Vec<ArtifactName> },

    #[error("the work on {artifact} was cut off")]
    CutOff { artifact: ArtifactName },
}

fn tail(output: &[String]) -> String {
    output.iter().map(|line| format!("\n  {line}")).collect()
}
