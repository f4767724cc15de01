//! The plan: the design less what the probe saw, as stages of steps with their reasons.
//!
//! Invariant: no I/O, clock, randomness or async. The same design and facts give the same plan.

mod absent;
mod change;
mod departure;
mod etcd;
mod graph;
mod inventory;
mod lint;
mod narrow;
mod plan;
mod planner;
mod preflight;
mod proposal;
mod recovery;
mod removal;
mod saved;
pub mod script;
mod units;
mod view;

pub use absent::without;
pub use change::Change;
pub use departure::{departed, held_up, strangers};
pub use inventory::{Entry, INVENTORY, Inventory, InventoryError};
pub use lint::{Finding, RULES, Rule, lint};
pub use narrow::{LeftOut, Selection, SelectionError, narrow};
pub use plan::{Action, Blob, Plan, Stage, Step};
pub use planner::{Sight, plan, rested_on};
pub use preflight::{Obstacle, platform, preflight};
pub use proposal::{Proposal, WorkspaceChange};
pub use recovery::{EtcdRemains, EtcdSurvey, ProposedRecovery, RecoveryRefused, recover, survivors};
pub use removal::removal;
pub use saved::{Fingerprints, Moved, SavedPlan, SavedPlanError};
pub use view::{
    ActionKind, ChangeView, CopyView, FindingView, LeftOutView, PLAN_FORMAT_VERSION, PlanView, StageView, StepView,
    json_schema,
};
