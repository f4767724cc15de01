//! What commands share: the workspace, the spec, the ways to machines and API, and what was seen of them.

mod artifacts;
mod connect;
mod endpoint;
mod lock;
mod material;
mod open_files;
mod operator;
mod prepare;
mod run;

use camino::{Utf8Path, Utf8PathBuf};
use hardway_machine::Handshakes;
use hardway_spec::Cluster;
use hardway_ui::Output;
use hardway_workspace::{Holder, Lock, SPEC, Workspace};
use jiff::Timestamp;

pub use artifacts::Wanted;
pub use connect::{Machines, grouped, ssh_settings};
pub use lock::ClusterLock;
pub use material::Material;
pub use operator::Operator;
pub use prepare::{Prepared, Scope, observe_inventories};
pub use run::execute;

use crate::cli::Common;
use crate::error::CommandError;

/// The folder that `lab up` makes, and that other commands find by themselves.
pub const LAB_WORKSPACE: &str = "hardway-lab";

/// The administrator's kubeconfig for the operator's own machine, in the workspace.
pub const ADMIN_REMOTE: &str = "configs/admin/admin-remote.kubeconfig";

/// The API's port on control planes and load balancers.
pub const API_PORT: u16 = 6443;

/// A name in every API server's certificate, whatever the endpoint is called.
const API_NAME: &str = "kubernetes";

/// An opened workspace with a valid spec.
pub struct Session {
    pub workspace: Workspace,
    pub cluster: Cluster,
    pub output: Output,
    /// Bounds connections that are made at once.
    pub handshakes: Handshakes,
    /// How many copies to machines run at once.
    pub uploads: usize,
    /// Where artifacts come from, where the command line names a file.
    pub bundle: Option<Utf8PathBuf>,
}

impl Session {
    /// Opens the workspace that the operator means and reads its spec.
    pub fn open(common: &Common, output: Output) -> Result<Self, CommandError> {
        let directory = workspace_directory(common);
        let workspace = Workspace::open(directory.as_std_path()).map_err(workspace_error)?;
        let text = workspace.read_spec().map_err(workspace_error)?;
        let cluster = hardway_spec::parse(&text, &spec_name(&directory)).map_err(CommandError::Spec)?;
        for loose in workspace.loose_permissions().map_err(workspace_error)? {
            loose.tighten().map_err(workspace_error)?;
            output.note(&format!("{loose}; made it 600"));
        }
        let handshakes = Handshakes::new(common.connections);
        Ok(Self { workspace, cluster, output, handshakes, uploads: common.uploads, bundle: common.bundle.clone() })
    }

    /// Makes this the only run on the workspace, as long as the lock is held.
    pub fn lock(&self, command: &str) -> Result<Lock, CommandError> {
        let Operator { user, host, process, .. } = Operator::current();
        let command = format!("hardway {command}");
        let holder = Holder { command, user, host, process, since: Timestamp::now() };
        self.workspace.lock(&holder).map_err(workspace_error)
    }
}

/// `-C`, or the current folder, or the lab's workspace in it.
pub fn workspace_directory(common: &Common) -> Utf8PathBuf {
    match &common.workspace {
        Some(directory) => directory.clone(),
        None if !Utf8PathBuf::from(SPEC).exists() && Utf8PathBuf::from(LAB_WORKSPACE).join(SPEC).exists() => {
            Utf8PathBuf::from(LAB_WORKSPACE)
        }
        None => Utf8PathBuf::from("."),
    }
}

/// The spec as the operator finds it from the current folder.
fn spec_name(directory: &Utf8Path) -> String {
    if directory == "." { SPEC.to_owned() } else { directory.join(SPEC).into_string() }
}

pub fn workspace_error(error: hardway_workspace::WorkspaceError) -> CommandError {
    let help = error.help();
    let error = CommandError::input(error);
    match help {
        Some(help) => error.with_help(help),
        None => error,
    }
}
