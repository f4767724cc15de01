use std::path::{Path, PathBuf};

use camino::Utf8PathBuf;
use clap::Args;
use hardway_artifacts::Selection;
use hardway_ui::Output;

use crate::cli::Common;
use crate::error::{CommandError, Message};
use crate::session::{ADMIN_REMOTE, Session, Wanted};

/// Write the administrator's kubeconfig for this machine
///
/// Writes configs/admin/admin-remote.kubeconfig in the workspace and prints its path.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:\n  export KUBECONFIG=$(hardway kubeconfig)\n  hardway kubeconfig --merge")]
pub struct Arguments {
    /// Merge it into your own kubeconfig: FILE, or $KUBECONFIG, or ~/.kube/config
    #[arg(long, num_args = 0..=1, value_name = "FILE", default_missing_value = "")]
    merge: Option<Utf8PathBuf>,
}

pub async fn run(common: &Common, output: Output, arguments: Arguments) -> Result<(), CommandError> {
    let session = Session::open(common, output)?;
    let path = session.workspace.root().join(ADMIN_REMOTE);
    session.prepare_kubeconfig().await?;
    let Some(target) = arguments.merge else {
        output.data(&path.display().to_string());
        return Ok(());
    };
    let target = if target.as_str().is_empty() { own_kubeconfig()? } else { target.into_std_path_buf() };
    merge(&session, output, &path, &target).await?;
    output.note(&format!("merged into {}; the context is {}", target.display(), session.cluster.metadata.name));
    Ok(())
}

fn own_kubeconfig() -> Result<PathBuf, CommandError> {
    let named = std::env::var_os("KUBECONFIG").filter(|value| !value.is_empty());
    let first = named.as_ref().and_then(|value| std::env::split_paths(value).next());
    first.or_else(|| std::env::home_dir().map(|home| home.join(".kube/config"))).ok_or_else(|| {
        CommandError::input(Message("neither KUBECONFIG nor HOME is set".to_owned()))
            .with_help("name a file: hardway kubeconfig --merge FILE")
    })
}

/// Lets kubectl itself merge, which knows every field: ours wins where both name the same.
async fn merge(session: &Session, output: Output, ours: &Path, target: &Path) -> Result<(), CommandError> {
    let selection = Selection::named(["kubectl"]).map_err(CommandError::failed)?;
    let catalog = session.obtain(Output { quiet: true, ..output }, &selection, Wanted::Locked).await?;
    let files = std::env::join_paths([ours, target]).map_err(CommandError::input)?;
    let merged = std::process::Command::new(&catalog.binaries["kubectl"].path)
        .args(["config", "view", "--flatten"])
        .env("KUBECONFIG", files)
        .output()
        .map_err(CommandError::failed)?;
    if !merged.status.success() {
        let said = String::from_utf8_lossy(&merged.stderr).trim().to_owned();
        return Err(CommandError::failed(Message(format!(
            "kubectl could not merge into {}: {said}",
            target.display()
        ))));
    }
    hardway_workspace::write_private(target, &merged.stdout).map_err(CommandError::failed)
}
