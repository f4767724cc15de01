//! HTTPS downloads: into a file, digested on the way, and taken up again where they were cut.
//!
//! Invariant: https alone, behind redirects too; what is not whole, or not what was expected, is handed to nobody.

mod client;
mod digest;
mod error;
mod failure;
mod partial;
mod patience;
mod transfer;

pub use client::Credentials;
pub use error::FetchError;
pub use patience::Patience;

pub(crate) use client::{Access, Downloader};
pub(crate) use digest::Expected;
pub(crate) use failure::cause;
pub(crate) use partial::Partials;
