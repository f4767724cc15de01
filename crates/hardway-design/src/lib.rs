//! What the cluster is: one module per component, each machine's resources and the cluster's objects.
//!
//! Invariant: no I/O, clock, randomness or async. The same inputs give the same design, byte for byte.

mod error;
mod inputs;
mod model;
mod operating_system;
mod paths;
mod resources;

pub use error::DesignError;
pub use inputs::Inputs;
pub use model::*;

/// Designs the cluster that the spec asks for, on the machines that were probed.
///
/// # Errors
/// [`DesignError`] where the inputs lack something that the design needs.
pub fn design(inputs: &Inputs<'_>) -> Result<Design, DesignError> {
    let mut groups = Vec::new();
    for machine in &inputs.cluster.spec.machines {
        inputs.facts_of(machine)?;
        groups.extend(operating_system::groups(inputs, machine));
    }
    Ok(Design { groups })
}
