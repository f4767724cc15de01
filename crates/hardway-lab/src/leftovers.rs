//! What a lab has on the host, found by its id alone.

use std::fs;
use std::path::{Path, PathBuf};

use crate::anchor;
use crate::command::run;
use crate::error::{FileContext, Result};
use crate::host_settings;
use crate::hosts_file;
use crate::id::{LabId, STATE_ROOT};
use crate::lock::DirLock;
use crate::network;

const MOUNTINFO: &str = "/proc/self/mountinfo";

/// Each thing of the lab's that the host still has, one line each.
pub(crate) fn scan(dir: &Path, id: &LabId) -> Result<Vec<String>> {
    let mut found = Vec::new();
    let hierarchies = anchor::hierarchies(id)?;
    let group = hierarchies.group(&id.cgroup());
    for pid in group.processes() {
        found.push(format!("process {pid} ({})", crate::process::command_name(pid)));
    }
    if group.exists() {
        found.push(format!("cgroup {}", id.cgroup()));
    }
    for interface in network::interfaces(id) {
        found.push(format!("network interface {interface}"));
    }
    if network::table_exists(id) {
        found.push(format!("nftables table ip {}", id.nft_table()));
    }
    for mount in mounts(id)? {
        found.push(format!("mount {}", mount.display()));
    }
    if hosts_file::has_block(id)? {
        found.push("lines in /etc/hosts".to_owned());
    }
    for folder in [id.state_dir(), dir.to_path_buf()] {
        if folder.exists() {
            found.push(format!("folder {}", folder.display()));
        }
    }
    found.extend(settings_without_lab()?);
    Ok(found)
}

/// Settings that are still changed for labs of which none is left.
fn settings_without_lab() -> Result<Vec<String>> {
    if !Path::new(STATE_ROOT).exists() {
        return Ok(Vec::new());
    }
    // Another lab may be coming or going.
    let _lock = DirLock::acquire(Path::new(STATE_ROOT))?;
    if fs::read_dir(STATE_ROOT).at("read", STATE_ROOT)?.flatten().any(|entry| entry.path().is_dir()) {
        return Ok(Vec::new());
    }
    Ok(host_settings::changed()?.iter().map(|name| format!("changed setting /proc/sys/{name}")).collect())
}

/// Unmounts what is mounted among the lab's disks. The lab itself mounts nothing where the host
/// sees it; a person who looked into a disk may have, and removing the disk must stop there.
pub(crate) fn unmount(id: &LabId) -> Result<()> {
    for mount in mounts(id)?.iter().rev() {
        run("umount", &["--lazy", &mount.to_string_lossy()])?;
    }
    Ok(())
}

fn mounts(id: &LabId) -> Result<Vec<PathBuf>> {
    let state_dir = id.state_dir();
    Ok(fs::read_to_string(MOUNTINFO)
        .at("read", MOUNTINFO)?
        .lines()
        .filter_map(|line| line.split_whitespace().nth(4))
        .map(PathBuf::from)
        .filter(|mount| mount.starts_with(&state_dir))
        .collect())
}
