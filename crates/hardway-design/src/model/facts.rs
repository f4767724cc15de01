//! What one read-only probe saw on a machine: a possibly outdated view.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::{EtcdMemberObservation, ResourceId};

/// Facts that the design itself depends on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MachineFacts {
    pub hostname: String,
    pub os: OperatingSystem,
    /// As `uname -m` prints it: `x86_64`, `aarch64`.
    pub architecture: String,
    pub kernel: String,
    pub cgroup: CgroupVersion,
    /// Whether systemd owns the cgroup controllers that kubelet needs, so that its driver can be `systemd`.
    pub systemd_cgroups: bool,
    pub cpus: u32,
    /// In bytes.
    pub memory: u64,
    /// Size of the file system that `disk_free` is of, in bytes.
    pub disk_total: u64,
    /// Free space where /var and /opt live, the lesser, in bytes.
    pub disk_free: u64,
    /// The machine's clock less the operator's, in milliseconds.
    pub clock_offset_ms: i64,
    /// Whether commands run as root, at once or through sudo.
    pub root: bool,
    /// Whether oom_score_adj may be lowered (CAP_SYS_RESOURCE).
    pub can_lower_oom_score: bool,
    /// Listening TCP ports and the process that holds each, where it could be seen.
    pub listening: BTreeMap<u16, String>,
    /// Path of the resolv.conf with real name servers: systemd-resolved's stub does not work in pods.
    pub resolv_conf: String,
    /// Networks that the machine itself is on, each with its interface.
    pub networks: Vec<(String, IpNet)>,
    /// The range of its own pods, where the bridge plugin has one.
    pub pods: Option<IpNet>,
    /// The ranges of other machines' pods, each with the machine's address: it knows of those that cannot be asked, too.
    pub pod_routes: Vec<(IpNet, IpAddr)>,
}

impl MachineFacts {
    /// For a machine that was not looked at: what it most likely has in common with this one.
    #[must_use]
    pub fn of_its_kind(&self) -> Self {
        Self { pods: None, pod_routes: Vec::new(), ..self.clone() }
    }

    /// The interface that an address of the machine's own, or of its neighbours, is reached by.
    pub fn interface_of(&self, address: IpAddr) -> Option<&str> {
        let networks = self.networks.iter().filter(|(_, network)| network.contains(&address));
        networks.max_by_key(|(_, network)| network.prefix_len()).map(|(interface, _)| interface.as_str())
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperatingSystem {
    /// `ID` of os-release(5): `debian`.
    pub id: String,
    /// `VERSION_ID`: `12`.
    pub version: String,
    pub pretty_name: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CgroupVersion {
    V1,
    V2,
}

/// What the probe saw of each resource of a design; a resource that is absent from the map does not exist.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Observed {
    pub resources: BTreeMap<ResourceId, Observation>,
    /// The machine's inventory as it stands there, if any.
    pub inventory: Option<String>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Observation {
    Package {
        version: String,
    },
    User,
    Directory {
        mode: u32,
        owner: String,
    },
    File {
        mode: u32,
        owner: String,
        sha256: String,
        /// The text on the machine, where it is small, not secret and differs from the design's.
        text: Option<String>,
    },
    Link {
        target: String,
    },
    Binary {
        /// The link's target.
        target: Option<String>,
        /// What stands in the store under the design's digest.
        stored: Option<StoredBinary>,
    },
    Image {
        manifest_digest: String,
    },
    /// The lines inside hardway's marked block.
    Hosts {
        lines: Vec<String>,
    },
    Module,
    Sysctl {
        value: String,
    },
    /// Devices in use.
    Swap {
        devices: Vec<String>,
    },
    Unit(UnitObservation),
    EtcdMember(EtcdMemberObservation),
    /// Whether the task's check succeeded.
    Task {
        holds: bool,
    },
    /// The live object and what a server-side dry run of ours would make of it, both without managed fields.
    Object {
        live: serde_json::Value,
        dry_run: serde_json::Value,
    },
}

/// A file of a machine's store, as it is and not as its name says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredBinary {
    pub sha256: String,
    pub mode: u32,
    /// `user:group`.
    pub owner: String,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UnitObservation {
    /// `ActiveState` of systemctl show: `active`, `inactive`, `failed`.
    pub active: String,
    /// `UnitFileState`: `enabled`, `disabled`, `masked`.
    pub enabled: String,
    /// Files in systemd's folders for administrators that change the unit, whether systemd has read them or not:
    /// drop-ins on it, on its name's prefixes or on its type, and whole unit files that go before its own.
    pub overrides: Vec<String>,
    /// Whether systemd has older files of the unit in memory than stand on disk.
    pub needs_daemon_reload: bool,
    /// The program that the main process runs, as the kernel names it: ` (deleted)` is behind one that was replaced.
    pub program: Option<String>,
    /// The main process' command line, where it is not the one that systemd would start the unit with.
    pub other_command: Option<String>,
    /// SHA-256 of what the process has read, by path, where hardway made it read.
    pub read: BTreeMap<String, String>,
    /// Paths of `restart_on` and `reload_on` that changed since the process may have read them, where hardway did not
    /// make it read.
    pub stale: Vec<String>,
}

impl UnitObservation {
    /// Whether systemd has never read it. One whose file is gone while it runs has no state of its file either.
    pub fn is_unknown(&self) -> bool {
        self.active.is_empty() && self.enabled.is_empty()
    }

    /// Whether it runs at all.
    pub fn is_active(&self) -> bool {
        matches!(self.active.as_str(), "active" | "reloading")
    }
}
