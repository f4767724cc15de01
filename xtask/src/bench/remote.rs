//! A machine through the system's own ssh.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use super::timed::timed;
use crate::run::Failure;

/// A connection that later commands share (`ControlMaster` in ssh_config(5)).
pub(super) struct Remote {
    control: PathBuf,
    address: IpAddr,
}

impl Remote {
    pub(super) fn connect(
        address: IpAddr,
        identity: &Path,
        known_hosts: &Path,
        control: PathBuf,
    ) -> Result<Self, Failure> {
        let mut command = Command::new("ssh");
        command.args(["-f", "-N", "-M", "-S"]).arg(&control).arg("-i").arg(identity);
        command.arg("-o").arg(format!("UserKnownHostsFile={}", known_hosts.display()));
        command.args(["-o", "StrictHostKeyChecking=yes", "-o", "IdentitiesOnly=yes", "-l", "root"]);
        command.arg(address.to_string());
        timed(command)?;
        Ok(Self { control, address })
    }

    /// Runs a POSIX shell script and gives its duration.
    pub(super) fn run(&self, script: &str) -> Result<Duration, Failure> {
        let mut command = self.ssh();
        command.arg(script);
        timed(command)
    }

    /// Unpacks a local tree over the machine's root; links to files become files.
    pub(super) fn unpack(&self, tree: &Path) -> Result<(), Failure> {
        let mut pack = Command::new("tar");
        pack.args(["--create", "--dereference", "--owner=0", "--group=0", "--directory"]).arg(tree).arg(".");
        let mut packing = pack.stdout(Stdio::piped()).spawn()?;
        let mut unpack = self.ssh();
        unpack.arg("tar --extract --no-overwrite-dir --directory=/");
        unpack.stdin(packing.stdout.take().expect("it was asked for"));
        let unpacked = unpack.status()?;
        let packed = packing.wait()?;
        if packed.success() && unpacked.success() {
            Ok(())
        } else {
            Err(format!("copying to {} failed: tar ended with {packed}, ssh with {unpacked}", self.address).into())
        }
    }

    fn ssh(&self) -> Command {
        let mut command = Command::new("ssh");
        command.arg("-S").arg(&self.control).args(["-l", "root"]).arg(self.address.to_string()).arg("--");
        command
    }
}

impl Drop for Remote {
    fn drop(&mut self) {
        let mut command = Command::new("ssh");
        command.arg("-S").arg(&self.control).args(["-O", "exit"]).arg(self.address.to_string());
        // The machine may be gone, and the connection with it.
        let _ = command.stdout(Stdio::null()).stderr(Stdio::null()).status();
    }
}
