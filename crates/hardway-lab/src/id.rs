//! The short id of a lab, and every name on the host that is made from it.
//!
//! Whatever a lab puts on the host bears its id, so that `down` finds all of it without any state.

use std::fmt;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

/// Where labs keep their machines' disks.
pub(crate) const STATE_ROOT: &str = "/var/lib/hardway-lab";

/// The cgroup above all labs'.
pub(crate) const CGROUP_ROOT: &str = "hardway-lab";

/// Six hexadecimal digits that stand for a workspace.
///
/// Six, since an interface name has at most 15 bytes and nspawn's are `vb-` + machine name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LabId(String);

impl LabId {
    /// The id of the workspace whose lab folder is `dir`, an absolute path without links.
    pub(crate) fn of(dir: &Path) -> Self {
        let digest = Sha256::digest(dir.as_os_str().as_encoded_bytes());
        Self(hex::encode(&digest[..3]))
    }

    /// Where the lab starts to look for a free subnet.
    pub(crate) fn seed(&self) -> u8 {
        u8::from_str_radix(&self.0[..2], 16).expect("an id is hexadecimal digits")
    }

    /// The bridge's interface name.
    pub(crate) fn bridge(&self) -> String {
        format!("hw-{self}")
    }

    /// The nftables table, family ip.
    pub(crate) fn nft_table(&self) -> String {
        format!("hardway_lab_{self}")
    }

    /// systemd-nspawn's name for the machine whose address ends in `host`.
    pub(crate) fn nspawn_machine(&self, host: u8) -> String {
        format!("{self}-{host}")
    }

    /// The host's end of the machine's network cable, as nspawn names it.
    pub(crate) fn veth(&self, host: u8) -> String {
        format!("{}{host}", self.veth_prefix())
    }

    /// What the names of all the lab's cables begin with.
    pub(crate) fn veth_prefix(&self) -> String {
        format!("vb-{self}-")
    }

    /// The lab's cgroup, relative to the branch that is ours.
    pub(crate) fn cgroup(&self) -> String {
        format!("{CGROUP_ROOT}/{self}")
    }

    /// The unit that owns the lab's cgroup where systemd owns the tree.
    pub(crate) fn unit(&self) -> String {
        format!("hardway-lab-{self}.service")
    }

    /// The folder with the lab's state and its machines' disks.
    pub(crate) fn state_dir(&self) -> PathBuf {
        Path::new(STATE_ROOT).join(&self.0)
    }
}

impl fmt::Display for LabId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_interface_name_fits_the_kernel_limit() {
        let id = LabId::of(Path::new("/home/somebody/cluster/.hardway/lab"));
        assert!(id.bridge().len() <= 15);
        assert!(id.veth(255).len() <= 15);
    }

    #[test]
    fn workspaces_have_different_ids() {
        assert_ne!(LabId::of(Path::new("/a")), LabId::of(Path::new("/b")));
    }
}
