//! What can go wrong while the parts are obtained.

use std::io;

use camino::Utf8PathBuf;

use crate::{ArtifactName, HostPackage};

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

    #[error("the work on {artifact} was cut off")]
    CutOff { artifact: ArtifactName },
}

fn tail(output: &[String]) -> String {
    output.iter().map(|line| format!("\n  {line}")).collect()
}
