//! Images out of registries, in upstream's own bytes.
//!
//! The way there is the OCI distribution specification's: a tag leads to a manifest, a manifest to its blobs by their
//! digests.
//!
//! Invariant: what is not what its digest says never gets into an archive, and a mirror's name neither.

mod client;
mod failure;
mod place;
mod pull;
mod retry;
mod settings;

pub use client::{Registry, Resolved};
pub use pull::Pulled;
pub use settings::Settings;

pub use crate::image::extract;
