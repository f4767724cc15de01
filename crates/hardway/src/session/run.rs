//! Executes a plan: events to screen and journal, Ctrl-C to the runner.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use hardway_cluster::Live;
use hardway_plan::Plan;
use hardway_run::{ClusterApi, DEFAULT_UPLOADS, Journal, Runner};
use hardway_ui::RunProgress;
use jiff::Timestamp;
use tokio::sync::{Semaphore, mpsc};
use tokio_util::sync::CancellationToken;

use super::{Machines, Session, workspace_error};
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

/// Runs the plan and reports it; what failed becomes the command's error.
pub async fn execute(
    session: &Session,
    plan: &Plan,
    machines: &Machines,
    blobs: &BTreeMap<String, PathBuf>,
    live: Option<&Live>,
) -> Result<(), CommandError> {
    let directory = session.workspace.create_run_directory(Timestamp::now()).map_err(workspace_error)?;
    let mut journal = Journal::create(&directory.join("events.jsonl")).map_err(CommandError::failed)?;
    let (events, mut incoming) = mpsc::unbounded_channel();
    let cancellation = Cancellation::listen();
    let runner = Arc::new(Runner {
        machines: machines.clone(),
        cluster: live.map(|live| Arc::new(live.clone()) as Arc<dyn ClusterApi>),
        blobs: blobs.clone(),
        uploads: Arc::new(Semaphore::new(DEFAULT_UPLOADS)),
        events,
        cancel: cancellation.token.clone(),
    });
    let mut progress = RunProgress::new(session.output);
    let shown = async {
        while let Some(event) = incoming.recv().await {
            progress.show(&event);
            journal.write(&event)?;
        }
        Ok(())
    };
    // The runner owns the sender, so the channel closes when the run is over.
    let (report, shown) = tokio::join!(runner.run(plan), shown);
    shown.map_err(|error: hardway_run::JournalError| CommandError::failed(error))?;
    if report.succeeded() {
        return Ok(());
    }
    if report.failures.is_empty() && report.cancelled {
        return Err(CommandError::Interrupted);
    }
    Err(CommandError::Steps(report.failures))
}
