//! Container images, assembled as OCI archives.

mod archive;
mod assemble;
mod contents;
mod debian;
mod extract;
mod layer;
pub(crate) mod layout;
pub(crate) mod recipe;
mod tree;

pub(crate) use assemble::{Assembly, Inputs};
pub use extract::extract;
pub(crate) use layout::header as tar_header;
