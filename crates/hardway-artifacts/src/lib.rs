//! Where the parts come from: versions, sources, images, cache, digests.
//!
//! A [`Store`] takes a [`Selection`] and gives a [`Catalog`]: files in a cache, each with its
//! digest. Where they come from is a [`Source`]'s affair.
//!
//! Invariant: nothing here knows a machine, and nothing is trusted that was half-written.

mod build;
mod cache;
mod catalog;
mod digest;
mod error;
mod go_modules;
mod host;
mod image;
mod key;
mod name;
mod pack;
mod process;
mod progress;
mod purpose;
mod selection;
mod source;
mod store;
mod toolchain;

pub use cache::Cache;
pub use catalog::{Binary, Catalog, Image};
pub use error::Error;
pub use go_modules::GoModules;
pub use host::HostPackage;
pub use name::ArtifactName;
pub use progress::{Progress, Report, Step};
pub use purpose::Purpose;
pub use selection::Selection;
pub use source::{Obtained, Source, SourceKind};
pub use store::Store;
