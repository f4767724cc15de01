//! Passing failures are tried again.

use std::fmt::Display;

use crate::{Patience, Progress, Report};

/// Does `work` until it succeeds, fails for good, or patience ends.
pub(super) async fn retrying<T, E: Display, W: Future<Output = Result<T, E>>>(
    patience: &Patience,
    report: Report<'_>,
    mut work: impl FnMut() -> W,
    passes: impl Fn(&E) -> bool,
) -> Result<T, E> {
    let mut waits = patience.waits();
    loop {
        let error = match work().await {
            Err(error) if passes(&error) => error,
            ended => return ended,
        };
        let Some(wait) = waits.next() else { return Err(error) };
        report(Progress::Retrying { reason: error.to_string(), wait });
        tokio::time::sleep(wait).await;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    /// What comes of work that fails so often, and how often it was said that it is tried again.
    async fn tried(failures: u32, passes: bool) -> (Result<u32, &'static str>, usize) {
        let patience = Patience { attempts: 3, ..Patience::default() };
        let retries = AtomicUsize::new(0);
        let report = |event| {
            assert!(matches!(event, Progress::Retrying { .. }));
            retries.fetch_add(1, Ordering::SeqCst);
        };
        let mut tries = 0;
        let work = || {
            tries += 1;
            std::future::ready(if tries > failures { Ok(tries) } else { Err("busy") })
        };
        let ended = retrying(&patience, &report, work, |_| passes).await;
        (ended, retries.load(Ordering::SeqCst))
    }

    #[tokio::test(start_paused = true)]
    async fn passing_failures_are_tried_again_until_patience_ends() {
        assert_eq!(tried(0, true).await, (Ok(1), 0));
        assert_eq!(tried(2, true).await, (Ok(3), 2));
        assert_eq!(tried(9, true).await, (Err("busy"), 2));
    }

    #[tokio::test(start_paused = true)]
    async fn other_failures_are_not() {
        assert_eq!(tried(9, false).await, (Err("busy"), 0));
    }
}
