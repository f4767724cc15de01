//! Runs a plan: stages side by side, gates, limits, retries, cancellation, journal.
//!
//! Invariant: it makes no choices. What is done, and in which order, the plan says.

mod api;
mod chain;
mod cordoned;
mod event;
mod history;
mod journal;
mod live;
mod runner;
mod stage;

pub use api::{ApiError, ClusterApi};
pub use chain::{Link, StageTime, longest_chain};
pub use event::{Entry, Event, FORMAT_VERSION, PlannedStep, StageRef, StepRef, json_schema};
pub use history::{
    Outcome, RunDetail, RunSummary, StageDetail, StageState, StepDetail, StepState, read_run, summarize_run,
};
pub use journal::{Journal, JournalError};
pub use runner::{DEFAULT_UPLOADS, LocalBlob, Report, Runner};
pub use stage::{StageFailure, StepError, with_sources};
