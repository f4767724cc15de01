//! Kernel settings of the host that machines need and share, noted before they are changed so that
//! the last lab gives them back.
//!
//! All functions want the lock of all labs to be held.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::error::{FileContext, LabError, Result};
use crate::id::STATE_ROOT;

const SYSCTLS: &str = "/proc/sys";

/// (name below /proc/sys, least value).
///
/// Inotify's limits are per user, and root is one user in all machines: each systemd takes a dozen
/// instances or so, each kubelet and container runtime more.
const NEEDED: [(&str, u64); 3] =
    [("net/ipv4/ip_forward", 1), ("fs/inotify/max_user_instances", 8192), ("fs/inotify/max_user_watches", 524_288)];

/// What a setting was, by its name.
type Before = BTreeMap<String, u64>;

/// Raises what is too low.
pub(crate) fn raise() -> Result<()> {
    for (name, least) in NEEDED {
        let current = read(name)?;
        if current >= least {
            continue;
        }
        // The note comes first: who is killed in between must not leave a change without it.
        let mut before = load()?;
        before.entry(name.to_owned()).or_insert(current);
        save(&before)?;
        write(name, least)?;
    }
    Ok(())
}

/// Gives back what no lab needs any more; what somebody else has changed since is left alone.
pub(crate) fn restore() -> Result<()> {
    for (name, least) in NEEDED {
        let mut before = load()?;
        let Some(value) = before.remove(name) else { continue };
        if read(name)? == least {
            write(name, value)?;
        }
        save(&before)?;
    }
    Ok(())
}

/// The settings that are still changed.
pub(crate) fn changed() -> Result<Vec<String>> {
    Ok(load()?.into_keys().collect())
}

fn note() -> PathBuf {
    Path::new(STATE_ROOT).join("settings-before.json")
}

fn load() -> Result<Before> {
    let path = note();
    match fs::read_to_string(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Before::new()),
        read => serde_json::from_str(&read.at("read", &path)?).map_err(|source| LabError::State { path, source }),
    }
}

fn save(before: &Before) -> Result<()> {
    let path = note();
    if before.is_empty() {
        return fs::remove_file(&path).at("remove", path);
    }
    let text = serde_json::to_string_pretty(before).expect("names and numbers");
    let file = tempfile::NamedTempFile::new_in(STATE_ROOT).at("write", STATE_ROOT)?;
    fs::write(file.path(), text).at("write", &path)?;
    file.persist(&path).map_err(|error| error.error).at("write", &path)?;
    Ok(())
}

fn read(name: &str) -> Result<u64> {
    let path = Path::new(SYSCTLS).join(name);
    let text = fs::read_to_string(&path).at("read", &path)?;
    // All of them are numbers; one that is not would be no reason to change it.
    Ok(text.trim().parse().unwrap_or(u64::MAX))
}

fn write(name: &str, value: u64) -> Result<()> {
    let path = Path::new(SYSCTLS).join(name);
    fs::write(&path, value.to_string()).at("write", path)
}
