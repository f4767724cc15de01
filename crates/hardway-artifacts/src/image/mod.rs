//! Container images, assembled as OCI archives.

mod archive;
mod assemble;
mod debian;
mod layer;
pub(crate) mod recipe;
mod tree;

pub(crate) use assemble::{Assembly, Inputs};
pub(crate) use debian::Apt;
