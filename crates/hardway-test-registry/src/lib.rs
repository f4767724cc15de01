//! A real registry for one test: Debian's `docker-registry` over TLS, at a loopback port of its own.
//!
//! Invariant: for tests alone, so what goes wrong here is a panic that says so.

mod authority;
mod push;
mod server;
mod token;

pub use server::{Credentials, Door, PREFIX, Setup, TestRegistry};
