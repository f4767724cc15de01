use std::ffi::OsString;
use std::process::ExitCode;

use clap::Args;
use hardway_machine::ssh_arguments;
use hardway_ui::Output;

use crate::cli::Common;
use crate::error::{CommandError, Message};
use crate::session::{Session, ssh_settings};

/// Open a shell on a machine, or run a command there
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:\n  hardway ssh cp1\n  hardway ssh cp1 -- journalctl -u etcd.service")]
pub struct Arguments {
    /// A machine's name in cluster.yaml
    machine: String,
    /// The command, as ssh takes it
    #[arg(last = true)]
    command: Vec<OsString>,
}

pub async fn run(common: &Common, output: Output, arguments: Arguments) -> Result<ExitCode, CommandError> {
    use std::os::unix::process::CommandExt;
    let session = Session::open(common, output)?;
    let machine = session.cluster.machine(&arguments.machine).ok_or_else(|| {
        let names: Vec<String> = session.cluster.spec.machines.iter().map(|machine| machine.name.to_string()).collect();
        CommandError::input(Message(format!("no machine is called {}", arguments.machine)))
            .with_help(format!("the machines are {}", names.join(", ")))
    })?;
    let settings = ssh_settings(&session, machine).await?;
    let error = std::process::Command::new("ssh")
        .args(ssh_arguments(&settings, &session.workspace.known_hosts_path()))
        .args(arguments.command)
        .exec();
    Err(CommandError::failed(error))
}
