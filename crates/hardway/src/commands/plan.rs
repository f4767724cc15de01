use camino::Utf8PathBuf;
use clap::Args;
use hardway_plan::{Plan, PlanView};
use hardway_ui::{Output, findings_text, plan_text, summary};

use super::finishing::{self, Finishing};
use super::narrowing::Narrowing;
use crate::cli::Common;
use crate::error::CommandError;
use crate::session::{Scope, Session};

/// Show what apply would do, and why
///
/// Reads the machines and the live cluster and changes nothing. Exit code 0 means nothing to do, 3 that there are
/// changes. docs/plan.md explains what is shown, and the fields of -o json.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:\n  hardway plan\n  hardway plan --only w1,w2 --no-diff\n  hardway plan --out \
                       change.json && hardway apply change.json\n  hardway plan --script >what-would-run.sh")]
pub struct Arguments {
    /// Leave out the diffs of files and objects
    #[arg(long)]
    no_diff: bool,
    /// Print the very shell that would run on each machine
    #[arg(long, conflicts_with = "no_diff")]
    script: bool,
    /// Save the plan, for `hardway apply FILE` to do just that
    ///
    /// Certificates that it issues stay in the workspace, since the plan names their bytes.
    #[arg(long, value_name = "FILE")]
    out: Option<Utf8PathBuf>,
    #[command(flatten)]
    finishing: Finishing,
    #[command(flatten)]
    narrowing: Narrowing,
}

pub async fn run(common: &Common, output: Output, arguments: Arguments) -> Result<(), CommandError> {
    let session = Session::open(common, output)?;
    let selection = arguments.narrowing.selection(&session)?;
    let _lock = arguments.out.is_some().then(|| session.lock("plan --out")).transpose()?;
    let prepared = session.prepare(Scope::Plan(selection.as_ref(), arguments.finishing.former_names())).await?;
    let proposal = prepared.propose(&session, selection.as_ref())?;
    if arguments.script {
        output.data(&scripts(&proposal.plan));
    } else if output.is_json() {
        output.json(&PlanView::from(&proposal));
    } else {
        let text = plan_text(&proposal, !arguments.no_diff);
        if !text.is_empty() {
            output.data(&text);
        }
        output.note(&summary(&proposal));
        finishing::remind(output, &prepared.former_names(&session));
        if !proposal.findings.is_empty() {
            output.note(&findings_text(&proposal.findings));
        }
    }
    if let Some(file) = &arguments.out {
        session.keep(&prepared.material.keys)?;
        let saved = prepared.save(&session, &proposal)?;
        hardway_workspace::write_private(file.as_std_path(), saved.text().as_bytes()).map_err(CommandError::input)?;
        output.note(&format!("saved to {file}; next: `hardway apply {file}` does just that"));
    }
    prepared.nobody_left_out()?;
    if proposal.is_empty() { Ok(()) } else { Err(CommandError::Differs) }
}

fn scripts(plan: &Plan) -> String {
    let mut text = String::new();
    for stage in &plan.stages {
        let steps: Vec<_> = stage.steps.iter().enumerate().filter(|(_, step)| step.action.runs_as_script()).collect();
        if !steps.is_empty() {
            text.push_str(&format!("### {}\n{}\n", stage.id, hardway_plan::script::render(&steps).text));
        }
    }
    text
}
