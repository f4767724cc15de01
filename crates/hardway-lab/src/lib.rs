//! The local machines: systemd-nspawn containers that look like minimal Debian servers, with real
//! systemd, sshd and addresses of their own.
//!
//! Calls block until their condition holds; events come while they do.
//!
//! Invariant: nothing here knows Kubernetes.

mod address;
mod anchor;
mod base;
mod cgroup;
mod command;
mod config;
mod error;
mod event;
mod host;
mod host_settings;
mod hosts_file;
mod id;
mod keys;
mod lab;
mod leftovers;
mod lock;
mod machine;
mod network;
mod nspawn;
mod process;
mod seed;
mod state;
mod view;

pub use config::{AliasOf, Base, LabConfig};
pub use error::{LabError, Result};
pub use event::{Event, OnEvent};
pub use host::{install_host_packages, missing_host_packages};
pub use lab::Lab;
pub use view::{LabMachine, MachineState, MachineStatus};
