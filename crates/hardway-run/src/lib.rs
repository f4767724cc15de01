//! Runs a plan: stages side by side, gates, limits, retries, cancellation, journal.
//!
//! Invariant: it makes no choices. What is done, and in which order, the plan says.

mod api;
mod event;
mod journal;
mod live;
mod runner;
mod stage;

pub use api::{ApiError, ClusterApi};
pub use event::{Event, StepRef};
pub use journal::{Journal, JournalError};
pub use runner::{DEFAULT_UPLOADS, Report, Runner};
pub use stage::{StageFailure, StepError, with_sources};
