//! The probe: what a machine is, and what stands on it. It changes nothing.

mod facts;
mod listening;
mod notes;
mod observation;
mod observe;
mod overrides;
mod paths;
mod script;
mod sections;
mod units;

pub(crate) use facts::FACTS_SCRIPT;
pub use facts::machine_facts;
pub use observe::{Depth, observe};
pub(crate) use script::sysctl_path;
pub(crate) use sections::END;
