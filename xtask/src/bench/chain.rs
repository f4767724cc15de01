//! Where a run's time went: its record, and the longest chain of stages in it.

use std::path::Path;

use hardway_run::{RunDetail, longest_chain, read_run};

use crate::run::Failure;

/// The newest run of the workspace.
pub(super) fn newest_run(workspace: &Path) -> Result<RunDetail, Failure> {
    let mut runs: Vec<_> = std::fs::read_dir(workspace.join(".hardway/runs"))?
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<Vec<_>, Failure>>()?;
    runs.sort();
    let newest = runs.last().ok_or("the workspace has no run")?;
    read_run(newest)?.ok_or_else(|| format!("{} has no events", newest.display()).into())
}

/// `NAME@PLACE` of each stage that the run's length hangs on, the first one first, with the seconds that it adds.
pub(super) fn chain(run: &RunDetail) -> Vec<(String, f64)> {
    let links = longest_chain(&run.stage_times()).into_iter();
    links.map(|link| (format!("{}@{}", link.stage.stage, link.stage.place), link.adds.as_secs_f64())).collect()
}
