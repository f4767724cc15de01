//! What a command would do: to the workspace, to machines and cluster; and what it would leave as it is.

use hardway_spec::MachineName;

use crate::{Finding, LeftOut, Plan, Selection, narrow};

/// A plan as the operator is asked about it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Proposal {
    /// Done before the plan runs: machines get what stands here.
    pub workspace: Vec<WorkspaceChange>,
    pub plan: Plan,
    /// What the plan is narrowed to, by name; `None` where it is not.
    pub only: Option<Vec<String>>,
    pub left_out: Vec<LeftOut>,
    /// Machines that could not be looked at, and that nothing is planned for.
    pub not_looked_at: Vec<MachineName>,
    /// What cannot come about without them.
    pub waiting: Vec<LeftOut>,
    /// Registered nodes that no machine of the spec is. They are left alone.
    pub strangers: Vec<String>,
    /// What the plan would do and that hurts: it is refused unless the operator accepts it.
    pub findings: Vec<Finding>,
}

/// A file of the workspace that is written: a certificate that is issued, a key that is made, a kubeconfig.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkspaceChange {
    /// Imperative: "Issue pki/api/kubernetes.pem".
    pub title: String,
    /// Why: "it expires on 2026-12-13T00:00:00Z, in 20 days".
    pub reason: String,
}

impl Proposal {
    pub fn new(workspace: Vec<WorkspaceChange>, plan: Plan, selection: Option<&Selection>) -> Self {
        let Some(selection) = selection else {
            return Self { workspace, plan, ..Self::default() };
        };
        let (plan, left_out) = narrow(plan, selection);
        Self { workspace, plan, only: Some(selection.names()), left_out, ..Self::default() }
    }

    pub fn is_empty(&self) -> bool {
        self.workspace.is_empty() && self.plan.is_empty()
    }
}
