//! Where artifacts come from, behind one trait.

use std::fmt;
use std::future::Future;
use std::pin::Pin;

use serde::{Deserialize, Serialize};

use crate::cache::Cache;
use crate::{Catalog, Error, HostPackage, Report, Selection};

/// A future that a source returns: boxed, so that sources can be chosen at run time.
pub type Obtained<'a> = Pin<Box<dyn Future<Output = Result<Catalog, Error>> + Send + 'a>>;

/// One way to get the artifacts.
///
/// A source puts what it gets into the cache and answers from there. Dropping the future cancels
/// the work: its child processes are killed, and nothing half-made stays in the cache.
pub trait Source: Send + Sync {
    fn kind(&self) -> SourceKind;

    /// Packages that obtaining `selection` needs and this machine lacks.
    ///
    /// What the cache holds needs none.
    ///
    /// # Errors
    /// [`Error::Cache`] when the cache cannot be read, and what finding out the source's tools
    /// can fail with.
    fn missing_host_packages(&self, selection: &Selection, cache: &Cache) -> Result<Vec<HostPackage>, Error>;

    /// Gets every artifact of `selection`.
    ///
    /// # Errors
    /// The first thing that fails; what was finished before stays in the cache.
    fn obtain<'a>(&'a self, selection: &'a Selection, cache: &'a Cache, report: Report<'a>) -> Obtained<'a>;
}

/// The sources that there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SourceKind {
    /// What upstream published.
    Releases,
    /// What upstream published, from a place of the operator's.
    Mirror,
    /// Built here from Go modules, each checked against the digests that hardway carries.
    GoModules,
    /// One file that holds everything.
    Bundle,
}

impl fmt::Display for SourceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Releases => "releases",
            Self::Mirror => "mirror",
            Self::GoModules => "Go modules",
            Self::Bundle => "bundle",
        })
    }
}
