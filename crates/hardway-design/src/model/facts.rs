//! What one read-only probe saw on a machine: a possibly outdated view.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::ResourceId;

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
    /// The link's target, and the digest of what stands in the store under the design's digest.
    Binary {
        target: Option<String>,
        stored_sha256: Option<String>,
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

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UnitObservation {
    /// `ActiveState` of systemctl show: `active`, `inactive`, `failed`.
    pub active: String,
    /// `UnitFileState`: `enabled`, `disabled`, `masked`.
    pub enabled: String,
    /// Drop-in files that apply to it, all of them.
    pub drop_ins: Vec<String>,
    /// Whether systemd has older files of the unit in memory than stand on disk.
    pub needs_daemon_reload: bool,
    /// Paths of `restart_on` that changed since hardway last started or restarted the unit.
    pub stale: Vec<String>,
    /// Paths of `reload_on` that changed since hardway last started, restarted or reloaded the unit.
    pub unloaded: Vec<String>,
}

impl UnitObservation {
    /// Whether it runs at all.
    pub fn is_active(&self) -> bool {
        matches!(self.active.as_str(), "active" | "reloading")
    }
}
