//! One machine's life: made, started, stopped, killed.

use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::cgroup::Group;
use crate::command::{finish, last_lines};
use crate::error::{FileContext, LabError, Result};
use crate::event::{Event, OnEvent};
use crate::host;
use crate::id::LabId;
use crate::keys;
use crate::network;
use crate::nspawn::Boot;
use crate::process::{command_name, namespace_pids};
use crate::seed::{self, Seed};
use crate::state::MachineRecord;
use crate::view::MachineState;

/// A boot takes two seconds; on a host where many machines boot at once, ten times that.
const BOOT_LIMIT: Duration = Duration::from_secs(90);
/// Services get this long to stop in order: etcd and API servers need a few seconds.
const ORDERLY_LIMIT: Duration = Duration::from_secs(20);
/// Then all but the machine's init is killed, and init gets this long to finish.
const SHUTDOWN_LIMIT: Duration = Duration::from_secs(30);
/// SIGKILL works at once, except on processes that wait for a disk.
const KILL_LIMIT: Duration = Duration::from_secs(15);
/// How often a condition is looked at: far below what a person notices, and cheap.
const POLL: Duration = Duration::from_millis(25);
/// A bridge's neighbour lookup fails only after seconds; a machine answers within this.
const CONNECT_LIMIT: Duration = Duration::from_millis(250);
/// Enough of a console to see which unit failed.
const CONSOLE_LINES: usize = 20;

/// A machine on this host.
pub(crate) struct Machine<'a> {
    pub(crate) id: &'a LabId,
    pub(crate) record: &'a MachineRecord,
    pub(crate) address: Ipv4Addr,
    /// The machine's cgroups: `watch` and `machine` below it.
    pub(crate) group: Group<'a>,
}

impl Machine<'_> {
    fn name(&self) -> &str {
        &self.record.name
    }

    fn dir(&self) -> PathBuf {
        machines_dir(self.id).join(self.name())
    }

    /// The upper layer of its disk.
    pub(crate) fn disk(&self) -> PathBuf {
        self.dir().join("disk")
    }

    fn watchers(&self) -> Group<'_> {
        self.group.child("watch")
    }

    fn inside(&self) -> Group<'_> {
        self.group.child("machine")
    }

    pub(crate) fn state(&self) -> MachineState {
        if self.group.processes().is_empty() { MachineState::Stopped } else { MachineState::Running }
    }

    pub(crate) fn host_key(&self) -> Result<String> {
        let line = keys::read_line(&self.disk().join(seed::HOST_KEY))?;
        // Type and key; the comment after them means nothing to a known hosts file.
        Ok(line.split(' ').take(2).collect::<Vec<_>>().join(" "))
    }

    pub(crate) fn memory_bytes(&self) -> Option<u64> {
        self.inside().memory_bytes()
    }

    pub(crate) fn exists(&self) -> bool {
        self.dir().exists()
    }

    /// Makes its disk. What an operator who was killed left half made is made anew.
    pub(crate) fn create(&self, seed: &Seed<'_>) -> Result<()> {
        let machines = machines_dir(self.id);
        fs::create_dir_all(&machines).at("create", &machines)?;
        // As for /var/lib/machines: other users must not reach setuid programs in there.
        fs::set_permissions(&machines, fs::Permissions::from_mode(0o700)).at("write", &machines)?;
        // No machine name has a dot.
        let partial = machines.join(format!("{}.partial", self.name()));
        remove_if_there(&partial)?;
        seed::make_folder(&partial)?;
        for folder in ["disk", "work", "root", "containerd"] {
            seed::make_folder(&partial.join(folder))?;
        }
        symlink(&self.record.base, partial.join("base")).at("write", &partial)?;
        seed.plant(&partial.join("disk"))?;
        fs::rename(&partial, self.dir()).at("create", self.dir())
    }

    /// Boots it and waits until sshd answers; a machine that runs already is only waited for.
    pub(crate) fn start(&self, resolv_conf: &str, operator_key: &str, on_event: OnEvent<'_>) -> Result<()> {
        let start = Instant::now();
        if self.state() == MachineState::Stopped {
            on_event(Event::StartingMachine { machine: self.name().to_owned() });
            seed::set_resolv_conf(&self.disk(), resolv_conf)?;
            seed::authorize(&self.disk(), operator_key)?;
            self.launch()?;
        }
        self.wait_until_ready(start)?;
        on_event(Event::MachineReady { machine: self.name().to_owned(), address: self.address, took: start.elapsed() });
        Ok(())
    }

    fn launch(&self) -> Result<()> {
        let dir = self.dir();
        if !self.record.base.exists() {
            return Err(LabError::BaseGone { machine: self.name().to_owned(), base: self.record.base.clone() });
        }
        self.watchers().create()?;
        self.inside().create()?;
        let boot = Boot {
            dir: &dir,
            name: self.name(),
            nspawn_machine: &self.id.nspawn_machine(self.record.host),
            bridge: &self.id.bridge(),
            veth: &self.id.veth(self.record.host),
            groups: self.inside().places(),
            watch_groups: self.watchers().places(),
            kernel_modules: host::has_kernel_modules(),
        };
        let write = |name: &str, text: String| {
            let path = dir.join(name);
            fs::write(&path, text).at("write", path)
        };
        write("boot", boot.boot_script())?;
        write("watch", boot.watch_script())?;
        remove_file_if_there(&self.ended_file())?;
        let console = File::create(self.console_file()).at("write", self.console_file())?;
        let errors = console.try_clone().at("write", self.console_file())?;
        // A session of its own: the operator's Ctrl-C and terminal are not the machine's.
        let mut command = Command::new("setsid");
        command.args(["--fork", "/bin/sh"]).arg(dir.join("watch")).stdin(Stdio::null()).stdout(console).stderr(errors);
        let status = command.status().map_err(|source| LabError::Spawn { program: "setsid".to_owned(), source })?;
        if status.success() {
            return Ok(());
        }
        finish(&mut command).map(drop)
    }

    fn console_file(&self) -> PathBuf {
        self.dir().join("console.log")
    }

    /// The watch script writes it when the machine is off.
    fn ended_file(&self) -> PathBuf {
        self.dir().join("ended")
    }

    fn console_tail(&self) -> String {
        let bytes = fs::read(self.console_file()).unwrap_or_default();
        last_lines(&without_escapes(&String::from_utf8_lossy(&bytes)), CONSOLE_LINES)
    }

    fn wait_until_ready(&self, start: Instant) -> Result<()> {
        while !ssh_answers(self.address) {
            if self.ended_file().exists() {
                return Err(LabError::MachineDied { machine: self.name().to_owned(), console: self.console_tail() });
            }
            if start.elapsed() > BOOT_LIMIT {
                return Err(LabError::MachineSilent {
                    machine: self.name().to_owned(),
                    seconds: BOOT_LIMIT.as_secs(),
                    console: self.console_tail(),
                });
            }
            thread::sleep(POLL);
        }
        Ok(())
    }

    /// Shuts it down in order, within [`SHUTDOWN_LIMIT`].
    ///
    /// Containers are killed at once: their first processes ignore the polite signal (they are
    /// init in their own PID namespace), and systemd would wait for them.
    pub(crate) fn stop(&self, on_event: OnEvent<'_>) -> Result<()> {
        if self.state() == MachineState::Stopped {
            return Ok(());
        }
        let start = Instant::now();
        on_event(Event::StoppingMachine { machine: self.name().to_owned() });
        let inside = self.inside();
        // How many PID namespaces deep we are: nspawn is as deep, its init one deeper.
        let depth = namespace_pids(rustix::process::getpid().as_raw_nonzero().get()).len();
        let mut asked = false;
        while self.state() == MachineState::Running && start.elapsed() < SHUTDOWN_LIMIT {
            // A machine that has only just begun to boot has no nspawn yet.
            if !asked {
                for pid in inside.processes() {
                    if namespace_pids(pid).len() == depth && command_name(pid) == "systemd-nspawn" {
                        inside.signal(pid, Signal::TERM)?;
                        asked = true;
                    }
                }
            }
            let late = start.elapsed() > ORDERLY_LIMIT;
            for pid in inside.processes() {
                let ids = namespace_pids(pid);
                let in_container = ids.len() > depth + 1;
                let is_init = ids.last() == Some(&1);
                if in_container || (late && ids.len() == depth + 1 && !is_init) {
                    inside.signal(pid, Signal::KILL)?;
                }
            }
            thread::sleep(POLL);
        }
        self.kill()?;
        on_event(Event::MachineStopped { machine: self.name().to_owned(), took: start.elapsed() });
        Ok(())
    }

    /// Ends it as a power cut does.
    pub(crate) fn kill(&self) -> Result<()> {
        let owner = format!("machine `{}`", self.name());
        // Otherwise the watcher could start it again.
        kill_all(&self.watchers(), &owner)?;
        // Otherwise the kernel would close its connections in order.
        network::unplug(&self.id.veth(self.record.host))?;
        kill_all(&self.inside(), &owner)
    }
}

/// Where the lab's machines have their disks.
pub(crate) fn machines_dir(id: &LabId) -> PathBuf {
    id.state_dir().join("machines")
}

/// Kills until nothing is left: a process may have made another one meanwhile.
pub(crate) fn kill_all(group: &Group<'_>, owner: &str) -> Result<()> {
    let start = Instant::now();
    loop {
        let pids = group.processes();
        if pids.is_empty() {
            return Ok(());
        }
        if start.elapsed() > KILL_LIMIT {
            return Err(LabError::Unkillable { owner: owner.to_owned(), pids });
        }
        group.kill()?;
        thread::sleep(POLL);
    }
}

/// Whether sshd says its name (RFC 4253, section 4.2).
pub(crate) fn ssh_answers(address: Ipv4Addr) -> bool {
    let Ok(mut stream) = TcpStream::connect_timeout(&SocketAddr::from((address, 22)), CONNECT_LIMIT) else {
        return false;
    };
    let mut banner = [0; 4];
    stream.set_read_timeout(Some(Duration::from_secs(5))).is_ok()
        && stream.read_exact(&mut banner).is_ok()
        && &banner == b"SSH-"
}

/// Consoles are coloured; an error message is not.
fn without_escapes(text: &str) -> String {
    let mut result = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\u{1b}' => {
                // CSI: parameters up to a letter.
                if chars.next() == Some('[') {
                    chars.by_ref().find(char::is_ascii_alphabetic);
                }
            }
            '\r' => {}
            c => result.push(c),
        }
    }
    result
}

pub(crate) fn remove_if_there(path: &Path) -> Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        removed => removed.at("remove", path),
    }
}

fn remove_file_if_there(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        removed => removed.at("remove", path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_console_is_quoted_without_colours() {
        assert_eq!(
            without_escapes("[\u{1b}[0;1;31mFAILED\u{1b}[0m] Failed to start x.\r\n"),
            "[FAILED] Failed to start x.\n"
        );
    }
}
