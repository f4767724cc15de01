//! Why a lab could not be brought up, changed or taken down.

use std::io;
use std::path::PathBuf;

/// An error of the lab.
#[derive(Debug, thiserror::Error)]
pub enum LabError {
    /// Mounts, namespaces and cgroups need root.
    #[error("local machines need root on this host; run the command with sudo")]
    NotRoot,
    /// The host's package manager is not apt.
    #[error("local machines need a Debian-like host with apt-get; install {} by hand", .packages.join(", "))]
    NoApt {
        /// What is missing.
        packages: Vec<String>,
    },
    /// The host's own package sources are not readable.
    #[error("cannot tell how this host reaches the Debian archive")]
    DebianArchive(#[source] hardway_artifacts::Error),
    /// Packages are missing and were not installed first.
    #[error("the host lacks {}", .packages.join(", "))]
    MissingHostPackages {
        /// Debian package names.
        packages: Vec<String>,
    },
    /// A machine name that cannot be a host name, or that occurs twice.
    #[error("machine name `{name}` {reason}")]
    MachineName {
        /// As given.
        name: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// An alias points at no machine of the lab.
    #[error("alias `{alias}` names machine `{machine}`, which the lab does not have")]
    AliasWithoutMachine {
        /// The host name.
        alias: String,
        /// The machine it should lead to.
        machine: String,
    },
    /// There is no lab in this workspace.
    #[error("there is no lab in {}", .dir.display())]
    NoLab {
        /// The workspace's lab folder.
        dir: PathBuf,
    },
    /// The lab has no machine of that name.
    #[error("the lab has no machine `{name}`; it has {}", .known.join(", "))]
    NoSuchMachine {
        /// As given.
        name: String,
        /// The lab's machines.
        known: Vec<String>,
    },
    /// Two workspaces' paths gave the same short id.
    #[error("lab {id} belongs to the workspace {}; move this workspace elsewhere", .owner.display())]
    IdTaken {
        /// The short id.
        id: String,
        /// The other workspace's lab folder.
        owner: PathBuf,
    },
    /// 172.30.0.0/16 is full.
    #[error("no free /24 is left inside 172.30.0.0/16 on this host")]
    NoFreeSubnet,
    /// A /24 has a fixed number of places for each kind of machine.
    #[error("no address is left for machine `{machine}` in {subnet}")]
    NoFreeAddress {
        /// The machine.
        machine: String,
        /// The lab's subnet.
        subnet: String,
    },
    /// A command could not be started.
    #[error("cannot run {program}")]
    Spawn {
        /// The program.
        program: String,
        /// Why.
        source: io::Error,
    },
    /// A command failed.
    #[error("{command} failed ({status}): {stderr}")]
    Command {
        /// The command line.
        command: String,
        /// How it ended.
        status: String,
        /// The last lines of what it said.
        stderr: String,
    },
    /// A file operation failed.
    #[error("cannot {action} {}", .path.display())]
    File {
        /// What was tried: `read`, `write`, …
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file of ours does not parse.
    #[error("{} is damaged; `hardway lab down` removes the lab", .path.display())]
    State {
        /// The file.
        path: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
    /// Asking the kernel for processes, locks or signals failed.
    #[error("cannot {action}")]
    Kernel {
        /// What was tried.
        action: &'static str,
        /// Why.
        source: io::Error,
    },
    /// The root file system below a machine's disk was removed from the cache.
    #[error(
        "machine `{machine}` needs its base image {}, which is gone; `hardway lab down` and `lab up` make a new machine",
        .base.display()
    )]
    BaseGone {
        /// The machine.
        machine: String,
        /// Where the image was.
        base: PathBuf,
    },
    /// A machine ended while it booted.
    #[error("machine `{machine}` ended while booting; its console said:\n{console}")]
    MachineDied {
        /// The machine.
        machine: String,
        /// The last lines of its console.
        console: String,
    },
    /// A machine's sshd did not answer in time.
    #[error("machine `{machine}` did not answer on port 22 within {seconds} s; its console said:\n{console}")]
    MachineSilent {
        /// The machine.
        machine: String,
        /// The limit, in seconds.
        seconds: u64,
        /// The last lines of its console.
        console: String,
    },
    /// Processes survived SIGKILL (uninterruptible I/O, mostly).
    #[error("processes {pids:?} of {owner} do not end")]
    Unkillable {
        /// A machine, or the lab.
        owner: String,
        /// The host's process ids.
        pids: Vec<i32>,
    },
}

/// `Result` with the lab's error.
pub type Result<T, E = LabError> = std::result::Result<T, E>;

/// Adds action and path to an I/O error.
pub(crate) trait FileContext<T> {
    fn at(self, action: &'static str, path: impl Into<PathBuf>) -> Result<T>;
}

impl<T> FileContext<T> for io::Result<T> {
    fn at(self, action: &'static str, path: impl Into<PathBuf>) -> Result<T> {
        self.map_err(|source| LabError::File { action, path: path.into(), source })
    }
}
