//! The plan: the design less what the probe saw, as stages of steps with their reasons.
//!
//! Invariant: no I/O, clock, randomness or async. The same design and facts give the same plan.

mod change;
mod inventory;
mod plan;
mod planner;
mod preflight;
mod removal;
pub mod script;

pub use change::Change;
pub use inventory::{Entry, INVENTORY, Inventory, InventoryError};
pub use plan::{Action, Blob, Plan, Stage, Step};
pub use planner::{Sight, plan};
pub use preflight::{Obstacle, platform, preflight};
pub use removal::removal;
