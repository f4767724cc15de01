//! The files that make a copy of the base image one particular machine.

use std::fs;
use std::net::Ipv4Addr;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use crate::address::Subnet;
use crate::error::{FileContext, Result};
use crate::keys;

/// What distinguishes a machine from others of its base.
pub(crate) struct Seed<'a> {
    pub(crate) name: &'a str,
    pub(crate) subnet: Subnet,
    pub(crate) address: Ipv4Addr,
    /// Of the host's way out, in bytes: a larger packet would be lost there.
    pub(crate) mtu: u32,
    /// The operator's public key.
    pub(crate) operator_key: &'a str,
}

/// Where the machine keeps its public host key.
pub(crate) const HOST_KEY: &str = "etc/ssh/ssh_host_ed25519_key.pub";

const SETUP: &str = "usr/local/lib/lab-machine";
const WANTED: &str = "etc/systemd/system/sysinit.target.wants/lab-machine.service";

impl Seed<'_> {
    /// Writes what a machine keeps for life into the upper layer of its disk.
    pub(crate) fn plant(&self, disk: &Path) -> Result<()> {
        write(disk, "etc/hostname", 0o644, &format!("{}\n", self.name))?;
        write(disk, "etc/hosts", 0o644, &self.hosts())?;
        write(disk, "etc/machine-id", 0o444, &format!("{}\n", machine_id()?))?;
        write(disk, SETUP, 0o755, &self.setup_script())?;
        write(disk, "etc/systemd/system/lab-machine.service", 0o644, UNIT)?;
        make_parent(disk, WANTED)?;
        symlink("../lab-machine.service", disk.join(WANTED)).at("write", disk.join(WANTED))?;
        make_parent(disk, HOST_KEY)?;
        keys::generate(&disk.join(HOST_KEY).with_extension(""), self.name)?;
        authorize(disk, self.operator_key)
    }

    /// As Debian's installer writes it.
    fn hosts(&self) -> String {
        format!(
            "127.0.0.1\tlocalhost\n127.0.1.1\t{}\n\n\
             ::1\tlocalhost ip6-localhost ip6-loopback\nff02::1\tip6-allnodes\nff02::2\tip6-allrouters\n",
            self.name
        )
    }

    /// What the machine must do at each boot because it shares the host's kernel.
    fn setup_script(&self) -> String {
        let Self { subnet, address, mtu, .. } = self;
        format!(
            r#"#!/bin/sh
# Stands in for hardware and firmware that this local machine does not have; made by the lab.
set -eu

ip link set lo up
ip link set host0 mtu {mtu} up
ip address replace {address}/24 dev host0
ip route replace default via {gateway}

# cgroup v1: nspawn leaves the controllers read-only, and container runtimes write to them.
while read -r _ target type _; do
	[ "$type" != cgroup ] || mount -o remount,rw,bind "$target"
done </proc/self/mounts

[ -d /sys/fs/bpf ] || mkdir /sys/fs/bpf
mountpoint -q /sys/fs/bpf || mount -t bpf bpf /sys/fs/bpf

# As on a machine that systemd booted without a container around it.
mount --make-rshared /
"#,
            gateway = subnet.gateway(),
        )
    }
}

const UNIT: &str = "\
[Unit]
Description=Address, cgroups and file systems of a local machine
DefaultDependencies=no
Before=sysinit.target network-pre.target shutdown.target
Wants=network-pre.target
Conflicts=shutdown.target

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/local/lib/lab-machine

[Install]
WantedBy=sysinit.target
";

/// Lets the operator in as root.
pub(crate) fn authorize(disk: &Path, operator_key: &str) -> Result<()> {
    write(disk, "root/.ssh/authorized_keys", 0o600, &format!("{operator_key}\n"))?;
    for folder in ["root/.ssh", "root"] {
        let path = disk.join(folder);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).at("write", path)?;
    }
    Ok(())
}

/// Gives the machine the host's name servers, as they are now.
pub(crate) fn set_resolv_conf(disk: &Path, text: &str) -> Result<()> {
    write(disk, "etc/resolv.conf", 0o644, text)
}

fn write(disk: &Path, name: &str, mode: u32, text: &str) -> Result<()> {
    let path = disk.join(name);
    make_parent(disk, name)?;
    fs::write(&path, text).at("write", &path)?;
    fs::set_permissions(&path, fs::Permissions::from_mode(mode)).at("write", path)
}

/// Makes the folders above a file, with a server's usual mode whatever the operator's umask is.
fn make_parent(disk: &Path, name: &str) -> Result<()> {
    let mut folder = disk.to_path_buf();
    let parent = Path::new(name).parent().unwrap_or(Path::new(""));
    for part in parent {
        folder.push(part);
        if !folder.exists() {
            make_folder(&folder)?;
        }
    }
    Ok(())
}

/// Makes one folder that all may read, as a machine's folders are.
pub(crate) fn make_folder(path: &Path) -> Result<()> {
    fs::create_dir(path).at("create", path)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).at("write", path)
}

/// A random one: 32 hexadecimal digits, machine-id(5).
fn machine_id() -> Result<String> {
    const SOURCE: &str = "/proc/sys/kernel/random/uuid";
    Ok(fs::read_to_string(SOURCE).at("read", SOURCE)?.trim().replace('-', ""))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::{Subnet, host_number};

    fn seed(subnet: Subnet) -> Seed<'static> {
        Seed {
            name: "cp1",
            subnet,
            address: subnet.host(host_number(subnet, "cp1", &[]).unwrap()),
            mtu: 1500,
            operator_key: "ssh-ed25519 AAAA operator",
        }
    }

    #[test]
    fn the_setup_script_is_as_expected() {
        let subnet = Subnet::choose(1, &[]).unwrap();
        assert_eq!(seed(subnet).setup_script(), include_str!("../tests/golden/lab-machine"));
    }

    #[test]
    fn a_machine_knows_its_own_name() {
        let subnet = Subnet::choose(1, &[]).unwrap();
        assert!(seed(subnet).hosts().contains("\n127.0.1.1\tcp1\n"));
    }
}
