//! What a lab remembers about itself.

use std::fs;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::address::Subnet;
use crate::error::{FileContext, LabError, Result};

const FILE: &str = "lab.json";

/// The lab's own record, beside its machines' disks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LabState {
    /// The workspace's lab folder.
    pub(crate) owner: PathBuf,
    pub(crate) subnet: Subnet,
    pub(crate) machines: Vec<MachineRecord>,
}

/// One machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct MachineRecord {
    pub(crate) name: String,
    /// The last octet of its address.
    pub(crate) host: u8,
    /// The root file system that its disk lies on.
    pub(crate) base: PathBuf,
}

impl LabState {
    /// Reads it from the lab's state folder; `None` if there is no lab.
    pub(crate) fn load(dir: &Path) -> Result<Option<Self>> {
        let path = dir.join(FILE);
        let text = match fs::read_to_string(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            read => read.at("read", &path)?,
        };
        serde_json::from_str(&text).map(Some).map_err(|source| LabError::State { path, source })
    }

    /// Replaces it as a whole.
    pub(crate) fn save(&self, dir: &Path) -> Result<()> {
        let path = dir.join(FILE);
        let text = serde_json::to_string_pretty(self).expect("a state is plain strings and numbers");
        let mut file = tempfile::NamedTempFile::new_in(dir).at("write", dir)?;
        file.write_all(text.as_bytes()).at("write", &path)?;
        file.as_file().sync_all().at("write", &path)?;
        file.persist(&path).map_err(|error| error.error).at("write", &path)?;
        Ok(())
    }

    pub(crate) fn machine(&self, name: &str) -> Result<&MachineRecord> {
        self.machines.iter().find(|machine| machine.name == name).ok_or_else(|| LabError::NoSuchMachine {
            name: name.to_owned(),
            known: self.machines.iter().map(|m| m.name.clone()).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_is_read_as_it_was_saved() {
        let dir = tempfile::tempdir().unwrap();
        let state = LabState {
            owner: "/somewhere".into(),
            subnet: Subnet::choose(3, &[]).unwrap(),
            machines: vec![MachineRecord { name: "cp1".into(), host: 11, base: "/cache/debian-12".into() }],
        };
        assert_eq!(LabState::load(dir.path()).unwrap(), None);
        state.save(dir.path()).unwrap();
        assert_eq!(LabState::load(dir.path()).unwrap(), Some(state));
    }

    #[test]
    fn a_damaged_state_is_an_error_with_its_place() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(FILE), "{").unwrap();
        let error = LabState::load(dir.path()).unwrap_err();
        assert!(error.to_string().contains("lab.json"));
    }
}
