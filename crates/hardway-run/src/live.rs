//! The live cluster behind [`ClusterApi`].

use std::future::Future;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use hardway_cluster::Live;
use hardway_design::{Await, Drain, Object};
use tokio::time::Instant;

use crate::stage::with_sources;
use crate::{ApiError, ClusterApi};

/// How long an object is offered before it is said that the API does not take it: one that has just come up needs
/// seconds, one behind a load balancer that has not noticed yet a few more.
const APPLY_LIMIT: Duration = Duration::from_secs(10);
/// How long a condition may take: nodes on slow disks import a gigabyte of images meanwhile.
const WAIT_LIMIT: Duration = Duration::from_secs(300);

impl ClusterApi for Live {
    fn apply<'a>(&'a self, object: &'a Object) -> BoxFuture<'a, Result<(), ApiError>> {
        explained(Live::apply(self, object, Instant::now() + APPLY_LIMIT)).boxed()
    }

    fn delete<'a>(&'a self, object: &'a Object) -> BoxFuture<'a, Result<(), ApiError>> {
        explained(Live::delete(self, object)).boxed()
    }

    fn wait<'a>(&'a self, condition: &'a Await) -> BoxFuture<'a, Result<(), ApiError>> {
        explained(Live::wait(self, condition, Instant::now() + WAIT_LIMIT)).boxed()
    }

    fn cordon<'a>(&'a self, node: &'a str) -> BoxFuture<'a, Result<(), ApiError>> {
        explained(Live::cordon(self, node)).boxed()
    }

    fn uncordon<'a>(&'a self, node: &'a str) -> BoxFuture<'a, Result<bool, ApiError>> {
        explained(Live::uncordon(self, node)).boxed()
    }

    fn drain<'a>(&'a self, drain: &'a Drain) -> BoxFuture<'a, Result<(), ApiError>> {
        explained(Live::drain(self, drain)).boxed()
    }
}

async fn explained<T>(call: impl Future<Output = Result<T, hardway_cluster::Error>>) -> Result<T, ApiError> {
    call.await.map_err(|error| ApiError { text: with_sources(&error), may_pass: error.is_passing() })
}
