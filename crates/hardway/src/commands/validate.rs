use clap::Args;
use hardway_ui::{Output, SpecProblems};

use crate::cli::Common;
use crate::error::CommandError;
use crate::session::Session;

/// Check cluster.yaml alone, all problems at once
///
/// Touches no machine. Exit code 2 means that there are problems. With -o json: problems[] with line, column, path,
/// message and help.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Print the JSON Schema of cluster.yaml instead, for editors
    #[arg(long)]
    schema: bool,
}

pub fn run(common: &Common, output: Output, arguments: Arguments) -> Result<(), CommandError> {
    if arguments.schema {
        output.data(&hardway_spec::json_schema());
        return Ok(());
    }
    let session = Session::open(common, output)?;
    if output.is_json() {
        output.json(&SpecProblems::none(&session.workspace.spec_path().to_string_lossy()));
        return Ok(());
    }
    let leaving = match session.cluster.leaving().count() {
        0 => String::new(),
        count => format!(", {count} of them leaving"),
    };
    output.note(&format!(
        "{} is valid: {} machines{leaving}",
        session.workspace.spec_path().display(),
        session.cluster.spec.machines.len()
    ));
    Ok(())
}
