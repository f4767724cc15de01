//! Upstream's release places on loopback, for tests: an HTTPS server over a folder, which fails when it is told to.
//!
//! It serves `https://127.0.0.1:PORT/HOST/PATH` from the file `HOST/PATH` in its folder, which is what a mirror does.
//! [`Publisher`] fills the folder in each project's own layout.
//!
//! Invariant: it knows nothing of hardway, so that a mistake in hardway's table of layouts is not made here again.

mod authority;
mod fault;
mod publisher;
mod request;
mod serve;
mod server;

pub use authority::{Authority, Validity};
pub use fault::Fault;
pub use publisher::{Program, Publisher};
pub use request::Request;
pub use server::Server;
