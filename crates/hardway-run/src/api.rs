//! What a run asks of the live cluster.

use futures::future::BoxFuture;
use hardway_design::{Await, Object};

/// Why the live cluster did not do it, as text with its whole cause.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ApiError(pub String);

/// The live cluster's API, as far as steps need it.
pub trait ClusterApi: Send + Sync {
    fn apply<'a>(&'a self, object: &'a Object) -> BoxFuture<'a, Result<(), ApiError>>;
    fn delete<'a>(&'a self, object: &'a Object) -> BoxFuture<'a, Result<(), ApiError>>;
    fn wait<'a>(&'a self, condition: &'a Await) -> BoxFuture<'a, Result<(), ApiError>>;
}
