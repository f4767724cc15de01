use std::io::{BufRead, IsTerminal, Write};

use clap::Args;
use hardway_plan::Plan;
use hardway_ui::{Output, plan_text, summary};

use crate::cli::Common;
use crate::error::CommandError;
use crate::session::{Scope, Session, execute};

/// Bring the machines to what cluster.yaml says
///
/// Reads the machines and the live cluster, plans what differs, shows it, and does it. Safe to run again, and to go on
/// with after a failure: with nothing to do it does nothing.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:\n  hardway apply\n  hardway apply --yes -o json")]
pub struct Arguments {
    /// Do not ask
    #[arg(short, long)]
    pub yes: bool,
}

pub async fn run(common: &Common, output: Output, arguments: Arguments) -> Result<(), CommandError> {
    let session = Session::open(common, output)?;
    apply(&session, arguments.yes).await?;
    output.note("next: `hardway verify` checks every part of the cluster");
    Ok(())
}

pub async fn apply(session: &Session, yes: bool) -> Result<(), CommandError> {
    let _lock = session.lock("apply")?;
    let prepared = session.prepare(Scope::Everything).await?;
    let plan = prepared.plan(session)?;
    session.output.note(&summary(&plan));
    if plan.is_empty() {
        return Ok(());
    }
    if !yes && !confirm(session.output, &plan)? {
        return Err(CommandError::Interrupted);
    }
    execute(session, &plan, &prepared.machines, &prepared.material.blobs, Some(&prepared.live)).await
}

/// Shows the plan and asks, where there is a terminal to ask on.
fn confirm(output: Output, plan: &Plan) -> Result<bool, CommandError> {
    if !std::io::stdin().is_terminal() || output.is_json() {
        return Ok(true);
    }
    output.note(&plan_text(plan, false));
    ask("apply this?")
}

/// A question with "no" as its default answer.
pub fn ask(question: &str) -> Result<bool, CommandError> {
    let mut stderr = std::io::stderr();
    let _ = write!(stderr, "{question} [y/N] ");
    let _ = stderr.flush();
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer).map_err(CommandError::failed)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}
