//! What a [`Store`](crate::Store) tells while it works.

use std::time::Duration;

use camino::Utf8PathBuf;

use crate::{ArtifactName, SourceKind};

/// One event. Events of one call to [`Store::obtain`](crate::Store::obtain) come in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// Where the artifacts come from. Always the first event.
    Source { kind: SourceKind, reason: String },
    /// Another hardway is filling the same cache; this one waits for its lock.
    Waiting { lock: Utf8PathBuf },
    /// A file, a module or the host distribution's packages are being downloaded.
    Downloading { what: String },
    /// So many bytes of a file that is being downloaded are there. Comes about once for every mebibyte.
    Received {
        what: String,
        bytes: u64,
        /// Where the server says how many there will be.
        of: Option<u64>,
    },
    /// A download did not get on, and goes on after `wait`.
    Retrying { reason: String, wait: Duration },
    /// Something has to be made: so many steps, which take so long together as [`Started`](Self::Started)
    /// says of each. Comes before the downloads and the first step.
    Planned { steps: usize, usual: Duration },
    /// A step begins. `index` counts from 1 to `of`.
    Started {
        step: Step,
        index: usize,
        of: usize,
        /// How long the step takes on two cores with nothing compiled before.
        usual: Duration,
    },
    /// The compiler begins with a package. Packages that Go's own build cache holds are not told.
    Compiling { package: String },
    /// The step that was started last is done.
    Finished { step: Step, elapsed: Duration },
    /// Programs are compressed for the way to the machines, once.
    Packing { programs: usize },
    /// A bundle of so many files is being written.
    Bundling { path: Utf8PathBuf, files: usize },
    /// So many files of a bundle are being unpacked into the cache.
    Unpacking { path: Utf8PathBuf, files: usize },
    /// The cache holds it. Comes at the end, once for every artifact that was asked for.
    Held { artifact: ArtifactName },
}

/// A piece of work that takes long enough to be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Compile and link the binaries of one component.
    Build { component: &'static str, version: &'static str },
    /// Assemble the archive of one image.
    Assemble { image: &'static str },
}

impl std::fmt::Display for Step {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Build { component, version } => write!(f, "Build {component} {version}"),
            Self::Assemble { image } => write!(f, "Assemble the image {image}"),
        }
    }
}

/// Where [`Progress`] goes.
pub type Report<'a> = &'a (dyn Fn(Progress) + Send + Sync);
