//! Being the only one to change a machine.

use std::future::Future;

use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// The answer to the wish to be the only one.
#[derive(Debug)]
pub enum Claim {
    Held(Hold),
    /// Somebody else is: what that one said of itself, unless it has only just begun.
    Taken(Option<String>),
}

/// Being the only one, until this is released or dropped, or was lost.
#[derive(Debug)]
pub struct Hold {
    /// Dropped, it tells the keeper to let go.
    release: oneshot::Sender<()>,
    keeper: JoinHandle<()>,
}

impl Hold {
    /// `keep` ends when the machine was let go: because its argument came about, or because it was lost.
    pub(crate) fn kept<F>(keep: impl FnOnce(oneshot::Receiver<()>) -> F) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let (release, released) = oneshot::channel();
        Self { release, keeper: tokio::spawn(keep(released)) }
    }

    /// Lets go, and returns when the machine knows it: the next one to ask will have it.
    pub async fn release(self) {
        drop(self.release);
        // A keeper that panicked holds nothing any more.
        let _ = self.keeper.await;
    }

    /// Ends when the hold was lost, as with the connection that it rests on.
    pub async fn lost(&mut self) {
        if !self.keeper.is_finished() {
            let _ = (&mut self.keeper).await;
        }
    }
}
