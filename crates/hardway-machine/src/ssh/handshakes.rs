//! How many connections are being made at once.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

/// A handshake keeps the operator busy for about 2 ms and a machine for ten times as long, so that some dozens of
/// machines keep one core of the operator's busy; 64 leave room for the way between. sshd itself refuses some
/// connections from the tenth on that has not logged in yet, and all from the hundredth on (`MaxStartups`,
/// sshd_config(5)): that counts where many connections lead through one jump host.
pub const DEFAULT_CONNECTIONS: usize = 64;

/// How long a host may take to answer at all before the next one has its turn. Twice around the earth takes half of it,
/// and TCP itself asks again only after that time (RFC 6298, 2.1).
const PATIENCE: Duration = Duration::from_secs(1);

/// Bounds the connections that are being made at once, of all machines that share it. Those that are made do not count.
#[derive(Debug, Clone)]
pub struct Handshakes {
    permits: Arc<Semaphore>,
}

impl Handshakes {
    /// `at_once`: at least 1.
    pub fn new(at_once: usize) -> Self {
        Self { permits: Arc::new(Semaphore::new(at_once.max(1))) }
    }

    pub(super) async fn turn(&self) -> Turn {
        let permit = self.permits.clone().acquire_owned().await.expect("the semaphore is never closed");
        Turn { _permit: permit }
    }

    /// Waits for a host's first answer on a turn of its own, and gives the turn back to go on with.
    ///
    /// A host that does not answer soon waits without its turn, and gets another one once it answers: however many dead
    /// hosts there are, they do not hold up the others for long.
    pub(super) async fn first_answer<T>(&self, connecting: impl Future<Output = T>) -> (T, Turn) {
        let turn = self.turn().await;
        let mut connecting = pin!(connecting);
        match timeout(PATIENCE, &mut connecting).await {
            Ok(answer) => (answer, turn),
            Err(_) => {
                drop(turn);
                let answer = connecting.await;
                (answer, self.turn().await)
            }
        }
    }
}

impl Default for Handshakes {
    fn default() -> Self {
        Self::new(DEFAULT_CONNECTIONS)
    }
}

/// The right to make a connection, until it is dropped.
pub(super) struct Turn {
    _permit: OwnedSemaphorePermit,
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures::future::{join_all, pending};
    use tokio::time::{Instant, sleep};

    use super::*;

    const ROUND_TRIP: Duration = Duration::from_millis(100);
    const HANDSHAKE: Duration = Duration::from_millis(50);
    const GIVEN_UP_AFTER: Duration = Duration::from_secs(10);

    /// Connects to `dead` hosts that never answer and then to `alive` ones; gives when the last of these was connected,
    /// and how many handshakes ran at once at most.
    async fn fleet(dead: usize, alive: usize) -> (Duration, usize) {
        let handshakes = Handshakes::default();
        let (running, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let began = Instant::now();
        let hosts = (0..dead + alive).map(async |number| {
            let connecting = async {
                let answers = async { if number < dead { pending().await } else { sleep(ROUND_TRIP).await } };
                timeout(GIVEN_UP_AFTER, answers).await
            };
            let (answer, _turn) = handshakes.first_answer(connecting).await;
            answer.ok()?;
            most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            sleep(HANDSHAKE).await;
            running.fetch_sub(1, Ordering::SeqCst);
            Some(began.elapsed())
        });
        let connected: Vec<Duration> = join_all(hosts).await.into_iter().flatten().collect();
        assert_eq!(connected.len(), alive);
        (connected.into_iter().max().unwrap_or_default(), most.into_inner())
    }

    #[tokio::test(start_paused = true)]
    async fn a_thousand_machines_connect_sixty_four_at_a_time() {
        let (last, most) = fleet(0, 1000).await;
        assert_eq!(most, DEFAULT_CONNECTIONS);
        let rounds = u32::try_from(1000_usize.div_ceil(DEFAULT_CONNECTIONS)).unwrap();
        assert_eq!(last, rounds * (ROUND_TRIP + HANDSHAKE));
    }

    #[tokio::test(start_paused = true)]
    async fn twenty_dead_hosts_do_not_slow_a_thousand() {
        let (without, _) = fleet(0, 980).await;
        let (with, _) = fleet(20, 980).await;
        assert!(with <= without + PATIENCE / 2, "{with:?}, and {without:?} without dead hosts");
    }

    #[tokio::test(start_paused = true)]
    async fn more_dead_hosts_than_turns_hold_up_the_others_by_seconds_only() {
        let (last, most) = fleet(2 * DEFAULT_CONNECTIONS, 1000).await;
        assert!(last < GIVEN_UP_AFTER, "{last:?}");
        assert!(most <= DEFAULT_CONNECTIONS);
    }
}
