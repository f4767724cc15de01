//! Short forms for what a check finds.

use std::error::Error;
use std::future::Future;
use std::time::Duration;

use tokio::time::timeout;

pub(crate) use crate::check::Fault;

/// What a check comes to.
pub(crate) type Verdict<T = ()> = Result<T, Fault>;

impl Fault {
    pub(crate) fn new(found: impl Into<String>, expected: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { found: found.into(), expected: expected.into(), hint: hint.into() }
    }
}

/// Turns errors into what was found, with all their causes.
pub(crate) trait Expecting<T> {
    fn expecting(self, expected: impl Into<String>, hint: impl Into<String>) -> Verdict<T>;
}

impl<T, E: Error> Expecting<T> for Result<T, E> {
    fn expecting(self, expected: impl Into<String>, hint: impl Into<String>) -> Verdict<T> {
        self.map_err(|error| Fault::new(chain(&error), expected, hint))
    }
}

/// Fails with `found` unless `holds`.
pub(crate) fn ensure(
    holds: bool,
    found: impl FnOnce() -> String,
    expected: impl Into<String>,
    hint: impl Into<String>,
) -> Verdict {
    if holds { Ok(()) } else { Err(Fault::new(found(), expected, hint)) }
}

/// Fails when `operation` takes longer than `limit`.
pub(crate) async fn within<T>(
    limit: Duration,
    operation: impl Future<Output = Verdict<T>>,
    expected: &str,
    hint: &str,
) -> Verdict<T> {
    match timeout(limit, operation).await {
        Ok(verdict) => verdict,
        Err(_) => Err(Fault::new(format!("nothing in {} s", limit.as_secs()), expected, hint)),
    }
}

/// An error and its causes in one line, whatever page a proxy in between put into it.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ")
}
