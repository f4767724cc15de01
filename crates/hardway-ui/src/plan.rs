//! A plan as a person reads it, and as a program does.

use hardway_plan::{Change, Plan, Stage, Step};
use serde::Serialize;

use crate::size::bytes;
use crate::style::{BOLD, CHANGE, DIM, GOOD, paint};

/// The version of [`PlanView`]'s format; it grows when a field changes its meaning or goes.
const FORMAT_VERSION: u32 = 1;

/// The plan as `-o json` prints it. Secrets are fingerprints, never bytes.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PlanView {
    format_version: u32,
    steps: usize,
    bytes_to_copy: u64,
    stages: Vec<StageView>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct StageView {
    place: String,
    name: String,
    /// `NAME@PLACE` of the stages that come before.
    after: Vec<String>,
    steps: Vec<StepView>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct StepView {
    title: String,
    reason: String,
    resource: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    diff: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    disruption: Option<String>,
}

impl From<&Plan> for PlanView {
    fn from(plan: &Plan) -> Self {
        Self {
            format_version: FORMAT_VERSION,
            steps: plan.step_count(),
            bytes_to_copy: plan.bytes_to_copy(),
            stages: plan.stages.iter().map(StageView::from).collect(),
        }
    }
}

impl From<&Stage> for StageView {
    fn from(stage: &Stage) -> Self {
        Self {
            place: stage.id.place.to_string(),
            name: stage.id.name.clone(),
            after: stage.after.iter().map(ToString::to_string).collect(),
            steps: stage.steps.iter().map(StepView::from).collect(),
        }
    }
}

impl From<&Step> for StepView {
    fn from(step: &Step) -> Self {
        Self {
            title: step.title.clone(),
            reason: step.reason.clone(),
            resource: step.resource.to_string(),
            diff: step.change.as_ref().map(change_text),
            disruption: step.disruption.clone(),
        }
    }
}

/// The plan, place by place, each step with its reason and, where `diffs`, what changes.
pub fn plan_text(plan: &Plan, diffs: bool) -> String {
    let mut lines = Vec::new();
    let mut places: Vec<&hardway_design::Place> = Vec::new();
    for stage in &plan.stages {
        if !places.contains(&&stage.id.place) {
            places.push(&stage.id.place);
        }
    }
    for place in places {
        lines.push(paint(BOLD, place));
        for stage in plan.stages.iter().filter(|stage| stage.id.place == *place) {
            for step in stage.steps.iter().filter(|step| !step.action.only_waits()) {
                lines.push(format!("  {}  {}", step.title, paint(DIM, format!("({})", step.reason))));
                if let Some(disruption) = &step.disruption {
                    lines.push(format!("    {}", paint(CHANGE, disruption)));
                }
                if let (true, Some(change)) = (diffs, &step.change) {
                    lines.extend(change_text(change).lines().map(|line| format!("    {line}")));
                }
            }
        }
    }
    lines.join("\n")
}

/// One line: how much there is to do.
pub fn summary(plan: &Plan) -> String {
    if plan.is_empty() {
        return paint(GOOD, "nothing to do: the machines and the cluster are as the spec says");
    }
    let steps = plan.stages.iter().flat_map(|stage| &stage.steps).filter(|step| !step.action.only_waits()).count();
    let copies = plan.bytes_to_copy();
    let copying = if copies == 0 { String::new() } else { format!(", {} to copy", bytes(copies)) };
    format!("{steps} steps on {} machines{copying}", plan.machines().len())
}

fn change_text(change: &Change) -> String {
    match change {
        Change::Diff(diff) => diff.clone(),
        Change::Fingerprint { old: Some(old), new } => format!("secret, sha256 {old}… becomes {new}…"),
        Change::Fingerprint { old: None, new } => format!("secret, sha256 {new}…"),
    }
}
