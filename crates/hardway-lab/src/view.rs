//! What callers see of a lab's machines.

use std::net::Ipv4Addr;

use serde::Serialize;

/// Whether a machine has power.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum MachineState {
    /// It has processes: it runs, boots or shuts down.
    Running,
    /// It has none; its disk is kept.
    Stopped,
}

/// One local machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LabMachine {
    /// Its name, which is also its host name.
    pub name: String,
    /// Its address on the lab's bridge.
    pub address: Ipv4Addr,
    /// Its public host key as one OpenSSH line: `ssh-ed25519 AAAA…`.
    pub host_key: String,
    /// Whether it has power.
    pub state: MachineState,
}

impl LabMachine {
    /// The machine's line for a known hosts file, by name and address.
    pub fn known_hosts_line(&self) -> String {
        format!("{},{} {}", self.name, self.address, self.host_key)
    }
}

/// One machine as it is at this moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MachineStatus {
    /// The machine.
    pub machine: LabMachine,
    /// Whether sshd answers with its banner.
    pub sshd: bool,
    /// Memory in use in bytes, page cache included; absent when it is stopped.
    pub memory_bytes: Option<u64>,
}
