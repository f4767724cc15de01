//! What the cluster is: one module per component, each machine's resources and the cluster's objects.
//!
//! Invariant: no I/O, clock, randomness or async. The same inputs give the same design, byte for byte.

mod model;

pub use model::*;
