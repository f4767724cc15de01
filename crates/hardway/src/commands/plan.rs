use clap::Args;
use hardway_ui::{Output, PlanView, plan_text, summary};

use crate::cli::Common;
use crate::error::CommandError;
use crate::session::{Scope, Session};

/// Show what apply would do, and why
///
/// Reads the machines and the live cluster and changes nothing there. Exit code 0 means nothing to do, 3 that there are
/// changes.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:\n  hardway plan\n  hardway plan --script >what-would-run.sh")]
pub struct Arguments {
    /// Leave out the diffs of files and objects
    #[arg(long)]
    no_diff: bool,
    /// Print the very shell that would run on each machine
    #[arg(long)]
    script: bool,
}

pub async fn run(common: &Common, output: Output, arguments: Arguments) -> Result<(), CommandError> {
    let session = Session::open(common, output)?;
    let plan = session.prepare(Scope::Everything).await?.plan(&session)?;
    if arguments.script {
        output.data(&scripts(&plan));
    } else if output.is_json() {
        output.json(&PlanView::from(&plan));
    } else {
        if !plan.is_empty() {
            output.data(&plan_text(&plan, !arguments.no_diff));
        }
        output.note(&summary(&plan));
    }
    if plan.is_empty() { Ok(()) } else { Err(CommandError::Differs) }
}

fn scripts(plan: &hardway_plan::Plan) -> String {
    let mut text = String::new();
    for stage in &plan.stages {
        let steps: Vec<_> = stage.steps.iter().enumerate().filter(|(_, step)| step.action.runs_as_script()).collect();
        if !steps.is_empty() {
            text.push_str(&format!("### {}\n{}\n", stage.id, hardway_plan::script::render(&steps).text));
        }
    }
    text
}
