//! The local machines of one measurement.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use hardway_spec::Cluster;
use tempfile::TempDir;

use super::remote::Remote;
use super::timed::timed;
use crate::run::Failure;

/// Three booted machines with a workspace of their own. Dropped, it removes them, also after a failure.
pub(super) struct Lab {
    hardway: PathBuf,
    name: &'static str,
    folder: TempDir,
}

impl Lab {
    /// Makes `lb`, `cp1` and `w1` and waits until they have booted to the end.
    pub(super) fn up(hardway: &Path, name: &'static str, packages: &[String]) -> Result<Self, Failure> {
        let folder = tempfile::Builder::new().prefix("hardway-").tempdir()?;
        let lab = Self { hardway: hardway.to_owned(), name, folder };
        let packages = packages.join(",");
        let mut arguments = vec!["lab", "up", "--machines-only"];
        if !packages.is_empty() {
            arguments.extend(["--preinstall", &packages]);
        }
        timed(lab.hardway(&arguments))?;
        for machine in lab.cluster()?.spec.machines {
            // A unit of the base system may have failed, which is not measured here.
            lab.connect(machine.name.as_str())?.run("systemctl is-system-running --wait || true; sync")?;
        }
        Ok(lab)
    }

    pub(super) fn workspace(&self) -> PathBuf {
        self.folder.path().join(self.name)
    }

    /// A place for files of a measurement, beside the workspace.
    pub(super) fn scratch(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// hardway, on this workspace, telling only what went wrong.
    pub(super) fn hardway(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.hardway);
        command.arg("-C").arg(self.workspace()).arg("-q").args(arguments);
        command
    }

    pub(super) fn cluster(&self) -> Result<Cluster, Failure> {
        let text = std::fs::read_to_string(self.workspace().join("cluster.yaml"))?;
        Ok(hardway_spec::parse(&text, "cluster.yaml")?)
    }

    pub(super) fn address(&self, machine: &str) -> Result<IpAddr, Failure> {
        let cluster = self.cluster()?;
        let found = cluster.spec.machines.iter().find(|one| one.name.as_str() == machine);
        Ok(found.ok_or_else(|| format!("the lab has no machine {machine}"))?.address)
    }

    /// The private key that opens the machines.
    pub(super) fn identity(&self) -> Result<PathBuf, Failure> {
        Ok(self.cluster()?.spec.ssh.identity_file.ok_or("the lab's cluster.yaml names no key")?.into())
    }

    pub(super) fn known_hosts(&self) -> PathBuf {
        self.workspace().join(".hardway/known_hosts")
    }

    /// An open connection, so that no measurement pays for a handshake.
    pub(super) fn connect(&self, machine: &str) -> Result<Remote, Failure> {
        Remote::connect(
            self.address(machine)?,
            &self.identity()?,
            &self.known_hosts(),
            self.scratch(&format!("{machine}.ssh")),
        )
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        if let Err(error) = timed(self.hardway(&["lab", "down"])) {
            eprintln!("error: the machines of {} may be left: {error}", self.workspace().display());
        }
    }
}
