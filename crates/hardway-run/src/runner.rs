//! Runs a plan: every stage as soon as what it waits for is done.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use hardway_design::{GroupId, Place};
use hardway_machine::Machine;
use hardway_plan::{Plan, Stage};
use hardway_spec::MachineName;
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::stage::{self, StageFailure};
use crate::{ClusterApi, Event, cordoned};

/// Streams that copy to machines at once. More would only share the operator's uplink, and each holds buffers;
/// fewer would leave a fast network idle while a slow machine writes to its disk.
pub const DEFAULT_UPLOADS: usize = 8;

/// All that a plan is run with.
pub struct Runner {
    pub machines: BTreeMap<MachineName, Arc<dyn Machine>>,
    pub cluster: Option<Arc<dyn ClusterApi>>,
    /// The operator's copy of each artifact, by SHA-256.
    pub blobs: BTreeMap<String, LocalBlob>,
    /// Bounds copies that run at once.
    pub uploads: Arc<Semaphore>,
    pub events: mpsc::UnboundedSender<Event>,
    pub cancel: CancellationToken,
}

/// A file to copy, as the operator has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalBlob {
    pub path: PathBuf,
    /// The same bytes compressed with zstd.
    pub packed: Option<PathBuf>,
}

/// How a run ended.
#[derive(Debug, Default)]
pub struct Report {
    pub failures: Vec<StageFailure>,
    pub skipped: Vec<GroupId>,
    pub cancelled: bool,
}

impl Report {
    pub fn succeeded(&self) -> bool {
        self.failures.is_empty() && self.skipped.is_empty() && !self.cancelled
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Pending,
    Done,
    Failed,
}

impl Runner {
    pub(crate) fn say(&self, event: Event) {
        // Nobody listening is no reason to stop.
        let _ = self.events.send(event);
    }

    /// Runs the plan to its end, or as far as it goes: a failure stops only what waits for it.
    pub async fn run(self: Arc<Self>, plan: &Plan) -> Report {
        let began = Instant::now();
        self.say(Event::RunStarted {
            stages: plan.stages.len(),
            steps: plan.step_count(),
            bytes: plan.bytes_to_copy(),
        });
        for stage in &plan.stages {
            self.say(Event::planned(stage));
        }
        let (senders, receivers): (BTreeMap<_, _>, BTreeMap<_, _>) = plan
            .stages
            .iter()
            .map(|stage| {
                let (sender, receiver) = watch::channel(Outcome::Pending);
                ((stage.id.clone(), sender), (stage.id.clone(), receiver))
            })
            .unzip();
        let mut tasks = JoinSet::new();
        for ((stage, sender), after) in
            plan.stages.iter().zip(ordered(plan, senders)).zip(plan.stages.iter().map(|stage| {
                stage.after.iter().filter_map(|id| Some((id.clone(), receivers.get(id)?.clone()))).collect::<Vec<_>>()
            }))
        {
            tasks.spawn(Arc::clone(&self).follow(stage.clone(), after, sender));
        }
        let mut report = Report::default();
        let mut never_began = BTreeSet::new();
        while let Some(ended) = tasks.join_next().await {
            match ended.expect("a stage's task neither panics nor is aborted") {
                Ended::Done => {}
                Ended::Failed(failure) => report.failures.push(failure),
                Ended::CutOff(id) => report.skipped.push(id),
                Ended::Skipped(id) => {
                    report.skipped.push(id.clone());
                    never_began.insert(id);
                }
            }
        }
        report.cancelled = self.cancel.is_cancelled();
        if !report.succeeded() {
            cordoned::give_back(&self, plan, &never_began).await;
        }
        self.say(Event::RunDone {
            elapsed: began.elapsed(),
            failed: report.failures.len(),
            skipped: report.skipped.len(),
            stopped: report.cancelled,
        });
        report
    }

    async fn follow(
        self: Arc<Self>,
        stage: Stage,
        after: Vec<(GroupId, watch::Receiver<Outcome>)>,
        outcome: watch::Sender<Outcome>,
    ) -> Ended {
        let created = Instant::now();
        for (id, mut receiver) in after {
            let because = tokio::select! {
                ended = receiver.wait_for(|outcome| *outcome != Outcome::Pending) => match ended.as_deref() {
                    Ok(Outcome::Done) => continue,
                    _ => format!("{id} did not succeed"),
                },
                () = self.cancel.cancelled() => "the run was stopped".to_owned(),
            };
            return self.skip(&stage, because, &outcome);
        }
        if self.cancel.is_cancelled() {
            return self.skip(&stage, "the run was stopped".to_owned(), &outcome);
        }
        let waited = created.elapsed();
        let began = Instant::now();
        let result = tokio::select! {
            result = stage::run(&self, &stage) => result,
            () = self.cancel.cancelled() => {
                self.skip(&stage, "the run was stopped".to_owned(), &outcome);
                return Ended::CutOff(stage.id);
            }
        };
        match result {
            Ok(()) => {
                self.say(Event::StageDone {
                    place: stage.id.place.to_string(),
                    stage: stage.id.name.clone(),
                    waited,
                    elapsed: began.elapsed(),
                });
                outcome.send_replace(Outcome::Done);
                Ended::Done
            }
            Err(failure) => {
                outcome.send_replace(Outcome::Failed);
                Ended::Failed(failure)
            }
        }
    }

    fn skip(&self, stage: &Stage, because: String, outcome: &watch::Sender<Outcome>) -> Ended {
        self.say(Event::StageSkipped { place: stage.id.place.to_string(), stage: stage.id.name.clone(), because });
        outcome.send_replace(Outcome::Failed);
        Ended::Skipped(stage.id.clone())
    }

    pub(crate) fn machine(&self, place: &Place) -> Option<&Arc<dyn Machine>> {
        match place {
            Place::Machine(name) => self.machines.get(name),
            Place::Cluster => None,
        }
    }
}

/// The senders in the order of the plan's stages.
fn ordered(
    plan: &Plan,
    mut senders: BTreeMap<GroupId, watch::Sender<Outcome>>,
) -> impl Iterator<Item = watch::Sender<Outcome>> {
    plan.stages.iter().map(move |stage| senders.remove(&stage.id).expect("stage names are unique in a plan"))
}

enum Ended {
    Done,
    Failed(StageFailure),
    /// It had begun.
    CutOff(GroupId),
    /// Nothing of it was done.
    Skipped(GroupId),
}
