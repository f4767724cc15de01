use std::io::IsTerminal;

use clap::Args;
use hardway_plan::{Plan, Proposal, Sight, removal};
use hardway_ui::{Output, plan_text};

use super::apply::ask;
use crate::cli::Common;
use crate::error::{CommandError, Message};
use crate::session::{Machines, Session, execute, grouped, observe_inventories};

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
    let lock = session.lock("reset")?;
    let (machines, mut unreached) = session.connect().await?;
    unreached.retain(|failure| !session.is_given_up(&failure.machine));
    if machines.is_empty() {
        return Err(CommandError::Obstacles(grouped(&unreached)));
    }
    let cluster = session.lock_cluster(lock.holder(), &machines).await?;
    let work = async {
        let inventories = observe_inventories(&machines).await?;
        let sight = Sight { machines: inventories, ..Sight::default() };
        let plan = removal(&session.cluster.metadata.name, &sight).map_err(CommandError::failed)?;
        remove(&session, &arguments, plan, &machines).await?;
        // Those that could not be reached keep what they have, and the next reset takes it.
        if unreached.is_empty() { Ok(()) } else { Err(CommandError::Obstacles(grouped(&unreached))) }
    };
    cluster.during(work).await
}

async fn remove(session: &Session, arguments: &Arguments, plan: Plan, machines: &Machines) -> Result<(), CommandError> {
    let output = session.output;
    if plan.is_empty() {
        output.note("nothing to do: no machine that was reached has anything of this cluster");
        return Ok(());
    }
    if !arguments.yes {
        if !std::io::stdin().is_terminal() {
            let error = CommandError::input(Message("reset asks, and there is no terminal to ask on".to_owned()));
            return Err(error.with_help("say --yes to remove the cluster and all its data"));
        }
        output.note(&plan_text(&Proposal { plan: plan.clone(), ..Proposal::default() }, false));
        if !ask("remove the cluster and ALL ITS DATA from these machines?")? {
            return Err(CommandError::Interrupted);
        }
    }
    execute(session, &plan, machines, &Default::default(), None).await?;
    output.note("the machines that were reached are as they were; keys and cluster.yaml are still in the workspace");
    Ok(())
}
