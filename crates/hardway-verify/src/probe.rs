//! A check before it ran.

use std::future::Future;

use futures::FutureExt;
use futures::future::BoxFuture;

use crate::fault::Verdict;
use crate::{Outcome, Part};

/// What a check asserts, and the way to find out.
pub(crate) struct Probe<'a> {
    pub(crate) part: Part,
    pub(crate) title: String,
    pub(crate) run: BoxFuture<'a, Outcome>,
}

impl<'a> Probe<'a> {
    pub(crate) fn new(part: Part, title: impl Into<String>, run: impl Future<Output = Verdict> + Send + 'a) -> Self {
        Self::judging(part, title, run.map(Outcome::from))
    }

    /// One that finds out only on the cluster whether it applies.
    pub(crate) fn judging(
        part: Part,
        title: impl Into<String>,
        run: impl Future<Output = Outcome> + Send + 'a,
    ) -> Self {
        Self { part, title: title.into(), run: run.boxed() }
    }

    pub(crate) fn not_applicable(part: Part, title: impl Into<String>, why: impl Into<String>) -> Self {
        let why = why.into();
        Self::judging(part, title, async move { Outcome::NotApplicable { why } })
    }
}

impl From<Verdict> for Outcome {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Ok(()) => Self::Passed,
            Err(fault) => Self::Failed(fault),
        }
    }
}
