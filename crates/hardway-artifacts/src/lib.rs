//! Where the parts come from: versions, sources, images, cache, digests.
//!
//! A [`Store`] takes a [`Selection`] and gives a [`Catalog`]: files in a cache, each with its
//! digest. Where they come from is a [`Source`]'s affair.
//!
//! Invariant: nothing here knows a machine, and nothing is trusted that was half-written.

mod apt;
mod architecture;
mod build;
pub mod bundle;
mod cache;
mod catalog;
mod choice;
mod debian_archive;
mod digest;
mod error;
mod fetch;
mod go_modules;
mod held;
mod host;
mod image;
mod key;
mod lock;
mod name;
mod pack;
mod packages;
mod process;
mod progress;
mod provenance;
mod purpose;
pub mod registry;
mod releases;
mod selection;
mod source;
mod store;
mod supply;
mod toolchain;

pub use architecture::Architecture;
pub use cache::Cache;
pub use catalog::{Binary, Catalog, Image};
pub use debian_archive::{debian_sources, mirror_options};
pub use error::Error;
pub use fetch::{Credentials, FetchError, Patience};
pub use go_modules::GoModules;
pub use host::HostPackage;
pub use lock::{Difference, Lock, LockError, Locked};
pub use name::ArtifactName;
pub use packages::{OsPackage, OsPackages, collect_packages};
pub use progress::{Progress, Report, Step};
pub use provenance::Provenance;
pub use purpose::Purpose;
pub use releases::{ReleaseError, ReleaseSettings, Releases, ShippedDigests};
pub use selection::Selection;
pub use source::{Obtained, Source, SourceKind};
pub use store::Store;
pub use supply::Supply;
