//! What a run says while it goes: the only road from the engine to screen and journal.

use std::time::Duration;

use serde::Serialize;

/// Names a step of a run: its stage, and its number there.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StepRef {
    /// A machine's name, or `cluster`.
    pub place: String,
    /// The stage's name on its place.
    pub stage: String,
    /// From 0.
    pub number: usize,
}

/// One thing that happened. Never holds a secret: steps' output is the machine's own, titles are the plan's.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", tag = "event", rename_all_fields = "camelCase")]
pub enum Event {
    RunStarted {
        stages: usize,
        steps: usize,
        bytes: u64,
    },
    StepStarted {
        step: StepRef,
        title: String,
    },
    StepOutput {
        step: StepRef,
        line: String,
    },
    /// Bytes copied so far, of a step that copies.
    StepProgress {
        step: StepRef,
        bytes: u64,
        total: u64,
    },
    StepDone {
        step: StepRef,
        title: String,
        #[serde(rename = "elapsedSeconds", serialize_with = "seconds")]
        elapsed: Duration,
    },
    /// The step failed for what may be a passing reason, and is tried again.
    StepRetried {
        step: StepRef,
        title: String,
        cause: String,
        attempt: u32,
    },
    StepFailed {
        step: StepRef,
        title: String,
        cause: String,
        output: Vec<String>,
    },
    StageDone {
        place: String,
        stage: String,
        /// How long it waited for others before it began.
        #[serde(rename = "waitedSeconds", serialize_with = "seconds")]
        waited: Duration,
        #[serde(rename = "elapsedSeconds", serialize_with = "seconds")]
        elapsed: Duration,
    },
    /// Not done, since something it waits for failed, or since the run was stopped before or while it went.
    StageSkipped {
        place: String,
        stage: String,
        because: String,
    },
    RunDone {
        #[serde(rename = "elapsedSeconds", serialize_with = "seconds")]
        elapsed: Duration,
        failed: usize,
        skipped: usize,
    },
}

fn seconds<S: serde::Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(duration.as_secs_f64())
}
