use std::io::{BufRead, IsTerminal, Write};

use camino::{Utf8Path, Utf8PathBuf};
use clap::Args;
use hardway_pki::FormerNames;
use hardway_plan::{Moved, Proposal, SavedPlan, Selection};
use hardway_ui::{Output, plan_text, summary};

use super::acceptance::Acceptance;
use super::finishing::{self, Finishing};
use super::narrowing::Narrowing;
use crate::cli::Common;
use crate::error::CommandError;
use crate::session::{Prepared, Scope, Session, execute};

/// Bring the machines to what cluster.yaml says
///
/// Reads the machines and the live cluster, plans what differs, shows it, and does it. Safe to run again, and to go on
/// with after a failure: with nothing to do it does nothing.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:\n  hardway apply\n  hardway apply --only w1\n  hardway apply --yes -o json\n  \
                       hardway plan --out change.json && hardway apply change.json")]
pub struct Arguments {
    /// A plan that `hardway plan --out` saved: just that is done, or nothing where anything moved since
    #[arg(value_name = "FILE", conflicts_with_all = ["only", "only_role", "finish"])]
    plan: Option<Utf8PathBuf>,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
    #[command(flatten)]
    acceptance: Acceptance,
    #[command(flatten)]
    finishing: Finishing,
    #[command(flatten)]
    narrowing: Narrowing,
}

pub async fn run(common: &Common, output: Output, arguments: Arguments) -> Result<(), CommandError> {
    let session = Session::open(common, output)?;
    match &arguments.plan {
        Some(file) => apply_saved(&session, file, &arguments.acceptance).await?,
        None => {
            let selection = arguments.narrowing.selection(&session)?;
            let former = arguments.finishing.former_names();
            apply(&session, arguments.yes, selection.as_ref(), former, &arguments.acceptance).await?;
        }
    }
    output.note("next: `hardway verify` checks every part of the cluster");
    Ok(())
}

pub async fn apply(
    session: &Session,
    yes: bool,
    selection: Option<&Selection>,
    former: FormerNames,
    acceptance: &Acceptance,
) -> Result<(), CommandError> {
    let lock = session.lock("apply")?;
    let (prepared, cluster) = session.prepare_alone(Scope::Plan(selection, former), lock.holder()).await?;
    let work = async {
        let proposal = prepared.propose(session, selection)?;
        acceptance.of(&proposal.findings)?;
        session.output.note(&summary(&proposal));
        if !proposal.is_empty() && !yes && !confirm(session.output, &proposal)? {
            return Err(CommandError::Interrupted);
        }
        carry_out(session, &prepared, &proposal, selection).await
    };
    cluster.during(work).await
}

/// Does what a saved plan says, if the same plan comes out again. Nobody is asked: it was read when it was saved.
async fn apply_saved(session: &Session, file: &Utf8Path, acceptance: &Acceptance) -> Result<(), CommandError> {
    let lock = session.lock("apply")?;
    let text = std::fs::read_to_string(file).map_err(|error| unusable(file, error))?;
    let saved = SavedPlan::parse(&text, &session.cluster.metadata.name).map_err(|error| unusable(file, error))?;
    let selection = match saved.only() {
        // A name that is no longer there left with a change of the spec.
        Some(names) => Some(
            Selection::new(&session.cluster, names, &[])
                .map_err(|_| CommandError::Moved { file: file.to_owned(), moved: vec![Moved::Spec] })?,
        ),
        None => None,
    };
    let (prepared, cluster) =
        session.prepare_alone(Scope::Plan(selection.as_ref(), FormerNames::Kept), lock.holder()).await?;
    let work = async {
        let proposal = prepared.propose(session, selection.as_ref())?;
        let moved = saved.moved(&prepared.save(session, &proposal)?);
        if !moved.is_empty() {
            return Err(CommandError::Moved { file: file.to_owned(), moved });
        }
        acceptance.of(&proposal.findings)?;
        session.output.note(&summary(&proposal));
        carry_out(session, &prepared, &proposal, selection.as_ref()).await
    };
    cluster.during(work).await
}

fn unusable(file: &Utf8Path, cause: impl std::error::Error + Send + Sync + 'static) -> CommandError {
    CommandError::input(UnusablePlan { file: file.to_owned(), source: Box::new(cause) })
        .with_help(format!("`hardway plan --out {file}` makes one"))
}

/// A file that was named as a saved plan.
#[derive(Debug, thiserror::Error)]
#[error("cannot use the plan in {file}")]
struct UnusablePlan {
    file: Utf8PathBuf,
    source: Box<dyn std::error::Error + Send + Sync>,
}

/// Writes the workspace, runs the plan, and says what is left to do.
pub async fn carry_out(
    session: &Session,
    prepared: &Prepared,
    proposal: &Proposal,
    selection: Option<&Selection>,
) -> Result<(), CommandError> {
    if !proposal.is_empty() {
        prepared.keep(session)?;
    }
    if !proposal.plan.is_empty() {
        let (plan, machines, blobs) = (&proposal.plan, &prepared.machines, &prepared.material.blobs);
        execute(session, plan, machines, blobs, Some(&prepared.live)).await?;
    }
    for line in prepared.farewells(selection) {
        session.output.note(&line);
    }
    finishing::remind(session.output, &prepared.former_names(session));
    prepared.nobody_left_out()
}

/// Shows what would be done and asks, where there is a terminal to ask on.
fn confirm(output: Output, proposal: &Proposal) -> Result<bool, CommandError> {
    if !std::io::stdin().is_terminal() || output.is_json() {
        return Ok(true);
    }
    output.note(&plan_text(proposal, false));
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
