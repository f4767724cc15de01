//! The local machines: systemd-nspawn containers that look like minimal Debian servers, with real
//! systemd, sshd and addresses of their own.
//!
//! Invariant: nothing here knows Kubernetes.

mod config;
mod error;
mod event;
mod view;

pub use config::{Base, LabConfig};
pub use error::{LabError, Result};
pub use event::{Event, OnEvent};
pub use view::{LabMachine, MachineState, MachineStatus};
