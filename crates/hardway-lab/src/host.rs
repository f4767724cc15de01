//! What the host must have, and what kind of host it is.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::command::{finish, succeeds};
use crate::error::{LabError, Result};
use crate::event::{Event, OnEvent};

/// A file that a lab needs, and the Debian package that has it.
const NEEDED: [(&str, &str); 9] = [
    ("systemd-nspawn", "systemd-container"),
    ("mmdebstrap", "mmdebstrap"),
    ("ip", "iproute2"),
    ("nft", "nftables"),
    ("ssh", "openssh-client"),
    ("ssh-keygen", "openssh-client"),
    ("unshare", "util-linux"),
    ("mount", "mount"),
    ("/usr/share/keyrings/debian-archive-keyring.gpg", "debian-archive-keyring"),
];

/// Kernel features that containers in the machines use; machines share the host's kernel and
/// usually cannot load modules into it.
const MODULES: [&str; 11] = [
    "overlay",
    "br_netfilter",
    "nf_tables",
    "nf_conntrack",
    "nft_chain_nat",
    "nft_masq",
    "ip_tables",
    "iptable_nat",
    "iptable_filter",
    "ip_set",
    "vxlan",
];

/// Debian packages that the host lacks, without duplicates.
pub fn missing_host_packages() -> Vec<String> {
    let mut missing: Vec<String> =
        NEEDED.iter().filter(|(file, _)| !is_there(file)).map(|(_, package)| (*package).to_owned()).collect();
    missing.dedup();
    missing
}

/// Installs packages with the host's own package manager, saying so first.
///
/// # Errors
/// Not root, no apt, or apt failed.
pub fn install_host_packages(packages: &[String], on_event: OnEvent<'_>) -> Result<()> {
    if packages.is_empty() {
        return Ok(());
    }
    require_root()?;
    let packages = packages.to_vec();
    if !is_there("apt-get") {
        return Err(LabError::NoApt { packages });
    }
    on_event(Event::InstallingHostPackages { packages: packages.clone() });
    let install = || {
        finish(
            Command::new("apt-get")
                .env("DEBIAN_FRONTEND", "noninteractive")
                .args(["-o", "DPkg::Lock::Timeout=300"])
                .args(["install", "--yes", "--quiet", "--no-install-recommends"])
                .args(&packages),
        )
    };
    // Package lists may be old or, in a container image, missing.
    if install().is_err() {
        finish(Command::new("apt-get").args(["update", "--quiet"]))?;
        install()?;
    }
    on_event(Event::HostPackagesInstalled);
    Ok(())
}

/// A path, or a program in one of the folders where Debian keeps them (an operator's PATH may
/// lack sbin).
fn is_there(file: &str) -> bool {
    if file.starts_with('/') {
        return Path::new(file).exists();
    }
    ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"]
        .iter()
        .any(|folder| Path::new(folder).join(file).exists())
}

pub(crate) fn require_root() -> Result<()> {
    if rustix::process::geteuid().is_root() { Ok(()) } else { Err(LabError::NotRoot) }
}

pub(crate) fn require_packages() -> Result<()> {
    let packages = missing_host_packages();
    if packages.is_empty() { Ok(()) } else { Err(LabError::MissingHostPackages { packages }) }
}

/// Whether PID 1 is systemd, as sd_booted(3) decides it.
pub(crate) fn booted_with_systemd() -> bool {
    Path::new("/run/systemd/system").is_dir()
}

/// The folder of the running kernel's modules, if the host has it.
pub(crate) fn has_kernel_modules() -> bool {
    fs::read_to_string("/proc/sys/kernel/osrelease")
        .is_ok_and(|release| Path::new("/lib/modules").join(release.trim()).is_dir())
}

/// Loads what can be loaded. A kernel with these built in, or without some of them, is no error
/// here: whoever needs one says so.
pub(crate) fn load_kernel_modules() -> Result<()> {
    if !(has_kernel_modules() && is_there("modprobe")) {
        return Ok(());
    }
    for module in MODULES {
        succeeds("modprobe", &["--quiet", module])?;
    }
    Ok(())
}
