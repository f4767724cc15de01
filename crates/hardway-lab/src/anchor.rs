//! Where the lab's cgroups hang.
//!
//! Where systemd owns the host's only cgroup tree, a unit with `Delegate=yes` asks it for a branch
//! (systemd's CGROUP_DELEGATION document): systemd leaves alone what is below. The unit's own
//! process does nothing but keep it alive. Elsewhere nobody owns the tree, and the branch is made.

use std::path::Path;

use crate::cgroup::Hierarchies;
use crate::command::{run, succeeds};
use crate::error::Result;
use crate::host;
use crate::id::LabId;

/// The host's hierarchies, seen from the branch that the lab may use.
pub(crate) fn hierarchies(id: &LabId) -> Result<Hierarchies> {
    let hierarchies = Hierarchies::of_host()?;
    Ok(if needed(&hierarchies) { hierarchies.below(Path::new("system.slice").join(id.unit())) } else { hierarchies })
}

/// Makes sure that the branch is there.
pub(crate) fn up(id: &LabId) -> Result<Hierarchies> {
    let hierarchies = hierarchies(id)?;
    if needed(&hierarchies) && !succeeds("systemctl", &["--quiet", "is-active", &id.unit()])? {
        run(
            "systemd-run",
            &[
                "--quiet",
                "--collect",
                &format!("--unit={}", id.unit()),
                "--description=cgroups of a hardway lab",
                "--property=Type=exec",
                "--property=Delegate=yes",
                "--property=TasksMax=infinity",
                "sleep",
                "infinity",
            ],
        )?;
        // Version 2 hands controllers on only from groups without processes of their own.
        hierarchies.step_aside("keeper")?;
    }
    Ok(hierarchies)
}

/// Gives the branch back; systemd kills whatever is still in it.
pub(crate) fn down(id: &LabId) -> Result<()> {
    if needed(&Hierarchies::of_host()?) && succeeds("systemctl", &["--quiet", "is-active", &id.unit()])? {
        run("systemctl", &["stop", &id.unit()])?;
    }
    Ok(())
}

fn needed(hierarchies: &Hierarchies) -> bool {
    host::booted_with_systemd() && hierarchies.unified()
}
