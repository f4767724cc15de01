//! The table of certificates: who has one, what it says, who signs it; to issue, read and judge them.
//!
//! Invariant: no files and no clock. Times come in as arguments, PEM goes in and out.

mod bundle;
mod identity;

pub use bundle::{Bundle, KeyPair, MissingKeyPair};
pub use identity::Identity;
