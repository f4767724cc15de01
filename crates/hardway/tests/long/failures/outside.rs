//! The client outside the cluster: reads and writes through the endpoint, at a steady pace whatever becomes of them.
//!
//! It goes round several connections, which a load balancer spreads over the API servers: through one alone, the loss of
//! a server would cost nothing or everything.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hardway_cluster::{Access, Credentials, Error, Live};
use tokio::runtime::Runtime;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use tokio_util::task::AbortOnDropHandle;

use super::record::{Call, now};
use super::scene::{NAMESPACE, config_map};

const READS_EVERY: Duration = Duration::from_millis(50);
const WRITES_EVERY: Duration = Duration::from_millis(500);

/// A person or a program that gets no answer for so long tries again. On idle machines calls take milliseconds, on busy
/// ones up to half a second.
const CALL_LIMIT: Duration = Duration::from_secs(2);

/// Two for each API server.
const CONNECTIONS: usize = 6;

/// What the reads ask for.
const READ: &str = "read";

pub(crate) struct Outside {
    notes: Arc<Mutex<Notes>>,
    _calling: AbortOnDropHandle<()>,
}

#[derive(Default)]
struct Notes {
    reads: Vec<Call>,
    writes: Vec<Call>,
    acknowledged: BTreeSet<String>,
}

impl Outside {
    /// Begins to call.
    pub(crate) fn start(runtime: &Runtime, access: Access, credentials: Credentials) -> Self {
        let notes = Arc::new(Mutex::new(Notes::default()));
        let connect = || Arc::new(Connection::new(access.clone(), credentials.clone()));
        let connections: Vec<_> = runtime.block_on(async { (0..CONNECTIONS).map(|_| connect()).collect() });
        let (_, live) = connections[0].live();
        runtime.block_on(live.apply(&config_map(READ), Instant::now() + CALL_LIMIT)).expect("the API takes an object");
        let calling = runtime.spawn(call_steadily(connections, notes.clone()));
        Self { notes, _calling: AbortOnDropHandle::new(calling) }
    }

    pub(crate) fn reads(&self) -> Vec<Call> {
        self.notes.lock().expect("nobody panics with it").reads.clone()
    }

    pub(crate) fn writes(&self) -> Vec<Call> {
        self.notes.lock().expect("nobody panics with it").writes.clone()
    }

    /// Names of the objects whose writing was acknowledged.
    pub(crate) fn acknowledged(&self) -> BTreeSet<String> {
        self.notes.lock().expect("nobody panics with it").acknowledged.clone()
    }
}

async fn call_steadily(connections: Vec<Arc<Connection>>, notes: Arc<Mutex<Notes>>) {
    let mut connections = connections.into_iter().cycle();
    let mut next = || connections.next().expect("there is no end of a cycle");
    let mut reads = steady(READS_EVERY);
    let mut writes = steady(WRITES_EVERY);
    let mut number = 0;
    loop {
        tokio::select! {
            _ = reads.tick() => {
                let (connection, notes) = (next(), notes.clone());
                tokio::spawn(async move {
                    let call = connection.call(async |live| live.get_text(&path()).await.map(drop)).await;
                    notes.lock().expect("nobody panics with it").reads.push(call);
                });
            }
            _ = writes.tick() => {
                number += 1;
                let (connection, notes, name) = (next(), notes.clone(), format!("write-{number}"));
                tokio::spawn(async move {
                    let object = config_map(&name);
                    // The deadline has come: one try alone.
                    let call = connection.call(async |live| live.apply(&object, Instant::now()).await).await;
                    let mut notes = notes.lock().expect("nobody panics with it");
                    notes.writes.push(call);
                    if call.succeeded {
                        notes.acknowledged.insert(name);
                    }
                });
            }
        }
    }
}

fn steady(period: Duration) -> tokio::time::Interval {
    let mut interval = interval(period);
    interval.set_missed_tick_behavior(MissedTickBehavior::Skip);
    interval
}

fn path() -> String {
    format!("/api/v1/namespaces/{NAMESPACE}/configmaps/{READ}")
}

/// A client's connections, which are made anew after a call that failed.
struct Connection {
    access: Access,
    credentials: Credentials,
    /// With the number of connections before it.
    current: Mutex<(usize, Live)>,
}

impl Connection {
    fn new(access: Access, credentials: Credentials) -> Self {
        let live = Live::connect(&access, &credentials).expect("the workspace's own certificate can be used");
        Self { access, credentials, current: Mutex::new((0, live)) }
    }

    fn live(&self) -> (usize, Live) {
        self.current.lock().expect("nobody panics with it").clone()
    }

    async fn call(&self, call: impl AsyncFnOnce(&Live) -> Result<(), Error>) -> Call {
        let (number, live) = self.live();
        let outcome = timeout(CALL_LIMIT, call(&live)).await;
        let succeeded = matches!(outcome, Ok(Ok(())));
        if !succeeded {
            let mut current = self.current.lock().expect("nobody panics with it");
            // Others that failed with it have seen to it already.
            if current.0 == number {
                let live = Live::connect(&self.access, &self.credentials);
                *current = (number + 1, live.expect("it could be used before"));
            }
        }
        Call { ended: now(), succeeded }
    }
}
