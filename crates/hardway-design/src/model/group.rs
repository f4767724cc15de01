//! Groups of resources, where they belong and what they wait for.

use std::collections::BTreeMap;
use std::fmt;

use hardway_spec::MachineName;

use crate::landmarks::KUBELET_GROUP;
use crate::{EtcdRecovery, Leaving, Object, Resource};

/// Where resources live.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    Machine(MachineName),
    /// The live cluster, reached through its API.
    Cluster,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Machine(name) => name.fmt(f),
            Self::Cluster => f.pad("cluster"),
        }
    }
}

/// Names a group: `etcd` on `cp1`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupId {
    pub place: Place,
    /// Most often the component's name; unique on its place.
    pub name: String,
}

impl GroupId {
    pub fn on(machine: &MachineName, name: impl Into<String>) -> Self {
        Self { place: Place::Machine(machine.clone()), name: name.into() }
    }

    pub fn in_cluster(name: impl Into<String>) -> Self {
        Self { place: Place::Cluster, name: name.into() }
    }
}

impl fmt::Display for GroupId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.name, self.place)
    }
}

/// Resources that are brought about together, once every group they wait for is done.
///
/// Groups run side by side, also on one machine; inside a group the order is the list's.
/// A group with nothing to do counts as done.
#[derive(Debug, Clone, PartialEq)]
pub struct Group {
    pub id: GroupId,
    /// A name that no group has is a defect of the design, found by a test over all designs.
    pub after: Vec<GroupId>,
    pub resources: Vec<Resource>,
}

/// Everything the cluster is, machine by machine.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Design {
    pub groups: Vec<Group>,
    /// What machines may still be to the others that leave, or had another role before: it is looked at there, and not
    /// brought about.
    pub former: Vec<Group>,
    /// The machines that are to be as if they had never been part of the cluster. None of the groups is on them.
    pub leaving: Vec<Leaving>,
    /// Objects that designs of other specs have and this one does not: where they are seen, they go.
    pub retired: Vec<Object>,
    /// Only where the operator has asked for it: too few members of etcd are left, and one's data are to be all of them.
    pub recovery: Option<EtcdRecovery>,
}

impl Design {
    pub fn on_machine<'a>(&'a self, machine: &'a MachineName) -> impl Iterator<Item = &'a Group> {
        self.groups.iter().filter(move |group| matches!(&group.id.place, Place::Machine(name) if name == machine))
    }

    /// The groups of every machine that has one, in the design's order: for whoever goes through all machines.
    pub fn by_machine(&self) -> BTreeMap<&MachineName, Vec<&Group>> {
        let mut machines: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for group in &self.groups {
            if let Place::Machine(name) = &group.id.place {
                machines.entry(name).or_default().push(group);
            }
        }
        machines
    }

    /// All that is looked at on each machine.
    pub fn looked_at(&self) -> BTreeMap<&MachineName, Vec<&Resource>> {
        let mut machines: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for group in self.groups.iter().chain(&self.former) {
            if let Place::Machine(name) = &group.id.place {
                machines.entry(name).or_default().extend(&group.resources);
            }
        }
        machines
    }

    /// The machines that stay and whose roles make them no node.
    pub fn without_kubelet(&self) -> impl Iterator<Item = &MachineName> {
        let has_kubelet = |groups: &[&Group]| groups.iter().any(|group| group.id.name == KUBELET_GROUP);
        self.by_machine().into_iter().filter(move |(_, groups)| !has_kubelet(groups)).map(|(name, _)| name)
    }

    pub fn in_cluster(&self) -> impl Iterator<Item = &Group> {
        self.groups.iter().filter(|group| group.id.place == Place::Cluster)
    }
}
