//! Waiting for what an earlier run left at work.

use std::time::Duration;

use crate::{Fault, Machine, MachineError};

/// How long the step of a run that was cut off may go on: packages from a slow mirror, behind another package manager.
const LIMIT: Duration = Duration::from_secs(600);

/// Waits until no step is at work on the machine that a run which was cut off has left there. Such a step finishes, and
/// its stage begins no other; but what is planned meanwhile would not know of it.
///
/// For who keeps the machine to one run: the steps of others would be waited for, too.
///
/// # Errors
/// [`Fault::StillAtWork`] where it takes too long.
pub async fn settle(machine: &dyn Machine) -> Result<(), MachineError> {
    // Stages share the lock of this folder, which is there anyway.
    let output = machine.exec(&format!("flock -x -w {} /run true", LIMIT.as_secs()), b"").await?;
    if output.success() {
        return Ok(());
    }
    Err(MachineError { machine: machine.name().clone(), fault: Fault::StillAtWork { after: LIMIT } })
}
