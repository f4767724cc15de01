//! Runs read back from their journals: what was planned, what came of it, how long it took.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

use crate::chain::StageTime;
use crate::event::{PlannedStep, StageRef, StepRef, seconds};
use crate::{Entry, Event, JournalError, journal};

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Outcome {
    /// It goes on.
    Running,
    Succeeded,
    Failed,
    /// The operator stopped it.
    Stopped,
    /// Its process ended before the run did: killed, or its host lost power.
    Died,
}

/// A run in short.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RunSummary {
    pub id: String,
    pub started: Timestamp,
    pub command: String,
    pub user: String,
    pub host: String,
    pub process: u32,
    /// Of hardway.
    pub version: String,
    pub outcome: Outcome,
    /// Until its end or, without one, until its last event.
    #[serde(rename = "elapsedSeconds", serialize_with = "seconds::serialize")]
    pub elapsed: Duration,
    /// Planned.
    pub steps: usize,
    pub steps_done: usize,
    pub steps_failed: usize,
}

/// A run with all its stages.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RunDetail {
    pub format_version: u32,
    pub run: RunSummary,
    /// In the plan's order.
    pub stages: Vec<StageDetail>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum StageState {
    Done,
    Failed,
    /// Not done, or not to its end, since something it waits for failed or the run was stopped.
    Skipped,
    /// Neither done nor failed when the run ended, or so far.
    Open,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StageDetail {
    pub place: String,
    pub stage: String,
    pub after: Vec<StageRef>,
    pub state: StageState,
    /// Why it was skipped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub because: Option<String>,
    /// When it went, where it was done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<Span>,
    pub steps: Vec<StepDetail>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum StepState {
    Done,
    Failed,
    /// Begun and not ended.
    Open,
    NotBegun,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StepDetail {
    #[serde(rename = "planned")]
    pub plan: PlannedStep,
    pub state: StepState,
    /// When it went, where it was done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<Span>,
    /// How often it was tried again.
    pub retries: u32,
    /// Why it failed, at last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// What it printed, all attempts.
    pub output: Vec<String>,
}

/// When something went, counted from the run's start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Span {
    #[serde(rename = "beganSeconds", serialize_with = "seconds::serialize")]
    pub began: Duration,
    #[serde(rename = "elapsedSeconds", serialize_with = "seconds::serialize")]
    pub elapsed: Duration,
}

impl RunDetail {
    /// When each stage went that was done, for [`crate::longest_chain`].
    pub fn stage_times(&self) -> Vec<StageTime> {
        let times = self.stages.iter().filter_map(|stage| {
            let span = stage.time?;
            Some(StageTime {
                stage: StageRef { place: stage.place.clone(), stage: stage.stage.clone() },
                after: stage.after.clone(),
                began: span.began,
                ended: span.began + span.elapsed,
            })
        });
        times.collect()
    }
}

/// A run in short, from its folder; None where it has not said its first word.
///
/// # Errors
/// Where the journal cannot be read.
pub fn summarize_run(directory: &Path) -> Result<Option<RunSummary>, JournalError> {
    let mut reading = Reading::default();
    let goes_on = journal::read(directory, |entry| reading.count(&entry))?;
    Ok(goes_on.and_then(|goes_on| reading.summary(goes_on)))
}

/// A run with all its stages, from its folder; None where it has not said its first word.
///
/// # Errors
/// Where the journal cannot be read.
pub fn read_run(directory: &Path) -> Result<Option<RunDetail>, JournalError> {
    let mut reading = Reading::default();
    let mut stages = Stages::default();
    let goes_on = journal::read(directory, |entry| {
        reading.count(&entry);
        stages.take(entry);
    })?;
    let run = goes_on.and_then(|goes_on| reading.summary(goes_on));
    Ok(run.map(|run| RunDetail { format_version: crate::FORMAT_VERSION, run, stages: stages.list }))
}

/// What a summary is made from.
#[derive(Default)]
struct Reading {
    first: Option<Entry>,
    last: Option<Timestamp>,
    end: Option<(Outcome, Duration)>,
    steps: usize,
    done: usize,
    failed: usize,
}

impl Reading {
    fn count(&mut self, entry: &Entry) {
        self.last = Some(entry.time);
        match &entry.entry {
            Event::RunOpened { .. } => self.first = Some(entry.clone()),
            Event::RunStarted { steps, .. } => self.steps = *steps,
            Event::StepDone { .. } => self.done += 1,
            Event::StepFailed { .. } => self.failed += 1,
            Event::RunDone { elapsed, failed, skipped, stopped } => {
                let outcome = match (failed + skipped, stopped) {
                    (0, false) => Outcome::Succeeded,
                    _ if *failed > 0 => Outcome::Failed,
                    (_, true) => Outcome::Stopped,
                    (_, false) => Outcome::Failed,
                };
                self.end = Some((outcome, *elapsed));
            }
            _ => {}
        }
    }

    fn summary(self, goes_on: bool) -> Option<RunSummary> {
        let Entry { time: started, entry } = self.first?;
        let Event::RunOpened { id, command, user, host, process, version, .. } = entry else { return None };
        let so_far = self.last.map_or(Duration::ZERO, |last| since(started, last));
        let (outcome, elapsed) = self.end.unwrap_or((if goes_on { Outcome::Running } else { Outcome::Died }, so_far));
        Some(RunSummary {
            id,
            started,
            command,
            user,
            host,
            process,
            version,
            outcome,
            elapsed,
            steps: self.steps,
            steps_done: self.done,
            steps_failed: self.failed,
        })
    }
}

/// Nothing where the operator's clock was set back.
fn since(from: Timestamp, to: Timestamp) -> Duration {
    Duration::try_from(to.duration_since(from)).unwrap_or_default()
}

/// The stages as their events tell them.
#[derive(Default)]
struct Stages {
    list: Vec<StageDetail>,
    index: BTreeMap<StageRef, usize>,
    started: Option<Timestamp>,
}

impl Stages {
    fn take(&mut self, Entry { time, entry }: Entry) {
        match entry {
            Event::RunStarted { .. } => self.started = Some(time),
            Event::StagePlanned { place, stage, after, steps } => {
                self.index.insert(StageRef { place: place.clone(), stage: stage.clone() }, self.list.len());
                let steps = steps.into_iter().map(StepDetail::from).collect();
                let state = StageState::Open;
                self.list.push(StageDetail { place, stage, after, state, because: None, time: None, steps });
            }
            Event::StepStarted { step, .. } => {
                let began = self.started.map_or(Duration::ZERO, |started| since(started, time));
                self.step(&step, |step| {
                    step.state = StepState::Open;
                    step.time = Some(Span { began, elapsed: Duration::ZERO });
                });
            }
            Event::StepOutput { step, line } => self.step(&step, |step| step.output.push(line)),
            Event::StepDone { step, elapsed, .. } => self.step(&step, |step| {
                step.state = StepState::Done;
                if let Some(span) = &mut step.time {
                    span.elapsed = elapsed;
                }
            }),
            Event::StepRetried { step, .. } => self.step(&step, |step| step.retries += 1),
            Event::StepFailed { step, cause, output, .. } => {
                self.stage(&StageRef { place: step.place.clone(), stage: step.stage.clone() }, |stage| {
                    stage.state = StageState::Failed;
                });
                self.step(&step, |step| {
                    step.state = StepState::Failed;
                    step.cause = Some(cause);
                    if step.output.is_empty() {
                        step.output = output;
                    }
                });
            }
            Event::StageDone { place, stage, waited, elapsed } => {
                self.stage(&StageRef { place, stage }, |stage| {
                    stage.state = StageState::Done;
                    stage.time = Some(Span { began: waited, elapsed });
                });
            }
            Event::StageSkipped { place, stage, because } => self.stage(&StageRef { place, stage }, |stage| {
                stage.state = StageState::Skipped;
                stage.because = Some(because);
            }),
            Event::RunOpened { .. }
            | Event::StepProgress { .. }
            | Event::NodeUncordoned { .. }
            | Event::NodeLeftCordoned { .. }
            | Event::RunDone { .. } => {}
        }
    }

    fn stage(&mut self, name: &StageRef, change: impl FnOnce(&mut StageDetail)) {
        if let Some(stage) = self.index.get(name).and_then(|index| self.list.get_mut(*index)) {
            change(stage);
        }
    }

    fn step(&mut self, name: &StepRef, change: impl FnOnce(&mut StepDetail)) {
        self.stage(&StageRef { place: name.place.clone(), stage: name.stage.clone() }, |stage| {
            if let Some(step) = stage.steps.get_mut(name.number) {
                change(step);
            }
        });
    }
}

impl From<PlannedStep> for StepDetail {
    fn from(plan: PlannedStep) -> Self {
        Self { plan, state: StepState::NotBegun, time: None, retries: 0, cause: None, output: Vec::new() }
    }
}
