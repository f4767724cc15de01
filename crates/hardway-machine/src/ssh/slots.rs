//! How many channels a connection carries at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::futures::Notified;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

/// sshd allows 10 sessions on a connection by default (`MaxSessions`, sshd_config(5)). Two are left to others, such as
/// those still closing.
const MAX: usize = 8;

/// The channels of one connection.
#[derive(Clone)]
pub(super) struct Slots {
    permits: Arc<Semaphore>,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    open: AtomicUsize,
    freed: Notify,
}

impl Slots {
    pub(super) fn new() -> Self {
        Self { permits: Arc::new(Semaphore::new(MAX)), shared: Arc::default() }
    }

    /// Waits for a turn to ask for a channel.
    pub(super) async fn turn(&self) -> Turn {
        let permit = self.permits.clone().acquire_owned().await.expect("the semaphore is never closed");
        Turn { permit, shared: self.shared.clone() }
    }
}

/// The right to ask for a channel.
pub(super) struct Turn {
    permit: OwnedSemaphorePermit,
    shared: Arc<Shared>,
}

impl Turn {
    /// Ends once a channel that is open now is closed. To be taken before asking, lest one closes meanwhile.
    pub(super) fn freed(&self) -> Notified<'_> {
        self.shared.freed.notified()
    }

    pub(super) fn others_are_open(&self) -> bool {
        self.shared.open.load(Ordering::SeqCst) > 0
    }

    pub(super) fn opened(self) -> Slot {
        self.shared.open.fetch_add(1, Ordering::SeqCst);
        Slot { _permit: self.permit, shared: self.shared }
    }
}

/// A channel that is open; dropped when it is closed on both sides.
pub(super) struct Slot {
    _permit: OwnedSemaphorePermit,
    shared: Arc<Shared>,
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.shared.open.fetch_sub(1, Ordering::SeqCst);
        self.shared.freed.notify_waiters();
    }
}
