//! Plans over whole designs: of clusters as specs describe them, with real certificates.

#![allow(clippy::disallowed_methods, reason = "only the crate itself is pure; its tests look at files")]

mod example;
mod least_disruption;
mod leaving;
mod lint;
mod meaning;
mod members;
mod recovery;
mod roles;
mod rolling;
