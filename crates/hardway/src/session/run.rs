//! Executes a plan: events to screen and journal, Ctrl-C to the runner.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use hardway_cluster::Live;
use hardway_plan::Plan;
use hardway_run::{ClusterApi, Entry, Event, FORMAT_VERSION, Journal, LocalBlob, Runner, with_sources};
use hardway_ui::RunProgress;
use jiff::Timestamp;
use tokio::sync::{Semaphore, mpsc};
use tokio_util::sync::CancellationToken;

use super::{Machines, Operator, Session, workspace_error};
use crate::error::CommandError;

/// Cancelled by Ctrl-C or SIGTERM; a second signal ends the process at once.
struct Cancellation {
    token: CancellationToken,
    task: tokio::task::JoinHandle<()>,
}

impl Cancellation {
    fn listen() -> Self {
        let token = CancellationToken::new();
        let cancelled = token.clone();
        let task = tokio::spawn(async move {
            wait_for_signal().await;
            cancelled.cancel();
            wait_for_signal().await;
            std::process::exit(130);
        });
        Self { token, task }
    }
}

impl Drop for Cancellation {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn wait_for_signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut interrupt), Ok(mut terminate)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        // Without handlers the signals keep their default action, which ends the process.
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}

/// How often the screen may change. A person does not read faster, and a slow line carries it.
const FRAME: Duration = Duration::from_millis(125);

/// The journal, as long as it can be written.
struct Record {
    journal: Journal,
    whole: bool,
}

impl Record {
    /// A full disk here is no reason to leave machines half-done: it is said once, and the run goes on.
    fn add(&mut self, entry: &Entry, progress: &RunProgress) {
        if !self.whole {
            return;
        }
        if let Err(error) = self.journal.write(entry) {
            self.whole = false;
            progress.note(&format!("warning: {}; the run goes on without", with_sources(&error)));
        }
    }
}

fn opened(id: String) -> Event {
    let Operator { user, host, process, command } = Operator::current();
    let version = env!("CARGO_PKG_VERSION").to_owned();
    Event::RunOpened { format_version: FORMAT_VERSION, id, command, user, host, process, version }
}

/// Runs the plan and reports it; what failed becomes the command's error.
pub async fn execute(
    session: &Session,
    plan: &Plan,
    machines: &Machines,
    blobs: &BTreeMap<String, LocalBlob>,
    live: Option<&Live>,
) -> Result<(), CommandError> {
    let directory = session.workspace.create_run_directory(Timestamp::now()).map_err(workspace_error)?;
    let mut record = Record { journal: Journal::create(&directory.path).map_err(CommandError::failed)?, whole: true };
    let (events, mut incoming) = mpsc::unbounded_channel();
    // Nobody has gone away yet, so that this cannot fail.
    let _ = events.send(opened(directory.id));
    let cancellation = Cancellation::listen();
    let runner = Arc::new(Runner {
        machines: machines.clone(),
        cluster: live.map(|live| Arc::new(live.clone()) as Arc<dyn ClusterApi>),
        blobs: blobs.clone(),
        uploads: Arc::new(Semaphore::new(session.uploads)),
        events,
        cancel: cancellation.token.clone(),
    });
    let mut progress = RunProgress::new(session.output);
    let shown = async {
        let mut frames = tokio::time::interval(FRAME);
        loop {
            tokio::select! {
                event = incoming.recv() => {
                    let Some(entry) = event else { break };
                    let entry = Entry { time: Timestamp::now(), entry };
                    progress.show(&entry);
                    record.add(&entry, &progress);
                }
                _ = frames.tick() => progress.draw(),
            }
        }
    };
    // The runner owns the sender, so the channel closes when the run is over.
    let (report, ()) = tokio::join!(runner.run(plan), shown);
    if report.succeeded() {
        return Ok(());
    }
    if report.failures.is_empty() && report.cancelled {
        return Err(CommandError::Interrupted);
    }
    Err(CommandError::Steps(report.failures))
}
