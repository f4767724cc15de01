use clap::{Args, Subcommand};
use hardway_run::{RunDetail, RunSummary, read_run, summarize_run};
use hardway_ui::{Output, run_text, runs_table};
use hardway_workspace::{RunDirectory, Workspace};

use crate::cli::Common;
use crate::error::{CommandError, Message};
use crate::session::{workspace_directory, workspace_error};

/// Show what was done here: every apply and reset, and how it ended
///
/// The newest comes first; the last 100 are kept. A run that died was killed, or its host lost power: what it left undone
/// is done by running the same command again.
#[derive(Debug, Args)]
#[command(
    after_long_help = "Examples:\n  hardway runs\n  hardway runs -o json | jq '.[] | select(.outcome != \"succeeded\")'"
)]
pub struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    Show(Show),
}

/// Show one run: each step's time, output and diff
///
/// Of a secret there are only fingerprints, as in a plan.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:\n  hardway runs show\n  hardway runs show 20261123T170000Z --no-diff")]
struct Show {
    /// The run's ID as `hardway runs` prints it, or `last`
    #[arg(default_value = LAST)]
    id: String,
    /// Leave out the diffs of files and objects
    #[arg(long)]
    no_diff: bool,
}

/// Names the newest run.
const LAST: &str = "last";

/// How many keys apart an ID that was mistyped may be from the one that was meant.
const TYPING_ERRORS: usize = 2;

pub fn run(common: &Common, output: Output, arguments: Arguments) -> Result<(), CommandError> {
    let workspace = Workspace::open(workspace_directory(common).as_std_path()).map_err(workspace_error)?;
    let mut directories = workspace.run_directories().map_err(workspace_error)?;
    directories.reverse();
    match arguments.command {
        None => list(output, &directories),
        Some(Command::Show(show)) => self::show(output, &directories, &show),
    }
}

fn list(output: Output, directories: &[RunDirectory]) -> Result<(), CommandError> {
    let mut runs: Vec<RunSummary> = Vec::new();
    for directory in directories {
        runs.extend(summarize_run(&directory.path).map_err(CommandError::failed)?);
    }
    if output.is_json() {
        output.json(&runs);
    } else if runs.is_empty() {
        output.note("there is no run yet; `hardway apply` makes the first");
    } else {
        output.data(&runs_table(&runs));
    }
    Ok(())
}

fn show(output: Output, directories: &[RunDirectory], show: &Show) -> Result<(), CommandError> {
    let detail = find(directories, &show.id)?;
    if output.is_json() {
        output.json(&detail);
    } else {
        output.data(&run_text(&detail, !show.no_diff));
    }
    Ok(())
}

fn find(directories: &[RunDirectory], id: &str) -> Result<RunDetail, CommandError> {
    // A folder may be there whose run has not said its first word.
    for directory in directories.iter().filter(|directory| id == LAST || directory.id == id) {
        if let Some(detail) = read_run(&directory.path).map_err(CommandError::failed)? {
            return Ok(detail);
        }
    }
    if directories.is_empty() {
        let error = CommandError::input(Message("there is no run yet".to_owned()));
        return Err(error.with_help("`hardway apply` makes the first"));
    }
    let close = directories.iter().map(|directory| directory.id.as_str()).find(|known| is_close(known, id));
    let help = match close {
        Some(close) => format!("did you mean {close}? `hardway runs` lists them"),
        None => "`hardway runs` lists them".to_owned(),
    };
    Err(CommandError::input(Message(format!("no run has the ID {id}"))).with_help(help))
}

/// Whether a run may be the one that was meant: its ID begins so, or is a typing error away.
fn is_close(known: &str, typed: &str) -> bool {
    !typed.is_empty() && known.starts_with(typed) || strsim::damerau_levenshtein(known, typed) <= TYPING_ERRORS
}
