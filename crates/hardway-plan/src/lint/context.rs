//! What rules look at: files and units, as they are, as they were put there and as the plan leaves them.

use std::collections::{BTreeMap, BTreeSet};

use hardway_design::{Design, File, Observation, Place, Resource, ResourceId};
use hardway_spec::MachineName;

use crate::graph::Graph;
use crate::inventory::Entry;
use crate::{Action, Inventory, InventoryError, Plan, Sight};

pub(super) struct Context<'a> {
    pub(super) design: &'a Design,
    pub(super) sight: &'a Sight,
    pub(super) plan: &'a Plan,
    pub(super) graph: Graph<'a>,
    inventories: BTreeMap<&'a MachineName, Inventory>,
    /// The design's files, by machine and path.
    files: BTreeMap<(&'a MachineName, &'a str), &'a File>,
}

impl<'a> Context<'a> {
    pub(super) fn new(
        cluster: &str,
        design: &'a Design,
        sight: &'a Sight,
        plan: &'a Plan,
    ) -> Result<Self, InventoryError> {
        let mut inventories = BTreeMap::new();
        for (machine, observed) in &sight.machines {
            if let Some(text) = &observed.inventory {
                inventories.insert(machine, Inventory::parse(text, machine, cluster)?);
            }
        }
        let mut files = BTreeMap::new();
        for group in &design.groups {
            let Place::Machine(machine) = &group.id.place else { continue };
            for resource in &group.resources {
                if let Resource::File(file) = resource {
                    files.insert((machine, file.path.as_str()), file);
                }
            }
        }
        Ok(Self { design, sight, plan, graph: Graph::of(plan), inventories, files })
    }

    /// The machines that are to have a file at `path`, each with the digest it is to have.
    pub(super) fn holders(&self, path: &str) -> Vec<(&'a MachineName, String)> {
        let holders = self.files.iter().filter(|((_, other), _)| *other == path);
        holders.map(|((machine, _), file)| (*machine, file.content.sha256())).collect()
    }

    /// The files that are to stand at `path`, one for each machine.
    pub(super) fn files_at(&self, path: &str) -> impl Iterator<Item = &'a File> {
        self.files.iter().filter(move |((_, other), _)| *other == path).map(|(_, file)| *file)
    }

    /// The files that the plan writes, with their machines.
    pub(super) fn written(&self) -> impl Iterator<Item = (&'a MachineName, &'a File)> {
        self.plan.stages.iter().flat_map(|stage| {
            let machine = match &stage.id.place {
                Place::Machine(machine) => Some(machine),
                Place::Cluster => None,
            };
            stage.steps.iter().filter_map(move |step| match &step.action {
                Action::WriteFile { file, .. } => Some((machine?, file)),
                _ => None,
            })
        })
    }

    /// The machines that the plan writes the file at `path` on.
    pub(super) fn writers(&self, path: &str) -> BTreeSet<&'a MachineName> {
        self.written().filter(|(_, file)| file.path == path).map(|(machine, _)| machine).collect()
    }

    /// What was seen at `path`.
    pub(super) fn seen(&self, machine: &MachineName, path: &str) -> Option<&'a Observation> {
        self.sight.machines.get(machine)?.resources.get(&file_id(path))
    }

    /// The digest of the file that hardway put at `path`, by the machine's inventory.
    pub(super) fn recorded(&self, machine: &MachineName, path: &str) -> Option<&str> {
        match self.inventories.get(machine)?.find(&file_id(path).0)? {
            Entry::File { sha256, .. } => Some(sha256),
            _ => None,
        }
    }
}

fn file_id(path: &str) -> ResourceId {
    ResourceId(format!("file:{path}"))
}

/// Names as a clause has them: `cp1, cp2 and cp3`.
pub(crate) fn list<T: ToString>(items: impl IntoIterator<Item = T>) -> String {
    let mut names: Vec<String> = items.into_iter().map(|item| item.to_string()).collect();
    match names.pop() {
        Some(last) if names.is_empty() => last,
        Some(last) => format!("{} and {last}", names.join(", ")),
        None => String::new(),
    }
}

/// The machines by themselves, for a finding.
pub(super) fn owned<'a>(machines: impl IntoIterator<Item = &'a MachineName>) -> Vec<MachineName> {
    machines.into_iter().cloned().collect()
}
