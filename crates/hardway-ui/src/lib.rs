//! What people and programs see: events, plans, checks and errors to a terminal, plain text or JSON.
//!
//! Data goes to stdout, all else to stderr. Everything can be understood without colour.
//!
//! Invariant: nobody else prints.

mod artifacts;
mod checks;
mod errors;
mod findings;
mod lab;
mod lock;
mod output;
mod plan;
mod printable;
mod progress;
mod runs;
mod size;
mod spec;
mod style;
mod table;

pub use artifacts::ArtifactProgress;
pub use checks::{CheckList, check_line};
pub use errors::{error_chain, failures};
pub use findings::findings_text;
pub use lab::lab_line;
pub use lock::LockChanges;
pub use output::{ColorChoice, Format, Output};
pub use plan::{plan_text, summary};
pub use progress::RunProgress;
pub use runs::{run_text, runs_table};
pub use size::{bytes, seconds};
pub use spec::SpecProblems;
pub use table::Table;
