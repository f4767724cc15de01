use clap::Args;
use hardway_ui::{CheckList, Output, check_line};
use hardway_verify::{Check, Context, Options};

use crate::cli::Common;
use crate::error::CommandError;
use crate::session::{Scope, Session};

/// Check every part of the live cluster
///
/// Runs test pods in a namespace of its own, which is deleted at the end. Exit code 3 means that a check failed.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:\n  hardway verify\n  hardway verify --deep -o json")]
pub struct Arguments {
    /// Hash every file and binary on the machines
    #[arg(long)]
    pub deep: bool,
}

pub async fn run(common: &Common, output: Output, arguments: Arguments) -> Result<(), CommandError> {
    let session = Session::open(common, output)?;
    let checks = verify(&session, Options { deep: arguments.deep, ..Options::default() }).await?;
    if output.is_json() {
        output.json(&checks);
    }
    judge(output, &checks)
}

/// Runs every check; as text, each is shown as soon as it is known.
pub async fn verify(session: &Session, options: Options) -> Result<Vec<Check>, CommandError> {
    let output = session.output;
    let prepared = session.prepare(Scope::Verify).await?;
    let configs = session.workspace.root().join("configs");
    let context = Context {
        cluster: &session.cluster,
        bundle: &prepared.material.keys.bundle,
        design: &prepared.design,
        machines: &prepared.machines,
        live: &prepared.live,
        configs: &configs,
        kubectl: Some(&prepared.material.kubectl),
    };
    let mut show = |check: &Check| {
        if output.is_json() {
            return;
        }
        if check.failed() || !output.quiet {
            output.data(&check_line(check));
        }
    };
    Ok(hardway_verify::verify(context, options, &mut show).await)
}

/// Says how the checks went; one that failed is the command's error.
pub fn judge(output: Output, checks: &[Check]) -> Result<(), CommandError> {
    output.note(&CheckList(checks).summary());
    if checks.iter().any(Check::failed) { Err(CommandError::Differs) } else { Ok(()) }
}
