//! Machines that leave, and how their nodes' pods end.

use std::time::Duration;

use hardway_spec::{MachineName, Removal};

/// A machine that leaves the cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leaving {
    pub machine: MachineName,
    /// Whether its roles make it a node.
    pub is_node: bool,
    /// Whether nothing else rests on it than its own pods.
    pub is_only_a_worker: bool,
    pub removal: Removal,
}

/// How all pods of a node end, but for those that belong to it: DaemonSets' and static ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drain {
    pub node: String,
    pub manner: Manner,
    /// How long each pod may take to end; None for as long as it asks for itself.
    pub grace_period: Option<Duration>,
    /// How long all of it may take.
    pub limit: Duration,
}

/// What is done about pods that do not leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// They are asked again, and stay in the end: their PodDisruptionBudgets are kept.
    Ask,
    /// They are deleted.
    Insist,
    /// The machine is gone, and nobody there ends them: their records go at once, those of DaemonSets too.
    Forget,
}

/// A registered node, as it was seen.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NodeSeen {
    pub cordoned: Option<CordonedBy>,
    /// Filled in for nodes that are to be none: those that a [`Drain`] moves.
    pub pods: Vec<PodSeen>,
}

/// Who made a node take no more pods.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CordonedBy {
    /// A run that removes the machine, this one or an earlier one.
    Hardway,
    Others,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PodSeen {
    /// `NAMESPACE/NAME`.
    pub name: String,
    /// Whether a controller makes another one when this one ends; also true of one that has ended, or that somebody has
    /// deleted.
    pub is_replaced: bool,
    /// The PodDisruptionBudgets that it falls under.
    pub budgets: Vec<BudgetSeen>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BudgetSeen {
    pub name: String,
    /// How many pods may end now: `status.disruptionsAllowed`.
    pub allowed: i32,
}
