use camino::Utf8PathBuf;
use clap::Args;
use hardway_ui::Output;

use crate::cli::Common;
use crate::error::{CommandError, Message};
use crate::session::{Scope, Session, workspace_error};

/// Write the whole hard way as files, with a runbook
///
/// Every file byte for byte as apply puts it on the machines, the certificate requests, kubeconfigs and manifests, and a
/// RUNBOOK.md that says how a person would do it all by hand. Holds private keys: keep it as you keep the workspace.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:\n  hardway export the-hard-way && less the-hard-way/RUNBOOK.md")]
pub struct Arguments {
    /// A folder that does not exist yet, or is empty
    directory: Utf8PathBuf,
}

pub async fn run(common: &Common, output: Output, arguments: Arguments) -> Result<(), CommandError> {
    let session = Session::open(common, output)?;
    let directory = arguments.directory;
    if directory.read_dir_utf8().is_ok_and(|mut entries| entries.next().is_some()) {
        return Err(CommandError::input(Message(format!("{directory} is not empty"))).with_help("name a new folder"));
    }
    // What is exported must be what apply takes later, so keys that are made for it stay.
    let _lock = session.lock("export")?;
    let prepared = session.prepare(Scope::Export).await?;
    let files = prepared.export(&session)?;
    prepared.keep(&session)?;
    for file in &files {
        hardway_workspace::write_exported(directory.join(&file.path).as_std_path(), &file.content)
            .map_err(workspace_error)?;
    }
    output.note(&format!("wrote {} files; begin with {}", files.len(), directory.join("RUNBOOK.md")));
    Ok(())
}
