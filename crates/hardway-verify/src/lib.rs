//! Every check of the hard way, on the live cluster and its machines.
//!
//! Invariant: every check can fail, and none changes the cluster outside a namespace of its own.

mod check;
mod context;
mod etcd;
mod fault;
mod inside;
mod kubeconfig;
mod parts;
mod probe;
mod scene;
mod shell;
mod testbed;
mod tls;
mod token;
mod verify;

pub use check::{Check, Fault, Outcome, Part};
pub use context::{Context, Options};
pub use verify::verify;
