//! The plan: a value that leaves its executor no choice.

use std::collections::BTreeSet;

use hardway_design::{
    Await, Condition, Directory, Drain, EtcdChange, File, GroupId, Hosts, Image, Link, Object, Place, ResourceId, Task,
    User,
};
use hardway_spec::MachineName;

use crate::Inventory;
use crate::change::Change;

/// Stages, each started as soon as all it waits for are done.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Plan {
    pub stages: Vec<Stage>,
}

/// The steps of one group, in their order.
#[derive(Debug, Clone, PartialEq)]
pub struct Stage {
    pub id: GroupId,
    /// Stages of this very plan.
    pub after: Vec<GroupId>,
    pub steps: Vec<Step>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// Imperative, without the place: "Start etcd.service".
    pub title: String,
    /// Why: "missing", "mode is 644, should be 600".
    pub reason: String,
    pub resource: ResourceId,
    pub change: Option<Change>,
    /// What the operator would notice while it runs.
    pub disruption: Option<String>,
    pub action: Action,
}

/// What a step does. From [`Action::ApplyObject`] on, it is done in the cluster; all else runs on a machine.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Stream an archive of packages to the machine, to be installed from.
    CopyPackages(Blob),
    /// `archive`: where the archive stands on the machine that they come from, with nobody else asked; None where they
    /// come from the machine's mirrors.
    InstallPackages {
        names: Vec<String>,
        archive: Option<String>,
    },
    CreateUser(User),
    MakeDirectory(Directory),
    /// `keep_original`: a file that hardway did not put there stands in its place and is set aside.
    WriteFile {
        file: File,
        keep_original: bool,
    },
    WriteInventory(Inventory),
    /// For a file whose content is right.
    SetAttributes {
        path: String,
        mode: u32,
        owner: String,
    },
    RemoveFile(String),
    MakeLink(Link),
    /// Stream a binary into the machine's store.
    CopyBinary(Blob),
    /// Stream an archive to the machine, to be imported.
    CopyImage(Blob),
    ImportImage(Image),
    WriteHosts(Hosts),
    LoadModule(String),
    SetSysctl {
        key: String,
        value: String,
    },
    DisableSwap,
    ReloadSystemd,
    EnableUnit(String),
    /// Also for a unit that a package already started with another configuration. `reads`: paths whose content the
    /// process reads by it.
    StartUnit {
        unit: String,
        reads: Vec<String>,
        ready: Option<Condition>,
    },
    RestartUnit {
        unit: String,
        reads: Vec<String>,
        ready: Option<Condition>,
    },
    ReloadUnit {
        unit: String,
        reads: Vec<String>,
        ready: Option<Condition>,
    },
    RunTask(Task),
    ChangeEtcd(EtcdChange),
    WaitOnMachine(Condition),
    /// With what came along with them.
    RemovePackages(Vec<String>),
    /// Take back one entry of a machine's inventory that is no package.
    Remove(crate::inventory::Entry),
    /// The last step of a removal: the store's and inventory's own folders.
    RemoveHardway,
    ApplyObject(Object),
    DeleteObject(Object),
    WaitInCluster(Await),
    /// Make a node take no more pods, unless it takes none already. `before`: the stage that begins to change its
    /// machine. A run that does not come so far lets the node take pods again.
    Cordon {
        node: String,
        before: GroupId,
    },
    /// Let a node take pods again that hardway cordoned.
    Uncordon(String),
    Drain(Drain),
}

/// A large file that is copied to a machine by digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blob {
    /// The artifact's name in the catalog.
    pub artifact: String,
    pub sha256: String,
    /// In bytes.
    pub size: u64,
    /// Absolute path on the machine.
    pub destination: String,
}

impl Action {
    /// The blob that the step streams, if it does.
    pub fn blob(&self) -> Option<&Blob> {
        match self {
            Self::CopyBinary(blob) | Self::CopyImage(blob) | Self::CopyPackages(blob) => Some(blob),
            _ => None,
        }
    }

    /// Whether the step is done through the API.
    pub fn is_in_cluster(&self) -> bool {
        matches!(
            self,
            Self::ApplyObject(_)
                | Self::DeleteObject(_)
                | Self::WaitInCluster(_)
                | Self::Cordon { .. }
                | Self::Uncordon(_)
                | Self::Drain(_)
        )
    }

    /// The node that the step moves pods on or off, or takes out of the cluster.
    fn node(&self) -> Option<&str> {
        match self {
            Self::Cordon { node, .. } | Self::Uncordon(node) | Self::Drain(Drain { node, .. }) => Some(node),
            Self::DeleteObject(object) if object.kind() == "Node" => Some(object.name()),
            _ => None,
        }
    }

    /// Whether the step is part of a machine's script: not a copy, not the cluster's.
    pub fn runs_as_script(&self) -> bool {
        !self.is_in_cluster() && self.blob().is_none()
    }

    /// The unit whose running process the step ends, if it does.
    pub fn interrupts(&self) -> Option<&str> {
        match self {
            Self::RestartUnit { unit, .. } => Some(unit),
            Self::Remove(crate::inventory::Entry::Unit { name }) => Some(name),
            _ => None,
        }
    }

    /// Whether the step only waits and changes nothing by itself.
    pub fn only_waits(&self) -> bool {
        matches!(self, Self::WaitOnMachine(_) | Self::WaitInCluster(_))
    }
}

impl Stage {
    /// Whose the stage is: what is done about a machine's node, through the API, belongs to the machine.
    pub fn belongs_to(&self) -> Place {
        match self.steps.iter().find_map(|step| step.action.node()) {
            Some(node) => Place::Machine(MachineName::from(node)),
            None => self.id.place.clone(),
        }
    }
}

impl Plan {
    pub fn is_empty(&self) -> bool {
        self.stages.is_empty()
    }

    pub fn step_count(&self) -> usize {
        self.stages.iter().map(|stage| stage.steps.len()).sum()
    }

    /// In bytes.
    pub fn bytes_to_copy(&self) -> u64 {
        self.stages.iter().flat_map(|stage| &stage.steps).filter_map(|step| step.action.blob()).map(|b| b.size).sum()
    }

    /// Machines with something to do, in the plan's order, each once.
    pub fn machines(&self) -> Vec<&MachineName> {
        let mut seen = BTreeSet::new();
        let machines = self.stages.iter().filter_map(|stage| match &stage.id.place {
            Place::Machine(name) => Some(name),
            Place::Cluster => None,
        });
        machines.filter(|name| seen.insert(*name)).collect()
    }
}
