//! How long a download is tried.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};

use super::FetchError;
use super::failure::Failure;
use crate::{Progress, Report};

/// What a server and a network are given.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// Attempts in a row that bring nothing new, until a download is given up. At least one is made.
    pub attempts: usize,
    /// Before the second attempt; doubled before each that follows, with some chance added, so that many machines
    /// do not come back at once.
    pub first_wait: Duration,
    pub longest_wait: Duration,
    /// The longest time that a server may ask for with `Retry-After`.
    pub longest_put_off: Duration,
    /// For name, connection and TLS handshake.
    pub connect: Duration,
    /// How long nothing may arrive.
    pub silence: Duration,
}

impl Default for Patience {
    /// A server that restarts is back within half a minute, and more than two minutes without a sign of life look like
    /// a hang.
    fn default() -> Self {
        Self {
            attempts: 6,
            first_wait: Duration::from_secs(1),
            longest_wait: Duration::from_secs(15),
            longest_put_off: Duration::from_secs(120),
            connect: Duration::from_secs(10),
            silence: Duration::from_secs(30),
        }
    }
}

impl Patience {
    pub(crate) fn waits(&self) -> ExponentialBackoff {
        ExponentialBuilder::new()
            .with_min_delay(self.first_wait)
            .with_max_delay(self.longest_wait)
            .with_max_times(self.attempts.saturating_sub(1))
            .with_jitter()
            .build()
    }
}

/// Patience with one download.
pub(super) struct Persistence<'a> {
    patience: &'a Patience,
    url: &'a str,
    waits: ExponentialBackoff,
    attempts: usize,
    /// How many bytes the best attempt has reached.
    reached: u64,
}

impl<'a> Persistence<'a> {
    pub(super) fn new(patience: &'a Patience, url: &'a str) -> Self {
        Self { patience, url, waits: patience.waits(), attempts: 0, reached: 0 }
    }

    /// Waits after a failure until it is time to try again. `reached` says how many bytes there are now.
    ///
    /// # Errors
    /// The failure, when trying again is of no use.
    pub(super) async fn after(&mut self, failure: Failure, reached: u64, report: Report<'_>) -> Result<(), FetchError> {
        let (error, asked) = match failure {
            Failure::Final(error) => return Err(error),
            Failure::Passing { error, wait } => (error, wait),
        };
        if reached > self.reached {
            self.reached = reached;
            self.waits = self.patience.waits();
            self.attempts = 0;
        }
        self.attempts += 1;
        let Some(wait) = self.waits.next() else {
            return Err(FetchError::GaveUp {
                url: self.url.to_owned(),
                attempts: self.attempts,
                source: Box::new(error),
            });
        };
        if let Some(asked) = asked.filter(|asked| *asked > self.patience.longest_put_off) {
            let limit = self.patience.longest_put_off;
            return Err(FetchError::PutOff { url: self.url.to_owned(), asked, limit });
        }
        let wait = asked.unwrap_or(wait);
        report(Progress::Retrying { reason: error.to_string(), wait });
        tokio::time::sleep(wait).await;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUICK: Patience = Patience {
        attempts: 3,
        first_wait: Duration::from_millis(1),
        longest_wait: Duration::from_millis(1),
        longest_put_off: Duration::from_secs(5),
        connect: Duration::from_secs(1),
        silence: Duration::from_secs(1),
    };

    fn busy(wait: Option<Duration>) -> Failure {
        Failure::Passing { error: FetchError::Status { url: "u".to_owned(), status: 503 }, wait }
    }

    #[tokio::test]
    async fn attempts_that_bring_nothing_are_counted_and_progress_renews_them() {
        let mut persistence = Persistence::new(&QUICK, "u");
        for reached in [0, 0, 7, 7, 9, 9] {
            persistence.after(busy(None), reached, &|_| {}).await.unwrap();
        }
        let error = persistence.after(busy(None), 9, &|_| {}).await.unwrap_err();
        assert!(matches!(error, FetchError::GaveUp { attempts: 3, .. }), "{error:?}");
    }

    #[tokio::test]
    async fn nobody_is_waited_for_all_day() {
        let mut persistence = Persistence::new(&QUICK, "u");
        let error = persistence.after(busy(Some(Duration::from_secs(6))), 0, &|_| {}).await.unwrap_err();
        assert!(error.to_string().contains("for 6 s, which is longer than the 5 s"), "{error}");
    }
}
