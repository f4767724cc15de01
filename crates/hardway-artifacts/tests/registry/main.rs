//! Images out of a real registry.

mod cutting;
mod failures;
mod image;
mod pulls;
mod releases;
mod stand;
