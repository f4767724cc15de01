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
    verify(&session, Options { deep: arguments.deep, ..Options::default() }).await
}

pub async fn verify(session: &Session, options: Options) -> Result<(), CommandError> {
    let output = session.output;
    let prepared = session.prepare(Scope::FactsOnly).await?;
    let configs = session.workspace.root().join("configs");
    let context = Context {
        cluster: &session.cluster,
        bundle: &prepared.material.bundle,
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
    let checks = hardway_verify::verify(context, options, &mut show).await;
    if output.is_json() {
        output.json(&checks);
    }
    output.note(&CheckList(&checks).summary());
    if checks.iter().any(Check::failed) { Err(CommandError::Differs) } else { Ok(()) }
}
