//! Errors: place, cause, the last lines that a machine said; many machines' failures grouped by cause.

use std::collections::BTreeMap;
use std::error::Error;

use hardway_run::{StageFailure, with_sources};

use crate::style::{BAD, BOLD, DIM, paint};

/// `error: what` and what caused it, one cause a line.
pub fn error_chain(error: &dyn Error) -> String {
    let mut text = format!("{} {error}", paint(BAD, "error:"));
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(&format!("\n  {} {cause}", paint(DIM, "because")));
        source = cause.source();
    }
    text
}

/// The failures of a run, those with the same cause together.
pub fn failures(failures: &[StageFailure]) -> String {
    let mut groups: BTreeMap<(String, String), Vec<&StageFailure>> = BTreeMap::new();
    for failure in failures {
        groups.entry((failure.step.clone(), with_sources(&failure.cause))).or_default().push(failure);
    }
    let mut blocks = Vec::new();
    for ((step, cause), failures) in groups {
        let places: Vec<String> = failures.iter().map(|failure| failure.stage.place.to_string()).collect();
        let mut block = format!("{} {}: {step}: {cause}", paint(BAD, "failed"), paint(BOLD, places.join(", ")));
        let output = failures.iter().map(|failure| &failure.output).find(|output| !output.is_empty());
        for line in output.into_iter().flatten() {
            block.push_str(&format!("\n    {line}"));
        }
        blocks.push(block);
    }
    blocks.join("\n")
}
