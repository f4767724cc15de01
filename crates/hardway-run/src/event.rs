//! What a run says while it goes: the only road from the engine to screen and journal.

use std::time::Duration;

use hardway_plan::{Stage, Step};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The version of the events' format; it grows when a field changes its meaning or goes. New fields and new kinds of
/// events do not change it.
pub const FORMAT_VERSION: u32 = 1;

/// A line of `-o json` and of a run's journal: an event and when it was heard of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// By the operator's clock, in UTC.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub time: Timestamp,
    pub entry: Event,
}

/// Names a stage of a run.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StageRef {
    /// A machine's name, or `cluster`.
    pub place: String,
    /// The stage's name on its place.
    pub stage: String,
}

/// Names a step of a run: its stage, and its number there.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StepRef {
    /// A machine's name, or `cluster`.
    pub place: String,
    /// The stage's name on its place.
    pub stage: String,
    /// From 0.
    pub number: usize,
}

/// A step as it was planned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlannedStep {
    pub title: String,
    pub reason: String,
    /// What it changes, as a unified diff; of a secret only fingerprints.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub diff: Option<String>,
    /// What an operator notices while it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disruption: Option<String>,
    /// How much it copies to its machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
}

/// One thing that happened. Never holds a secret: steps' output is the machine's own, titles are the plan's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", tag = "event", rename_all_fields = "camelCase")]
pub enum Event {
    /// The first event: which run this is, and whose.
    RunOpened {
        format_version: u32,
        /// As `hardway runs show` takes it.
        id: String,
        /// As it was typed.
        command: String,
        user: String,
        /// Where it runs: the operator's machine.
        host: String,
        process: u32,
        /// Of hardway.
        version: String,
    },
    /// The plan begins. All its stages follow, each as a `stagePlanned`, before anything is done.
    RunStarted {
        stages: usize,
        steps: usize,
        /// To be copied to machines.
        bytes: u64,
    },
    /// A stage: steps of one place that are done in their order, once the stages that it waits for are done.
    StagePlanned {
        place: String,
        stage: String,
        /// The stages that it waits for.
        after: Vec<StageRef>,
        steps: Vec<PlannedStep>,
    },
    StepStarted {
        step: StepRef,
        title: String,
    },
    /// A line that the step printed on its machine.
    StepOutput {
        step: StepRef,
        line: String,
    },
    /// Bytes copied so far, of a step that copies. For the screen alone: neither printed as JSON nor kept.
    #[schemars(skip)]
    StepProgress {
        step: StepRef,
        bytes: u64,
        total: u64,
    },
    StepDone {
        step: StepRef,
        title: String,
        #[serde(rename = "elapsedSeconds", with = "seconds")]
        #[schemars(with = "f64")]
        elapsed: Duration,
    },
    /// The step failed for what may be a passing reason, and is tried again after a pause.
    StepRetried {
        step: StepRef,
        title: String,
        cause: String,
        /// The number of the attempt that follows: 2 for the first one that is tried again.
        attempt: u32,
    },
    /// The step failed, and with it its stage.
    StepFailed {
        step: StepRef,
        title: String,
        cause: String,
        /// Its last lines.
        output: Vec<String>,
    },
    StageDone {
        place: String,
        stage: String,
        /// How long it waited for others before it began, counted from the run's start.
        #[serde(rename = "waitedSeconds", with = "seconds")]
        #[schemars(with = "f64")]
        waited: Duration,
        #[serde(rename = "elapsedSeconds", with = "seconds")]
        #[schemars(with = "f64")]
        elapsed: Duration,
    },
    /// Not done, since something it waits for failed, or since the run was stopped before or while it went.
    StageSkipped {
        place: String,
        stage: String,
        because: String,
    },
    /// The run had cordoned the node to remove its machine, and did not come so far: it takes pods again.
    NodeUncordoned {
        node: String,
    },
    /// The run had cordoned the node to remove its machine, and did not come to its end: it takes no pods.
    NodeLeftCordoned {
        node: String,
        because: String,
    },
    /// The last event. A run without it died.
    RunDone {
        #[serde(rename = "elapsedSeconds", with = "seconds")]
        #[schemars(with = "f64")]
        elapsed: Duration,
        /// Stages with a step that failed.
        failed: usize,
        /// Stages that were not done.
        skipped: usize,
        /// Whether the operator stopped it.
        #[serde(default)]
        stopped: bool,
    },
}

impl Event {
    /// A stage as it is told before a run begins.
    pub fn planned(stage: &Stage) -> Self {
        Self::StagePlanned {
            place: stage.id.place.to_string(),
            stage: stage.id.name.clone(),
            after: stage
                .after
                .iter()
                .map(|id| StageRef { place: id.place.to_string(), stage: id.name.clone() })
                .collect(),
            steps: stage.steps.iter().map(PlannedStep::from).collect(),
        }
    }

    /// Whether it says something only while it happens, so that it is neither kept nor printed as JSON.
    pub fn is_passing(&self) -> bool {
        matches!(self, Self::StepProgress { .. })
    }
}

impl From<&Step> for PlannedStep {
    fn from(step: &Step) -> Self {
        Self {
            title: step.title.clone(),
            reason: step.reason.clone(),
            diff: step.change.as_ref().map(ToString::to_string),
            disruption: step.disruption.clone(),
            bytes: step.action.blob().map(|blob| blob.size),
        }
    }
}

/// A time's length as a number of seconds, to the millisecond: finer is noise, and reads badly.
pub(crate) mod seconds {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64((duration.as_secs_f64() * 1000.0).round() / 1000.0)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        Duration::try_from_secs_f64(f64::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

/// The JSON Schema of a line of events, as `schema/events.json` holds it.
pub fn json_schema() -> String {
    let mut text = serde_json::to_string_pretty(&schemars::schema_for!(Entry)).expect("a schema is JSON");
    text.push('\n');
    text
}
