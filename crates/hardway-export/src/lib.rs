//! The whole hard way as files: what each machine gets, what it is made from, and a runbook to do it all by hand.
//!
//! Invariant: no I/O. A design goes in, files with their bytes come out; the runbook shows no secret.

mod document;
#[cfg(test)]
mod example;
mod export;
mod files;
mod order;
mod origin;
mod reasons;
mod runbook;
mod unit;

pub use export::{ExportedFile, export};
