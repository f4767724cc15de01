use std::io::IsTerminal;

use clap::Args;
use hardway_plan::{Sight, removal};
use hardway_ui::{Output, plan_text};

use super::apply::ask;
use crate::cli::Common;
use crate::error::{CommandError, Message};
use crate::session::{Session, execute, observe_inventories};

/// Take the cluster off the machines again
///
/// Goes by each machine's inventory and removes only what hardway put there: packages it installed, files, units, users,
/// kernel settings, and all data of the cluster. Keys stay in the workspace.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:\n  hardway reset\n  hardway reset --yes")]
pub struct Arguments {
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
}

pub async fn run(common: &Common, output: Output, arguments: Arguments) -> Result<(), CommandError> {
    let session = Session::open(common, output)?;
    let _lock = session.lock("reset")?;
    let (machines, unreached) = session.try_connect().await?;
    if !unreached.is_empty() {
        return Err(CommandError::Obstacles(crate::session::grouped(unreached)));
    }
    let sight = Sight { machines: observe_inventories(&machines).await?, cluster: None };
    let plan = removal(&session.cluster.metadata.name, &sight).map_err(CommandError::failed)?;
    if plan.is_empty() {
        output.note("nothing to do: no machine has anything of this cluster");
        return Ok(());
    }
    if !arguments.yes {
        if !std::io::stdin().is_terminal() {
            let error = CommandError::input(Message("reset asks, and there is no terminal to ask on".to_owned()));
            return Err(error.with_help("say --yes to remove the cluster and all its data"));
        }
        output.note(&plan_text(&plan, false));
        if !ask("remove the cluster and ALL ITS DATA from these machines?")? {
            return Err(CommandError::Interrupted);
        }
    }
    execute(&session, &plan, &machines, &Default::default(), None).await?;
    output.note("the machines are as they were; keys and cluster.yaml are still in the workspace");
    Ok(())
}
