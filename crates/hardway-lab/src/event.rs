//! What a lab tells while it works. Nothing here prints.

use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::time::Duration;

use crate::config::Base;

/// One thing that happened, in the order in which it happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The host lacks these packages, and its package manager starts to install them.
    InstallingHostPackages {
        /// Debian package names.
        packages: Vec<String>,
    },
    /// The packages are there.
    HostPackagesInstalled,
    /// The base image is not in the cache and is being made, which takes half a minute or so.
    BuildingBase {
        /// The release.
        base: Base,
        /// Packages beyond those of a minimal server.
        extra_packages: Vec<String>,
    },
    /// The base image is in the cache now.
    BaseBuilt {
        /// The release.
        base: Base,
        /// Where its root file system is.
        path: PathBuf,
        /// How long it took.
        took: Duration,
    },
    /// A machine gets its disk, its address and its host key.
    CreatingMachine {
        /// The machine's name.
        machine: String,
        /// Its address from now on.
        address: Ipv4Addr,
    },
    /// A machine boots.
    StartingMachine {
        /// The machine's name.
        machine: String,
    },
    /// A machine's sshd answers.
    MachineReady {
        /// The machine's name.
        machine: String,
        /// Its address.
        address: Ipv4Addr,
        /// Time from start to sshd's banner.
        took: Duration,
    },
    /// A machine is being shut down.
    StoppingMachine {
        /// The machine's name.
        machine: String,
    },
    /// A machine is off.
    MachineStopped {
        /// The machine's name.
        machine: String,
        /// How long it took.
        took: Duration,
    },
    /// Something on the host may keep the lab from working, and is not ours to change.
    Warning {
        /// What, and what to do about it.
        message: String,
    },
}

/// Receives events; called from several threads when machines boot side by side.
pub type OnEvent<'a> = &'a (dyn Fn(Event) + Sync);
