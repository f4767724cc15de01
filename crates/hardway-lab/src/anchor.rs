//! Where the lab's cgroups hang.
//!
//! Where systemd owns the host's only cgroup tree, a unit with `Delegate=yes` asks it for a branch
//! (systemd's CGROUP_DELEGATION document): systemd leaves alone what is below. The unit's own
//! process does nothing but keep it alive. Elsewhere nobody owns the tree, and the branch is made.

use std::fs;
use std::path::{Path, PathBuf};

use crate::cgroup::Hierarchies;
use crate::command::{run, succeeds};
use crate::error::{FileContext, Result};
use crate::host;
use crate::id::LabId;

/// The lab's cgroup, relative to a hierarchy's mount point.
pub(crate) fn cgroup(id: &LabId) -> Result<PathBuf> {
    Ok(if needed()? { unit_cgroup(id).join(id.cgroup()) } else { PathBuf::from(id.cgroup()) })
}

/// Makes sure that the branch is there, and returns the lab's cgroup in it.
pub(crate) fn up(id: &LabId) -> Result<PathBuf> {
    let cgroup = cgroup(id)?;
    if needed()? && !succeeds("systemctl", &["--quiet", "is-active", &id.unit()])? {
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
        step_aside(id)?;
    }
    Ok(cgroup)
}

/// Gives the branch back; systemd kills whatever is still in it.
pub(crate) fn down(id: &LabId) -> Result<()> {
    if needed()? && succeeds("systemctl", &["--quiet", "is-active", &id.unit()])? {
        run("systemctl", &["stop", &id.unit()])?;
    }
    Ok(())
}

fn needed() -> Result<bool> {
    Ok(host::booted_with_systemd() && Hierarchies::of_host()?.unified())
}

fn unit_cgroup(id: &LabId) -> PathBuf {
    Path::new("system.slice").join(id.unit())
}

/// Moves the unit's process one level down: version 2 hands controllers on only from groups
/// without processes of their own.
fn step_aside(id: &LabId) -> Result<()> {
    let hierarchies = Hierarchies::of_host()?;
    let unit = hierarchies.group(unit_cgroup(id));
    let processes = unit.processes();
    let keeper = unit.child("keeper");
    keeper.create()?;
    for procs in keeper.procs_files() {
        for pid in &processes {
            fs::write(&procs, pid.to_string()).at("write", &procs)?;
        }
    }
    Ok(())
}
