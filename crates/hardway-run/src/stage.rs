//! One stage: scripts, copies and API calls, step after step.

use std::time::{Duration, Instant};

use hardway_design::GroupId;
use hardway_machine::{Blob, Fault, Machine, MachineError, ScriptEvent};
use hardway_plan::{Action, Stage, Step, script};

use crate::event::StepRef;
use crate::{ApiError, Event, LocalBlob, Runner};

/// A step did not succeed.
#[derive(Debug)]
pub struct StageFailure {
    pub stage: GroupId,
    pub step: String,
    pub cause: StepError,
    /// The step's last lines.
    pub output: Vec<String>,
}

#[derive(Debug, thiserror::Error)]
pub enum StepError {
    /// Its machine is the stage's.
    #[error(transparent)]
    Machine(Fault),
    #[error("it ended with exit status {0}")]
    Exit(i32),
    #[error(transparent)]
    Api(#[from] ApiError),
    #[error("no connection to {0} in this run")]
    NoMachine(String),
    #[error("no connection to the cluster's API in this run")]
    NoCluster,
    #[error("{artifact} ({sha256}) is not in the cache")]
    NoArtifact { artifact: String, sha256: String },
}

impl From<MachineError> for StepError {
    fn from(error: MachineError) -> Self {
        match error.fault {
            Fault::StepFailed { code, .. } => Self::Exit(code),
            fault => Self::Machine(fault),
        }
    }
}

/// How often a step that may fail for a passing reason is tried, the first time included.
const ATTEMPTS: u32 = 4;
/// The pause before the second attempt. It doubles with each further one: seven seconds in all, which outlasts an sshd
/// that restarts and a switch that forgets; a machine that boots is better left to the next apply.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// As often for what is asked of the API, since each attempt there lasts up to ten seconds by itself: two minutes in
/// all, which an API server takes on a slow disk, and a load balancer that waits for it.
const API_ATTEMPTS: u32 = 10;
/// The pause does not grow beyond this.
const LONGEST_PAUSE: Duration = Duration::from_secs(4);
/// Lines of a step's output that are kept for its error.
const LAST_LINES: usize = 30;

pub(crate) async fn run(runner: &Runner, stage: &Stage) -> Result<(), StageFailure> {
    let mut next = 0;
    while next < stage.steps.len() {
        let first = next;
        next += 1;
        match &stage.steps[first].action {
            Action::CopyBinary(_) | Action::CopyImage(_) | Action::CopyPackages(_) => {
                copy(runner, stage, first).await?
            }
            action if action.is_in_cluster() => in_cluster(runner, stage, first).await?,
            _ => {
                while stage.steps.get(next).is_some_and(|step| step.action.runs_as_script()) {
                    next += 1;
                }
                script(runner, stage, first..next).await?;
            }
        }
    }
    Ok(())
}

fn step_ref(stage: &Stage, number: usize) -> StepRef {
    StepRef { place: stage.id.place.to_string(), stage: stage.id.name.clone(), number }
}

fn failure(runner: &Runner, stage: &Stage, number: usize, cause: StepError, output: Vec<String>) -> StageFailure {
    let title = stage.steps[number].title.clone();
    runner.say(Event::StepFailed {
        step: step_ref(stage, number),
        title: title.clone(),
        cause: with_sources(&cause),
        output: output.clone(),
    });
    StageFailure { stage: stage.id.clone(), step: title, cause, output }
}

/// An error and all that caused it, in one line.
pub fn with_sources(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

fn machine<'a>(runner: &'a Runner, stage: &Stage) -> Result<&'a dyn Machine, StepError> {
    runner.machine(&stage.id.place).map(AsRef::as_ref).ok_or_else(|| StepError::NoMachine(stage.id.place.to_string()))
}

/// Follows the events of one script: which step is next or runs, since when, and its last lines.
struct Following<'a> {
    runner: &'a Runner,
    stage: &'a Stage,
    /// The first step that is not known to be done.
    number: usize,
    /// Since when that step runs.
    began: Option<Instant>,
    output: Vec<String>,
}

impl Following<'_> {
    fn take(&mut self, event: ScriptEvent) {
        match event {
            ScriptEvent::Begin(number) => {
                (self.number, self.began) = (number, Some(Instant::now()));
                self.output.clear();
                if let Some(step) = self.stage.steps.get(number) {
                    self.runner
                        .say(Event::StepStarted { step: step_ref(self.stage, number), title: step.title.clone() });
                }
            }
            ScriptEvent::Output(line) => {
                if self.began.is_some() {
                    self.runner.say(Event::StepOutput { step: step_ref(self.stage, self.number), line: line.clone() });
                }
                if self.output.len() == LAST_LINES {
                    self.output.remove(0);
                }
                self.output.push(line);
            }
            ScriptEvent::Done(number) => {
                self.number = number + 1;
                if let (Some(began), Some(step)) = (self.began.take(), self.stage.steps.get(number)) {
                    self.runner.say(Event::StepDone {
                        step: step_ref(self.stage, number),
                        title: step.title.clone(),
                        elapsed: began.elapsed(),
                    });
                }
            }
            ScriptEvent::Failed(..) => {}
        }
    }
}

/// Runs consecutive steps as one script; a step that failed for a passing reason is begun again, with those after it.
async fn script(runner: &Runner, stage: &Stage, steps: std::ops::Range<usize>) -> Result<(), StageFailure> {
    let mut first = steps.start;
    let mut attempt = 1;
    loop {
        let part: Vec<(usize, &Step)> = (first..steps.end).map(|number| (number, &stage.steps[number])).collect();
        let rendered = script::render(&part);
        let mut following = Following { runner, stage, number: first, began: None, output: Vec::new() };
        let result = match machine(runner, stage) {
            Ok(machine) => machine.run(&rendered, &mut |event| following.take(event)).await.map_err(StepError::from),
            Err(error) => Err(error),
        };
        let Err(cause) = result else { return Ok(()) };
        let Following { number, output, .. } = following;
        if number == steps.end && is_connection(&cause) {
            // Lost after the last step had said that it was done.
            return Ok(());
        }
        let number = number.min(steps.end - 1);
        if number > first {
            // Each step has its own attempts: those before this one are done.
            attempt = 1;
        }
        if attempt == ATTEMPTS || !may_pass(&stage.steps[number].action, &cause) {
            return Err(failure(runner, stage, number, cause, output));
        }
        pause(runner, stage, number, &cause, &mut attempt).await;
        first = number;
    }
}

async fn copy(runner: &Runner, stage: &Stage, number: usize) -> Result<(), StageFailure> {
    let step = &stage.steps[number];
    let mut attempt = 1;
    loop {
        runner.say(Event::StepStarted { step: step_ref(stage, number), title: step.title.clone() });
        let began = Instant::now();
        let Err(cause) = copy_once(runner, stage, number).await else {
            let (step, title) = (step_ref(stage, number), step.title.clone());
            runner.say(Event::StepDone { step, title, elapsed: began.elapsed() });
            return Ok(());
        };
        if attempt == ATTEMPTS || !may_pass(&step.action, &cause) {
            return Err(failure(runner, stage, number, cause, Vec::new()));
        }
        pause(runner, stage, number, &cause, &mut attempt).await;
    }
}

async fn copy_once(runner: &Runner, stage: &Stage, number: usize) -> Result<(), StepError> {
    let wanted = stage.steps[number].action.blob().expect("only steps that copy come here");
    let LocalBlob { path: local, packed } = runner
        .blobs
        .get(&wanted.sha256)
        .cloned()
        .ok_or_else(|| StepError::NoArtifact { artifact: wanted.artifact.clone(), sha256: wanted.sha256.clone() })?;
    let mode = if matches!(stage.steps[number].action, Action::CopyBinary(_)) { 0o755 } else { 0o600 };
    let blob = Blob {
        local,
        packed,
        dest: wanted.destination.clone(),
        sha256: wanted.sha256.clone(),
        size: wanted.size,
        mode,
    };
    let machine = machine(runner, stage)?;
    let _permit = runner.uploads.acquire().await.expect("the semaphore is never closed");
    let mut sent = 0;
    let mut on_bytes = |bytes| {
        sent += bytes;
        runner.say(Event::StepProgress { step: step_ref(stage, number), bytes: sent, total: wanted.size });
    };
    Ok(machine.copy(&blob, &mut on_bytes).await?)
}

async fn in_cluster(runner: &Runner, stage: &Stage, number: usize) -> Result<(), StageFailure> {
    let step = &stage.steps[number];
    let mut attempt = 1;
    loop {
        runner.say(Event::StepStarted { step: step_ref(stage, number), title: step.title.clone() });
        let began = Instant::now();
        let Some(cluster) = &runner.cluster else {
            return Err(failure(runner, stage, number, StepError::NoCluster, Vec::new()));
        };
        let result = match &step.action {
            Action::ApplyObject(object) => cluster.apply(object).await,
            Action::DeleteObject(object) => cluster.delete(object).await,
            Action::WaitInCluster(condition) => cluster.wait(condition).await,
            Action::Cordon { node, .. } => cluster.cordon(node).await,
            Action::Uncordon(node) => cluster.uncordon(node).await.map(drop),
            Action::Drain(drain) => cluster.drain(drain).await,
            _ => unreachable!("only steps in the cluster come here"),
        };
        let Err(error) = result else {
            let (step, title) = (step_ref(stage, number), step.title.clone());
            runner.say(Event::StepDone { step, title, elapsed: began.elapsed() });
            return Ok(());
        };
        let may_pass = error.may_pass;
        let cause = StepError::from(error);
        if attempt == API_ATTEMPTS || !may_pass {
            return Err(failure(runner, stage, number, cause, Vec::new()));
        }
        pause(runner, stage, number, &cause, &mut attempt).await;
    }
}

/// Whether trying again has a chance: connections and package mirrors come back.
fn may_pass(action: &Action, cause: &StepError) -> bool {
    match cause {
        StepError::Exit(_) => matches!(action, Action::InstallPackages { archive: None, .. }),
        _ => is_connection(cause),
    }
}

/// Whether the way to the machine broke, so that nothing is known of the machine itself.
fn is_connection(cause: &StepError) -> bool {
    matches!(
        cause,
        StepError::Machine(
            Fault::ConnectionLost { .. }
                | Fault::ConnectTimeout { .. }
                | Fault::Unreachable { .. }
                | Fault::Handshake { .. }
                | Fault::ChannelRefused { .. }
        )
    )
}

async fn pause(runner: &Runner, stage: &Stage, number: usize, cause: &StepError, attempt: &mut u32) {
    let length = (FIRST_PAUSE * 2_u32.pow(*attempt - 1)).min(LONGEST_PAUSE);
    *attempt += 1;
    runner.say(Event::StepRetried {
        step: step_ref(stage, number),
        title: stage.steps[number].title.clone(),
        cause: with_sources(cause),
        attempt: *attempt,
    });
    tokio::time::sleep(length).await;
}
