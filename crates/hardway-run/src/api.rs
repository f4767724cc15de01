//! What a run asks of the live cluster.

use futures::future::BoxFuture;
use hardway_design::{Await, Drain, Object};

/// Why the live cluster did not do it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct ApiError {
    /// With its whole cause.
    pub text: String,
    /// Whether the same may succeed a moment later: no answer, or one of an API server that starts or is overloaded.
    pub may_pass: bool,
}

/// The live cluster's API, as far as steps need it.
pub trait ClusterApi: Send + Sync {
    fn apply<'a>(&'a self, object: &'a Object) -> BoxFuture<'a, Result<(), ApiError>>;
    fn delete<'a>(&'a self, object: &'a Object) -> BoxFuture<'a, Result<(), ApiError>>;
    fn wait<'a>(&'a self, condition: &'a Await) -> BoxFuture<'a, Result<(), ApiError>>;
    /// Does nothing to a node that takes no pods already.
    fn cordon<'a>(&'a self, node: &'a str) -> BoxFuture<'a, Result<(), ApiError>>;
    /// Does nothing to a node that somebody else cordoned; whether it did anything.
    fn uncordon<'a>(&'a self, node: &'a str) -> BoxFuture<'a, Result<bool, ApiError>>;
    fn drain<'a>(&'a self, drain: &'a Drain) -> BoxFuture<'a, Result<(), ApiError>>;
}
