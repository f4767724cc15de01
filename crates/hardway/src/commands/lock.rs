use clap::Args;
use hardway_artifacts::{Lock, Selection};
use hardway_ui::{LockChanges, Output};
use hardway_workspace::ARTIFACT_LOCK;

use crate::cli::Common;
use crate::error::CommandError;
use crate::session::{Session, Wanted};

/// Lock the cluster to the artifacts that its source has now
///
/// Writes hardway.lock anew and says what changed: every artifact's version, source, size, digest, and what vouched for
/// it. `apply` writes it the first time, and from then on refuses what differs. Keep it in Git.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:\n  hardway lock\n  hardway lock --check\n  hardway lock -o json")]
pub struct Arguments {
    /// Change nothing; exit code 3 means that something would change
    #[arg(long)]
    check: bool,
}

pub async fn run(common: &Common, output: Output, arguments: Arguments) -> Result<(), CommandError> {
    let session = Session::open(common, output)?;
    let _alone = if arguments.check { None } else { Some(session.lock("lock")?) };
    let before = session.artifact_lock()?.unwrap_or_default();
    let catalog = session.obtain(output, &Selection::cluster(), Wanted::Current).await?;
    let now = Lock::of(&catalog);
    let changes = LockChanges::new(&before, &now);
    if output.is_json() {
        output.json(&changes);
    } else {
        output.data(&changes.to_string());
    }
    if arguments.check {
        return if changes.is_empty() { Ok(()) } else { Err(CommandError::Differs) };
    }
    session.write_artifact_lock(&now)?;
    output.note(&format!("{ARTIFACT_LOCK} is written; `hardway plan` shows what it changes on the machines"));
    Ok(())
}
