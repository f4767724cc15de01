use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};

use clap::Args;
use hardway_artifacts::Selection;
use hardway_ui::Output;

use crate::cli::Common;
use crate::error::{CommandError, Message};
use crate::session::{ADMIN_REMOTE, Session, Wanted};

/// Run kubectl on this cluster
///
/// It is upstream's kubectl, of the cluster's own version.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:\n  hardway kubectl -- get nodes -o wide\n  hardway kubectl -- top nodes")]
pub struct Arguments {
    /// kubectl's own arguments
    #[arg(last = true, value_name = "ARGUMENTS")]
    arguments: Vec<OsString>,
}

pub async fn run(common: &Common, output: Output, arguments: Arguments) -> Result<ExitCode, CommandError> {
    let session = Session::open(common, output)?;
    let kubeconfig = session.workspace.root().join(ADMIN_REMOTE);
    if !kubeconfig.exists() {
        return Err(CommandError::input(Message(format!("there is no {} yet", kubeconfig.display())))
            .with_help("run `hardway apply` first"));
    }
    let selection = Selection::named(["kubectl"]).map_err(CommandError::failed)?;
    // kubectl's own output must stand alone.
    let silent = Output { quiet: true, ..output };
    let catalog = session.obtain(silent, &selection, Wanted::Locked).await?;
    let kubectl = &catalog.binaries["kubectl"].path;
    let mut command = Command::new(kubectl);
    command.arg("--kubeconfig").arg(kubeconfig);
    if let Some(server) = session.api_address().await {
        // By address, which the certificate names too: this machine need not resolve the endpoint.
        command.arg(format!("--server=https://{server}"));
    }
    Err(CommandError::failed(command.args(arguments.arguments).exec()))
}
