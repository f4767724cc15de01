//! Recorded runs as people read them.

use std::time::Duration;

use hardway_run::{Outcome, RunDetail, RunSummary, StageDetail, StageState, StepDetail, StepState};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::Table;
use crate::printable::{fit, printable};
use crate::progress::where_the_time_went;
use crate::size::seconds;
use crate::style::{BAD, BOLD, CHANGE, DIM, GOOD, paint};

/// Columns for a command in the list: with all the others beside it, a line still fits a wide terminal.
const COMMAND: usize = 40;
/// Columns for a step's times: `12 min 05 s`.
const TIME: usize = 11;

/// One line for each run.
pub fn runs_table(runs: &[RunSummary]) -> String {
    let mut table = Table::new(&["ID", "BEGAN", "COMMAND", "WHO", "ENDED", "TOOK", "STEPS"]);
    for run in runs {
        table.row([
            run.id.clone(),
            local(run.started),
            fit(&printable(&run.command), COMMAND),
            format!("{}@{}", run.user, run.host),
            outcome(run.outcome),
            seconds(run.elapsed),
            steps(run, ""),
        ]);
    }
    table.text()
}

/// A run: its head, each step with its time, output and, where `diffs`, what it changed, and where the time went.
pub fn run_text(detail: &RunDetail, diffs: bool) -> String {
    let run = &detail.run;
    let mut lines = vec![
        format!("{}  {}", paint(BOLD, &run.id), printable(&run.command)),
        format!("{} after {}: {}", outcome(run.outcome), seconds(run.elapsed), steps(run, " steps")),
        format!(
            "began {} by {}@{} (process {}) with hardway {}",
            local(run.started),
            run.user,
            run.host,
            run.process,
            run.version
        ),
    ];
    for stage in &detail.stages {
        lines.push(String::new());
        lines.push(stage_head(stage));
        lines.extend(stage.steps.iter().flat_map(|step| step_lines(step, run.outcome, diffs)));
    }
    let times = where_the_time_went(&detail.stage_times());
    if !times.is_empty() {
        lines.push(String::new());
        lines.push(times);
    }
    lines.join("\n")
}

fn outcome(outcome: Outcome) -> String {
    match outcome {
        Outcome::Running => paint(CHANGE, "running"),
        Outcome::Succeeded => paint(GOOD, "succeeded"),
        Outcome::Failed => paint(BAD, "failed"),
        Outcome::Stopped => paint(CHANGE, "stopped"),
        Outcome::Died => paint(BAD, "died"),
    }
}

fn steps(run: &RunSummary, noun: &str) -> String {
    let failed = if run.steps_failed == 0 { String::new() } else { format!(", {} failed", run.steps_failed) };
    format!("{} of {}{noun}{failed}", run.steps_done, run.steps)
}

/// In the operator's own time zone.
fn local(time: Timestamp) -> String {
    time.to_zoned(TimeZone::system()).strftime("%Y-%m-%d %H:%M:%S %Z").to_string()
}

fn stage_head(stage: &StageDetail) -> String {
    let name = paint(BOLD, format!("{} on {}", stage.stage, stage.place));
    let state = match (stage.state, stage.time, &stage.because) {
        (StageState::Done, Some(time), _) => {
            format!("began after {}, took {}", seconds(time.began), seconds(time.elapsed))
        }
        (StageState::Done, None, _) => "done".to_owned(),
        (StageState::Failed, ..) => paint(BAD, "failed"),
        (StageState::Skipped, _, because) => format!("not done: {}", because.as_deref().unwrap_or("skipped")),
        (StageState::Open, ..) => "not done".to_owned(),
    };
    format!("{name}: {state}")
}

fn step_lines(step: &StepDetail, run: Outcome, diffs: bool) -> Vec<String> {
    let time = |shown: Option<Duration>| format!("{:>TIME$}", shown.map_or_else(|| "-".to_owned(), seconds));
    let began = step.time.map(|span| span.began);
    let took = step.time.filter(|_| step.state == StepState::Done).map(|span| span.elapsed);
    let mut lines = vec![format!(
        "{}{}  {}  {}",
        time(began),
        time(took),
        step.plan.title,
        paint(DIM, format!("({})", step.plan.reason))
    )];
    let indent = " ".repeat(2 * TIME + 4);
    if let Some(disruption) = &step.plan.disruption {
        lines.push(format!("{indent}{}", paint(CHANGE, disruption)));
    }
    match step.state {
        StepState::Failed => {
            let cause = printable(step.cause.as_deref().unwrap_or_default());
            lines.push(format!("{indent}{} {cause}", paint(BAD, "failed:")));
        }
        StepState::Open if run == Outcome::Running => lines.push(format!("{indent}goes on")),
        StepState::Open => lines.push(format!("{indent}had begun; whether it ended is not known")),
        StepState::Done | StepState::NotBegun => {}
    }
    if step.retries > 0 {
        lines.push(format!("{indent}tried again, {} times", step.retries));
    }
    lines.extend(step.output.iter().map(|line| format!("{indent}{}", paint(DIM, format!("| {}", printable(line))))));
    if let (true, Some(diff)) = (diffs, &step.plan.diff) {
        lines.extend(diff.lines().map(|line| format!("{indent}{}", printable(line))));
    }
    lines
}
