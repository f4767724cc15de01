//! The live cluster, through its API: apply and observe objects, wait for conditions, ask and check.
//!
//! Every operation is a future that may be dropped at any time: that is how a caller cancels it.
//!
//! Invariant: no discovery. The kinds that the design uses are a table ([`kind`]), so that the first request
//! after kube-apiserver's start is already useful.

mod access;
mod apply;
mod drain;
mod error;
mod event;
#[cfg(test)]
mod fake;
mod foreign;
mod kind;
mod live;
mod metrics;
mod node_settings;
mod nodes;
mod normalise;
mod observe;
mod pod;
mod review;
mod status;
mod wait;

pub use access::{Access, Credentials, install_crypto_provider};
pub use error::{ConnectError, Error};
pub use live::{Live, MANAGER};
pub use metrics::NodeMetrics;
pub use pod::Output;
pub use review::{Attributes, User, Verdict};
pub use status::{HealthCheck, Lease, NodeStatus};
