//! A lab as a whole.

use std::fs;
use std::io::ErrorKind;
use std::net::Ipv4Addr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::thread;

use crate::address::{Subnet, check_names, host_number};
use crate::anchor;
use crate::base;
use crate::cgroup::{Group, Hierarchies};
use crate::config::{AliasOf, LabConfig};
use crate::error::{FileContext, LabError, Result};
use crate::event::{Event, OnEvent};
use crate::host;
use crate::host_settings;
use crate::hosts_file;
use crate::id::{CGROUP_ROOT, LabId, STATE_ROOT};
use crate::keys;
use crate::leftovers;
use crate::lock::DirLock;
use crate::machine::{Machine, kill_all, remove_if_there, ssh_answers};
use crate::network;
use crate::seed::Seed;
use crate::state::{LabState, MachineRecord};
use crate::view::{LabMachine, MachineState, MachineStatus};

/// The local machines of one workspace.
#[derive(Debug)]
pub struct Lab {
    dir: PathBuf,
    id: LabId,
    state: LabState,
    hierarchies: Hierarchies,
}

impl Lab {
    /// Brings the machines up and waits until each one's sshd answers.
    ///
    /// `dir` is the workspace's folder for the lab; the operator's SSH key is kept there. Safe to
    /// run again: what is missing is made, what is stopped is started, the rest is left alone.
    ///
    /// # Errors
    /// Not root, packages missing (see [`crate::install_host_packages`]), bad names, no network
    /// left, or a machine that does not boot, with the end of its console.
    pub fn up(dir: &Path, config: &LabConfig, on_event: OnEvent<'_>) -> Result<Self> {
        host::require_root()?;
        host::require_packages()?;
        let dir = absolute(dir)?;
        let id = LabId::of(&dir);
        // A wrong question is answered before anything is touched.
        check_names(&config.machines)?;
        check_aliases(config, LabState::load(&id.state_dir())?.as_ref())?;
        let _lock = DirLock::acquire(&dir)?;
        fs::set_permissions(&dir, fs::Permissions::from_mode(0o700)).at("write", &dir)?;
        let operator_key = keys::ensure_identity(&dir)?;
        let base = base::ensure(config.base, &config.extra_packages, on_event)?;
        host::load_kernel_modules()?;
        let hierarchies = anchor::up(&id)?;
        let state = prepare_host(&dir, &id, config, &base)?;
        let lab = Self { dir, id, state, hierarchies };
        lab.warn(on_event)?;
        lab.create_missing(&operator_key, on_event)?;
        let (resolv_conf, _) = network::resolv_conf()?;
        // Machines share the host's cores, and still boot faster side by side.
        thread::scope(|scope| {
            let boots: Vec<_> = lab
                .state
                .machines
                .iter()
                .map(|record| {
                    let (lab, resolv_conf, operator_key) = (&lab, &resolv_conf, &operator_key);
                    scope.spawn(move || lab.machine(record).start(resolv_conf, operator_key, on_event))
                })
                .collect();
            boots
                .into_iter()
                .map(|boot| boot.join().expect("starting a machine does not panic"))
                .collect::<Result<Vec<()>>>()
        })?;
        Ok(lab)
    }

    /// The lab of a workspace, if it has one.
    ///
    /// # Errors
    /// Its state cannot be read.
    pub fn open(dir: &Path) -> Result<Option<Self>> {
        let dir = absolute(dir)?;
        let id = LabId::of(&dir);
        let Some(state) = LabState::load(&id.state_dir())? else {
            return Ok(None);
        };
        let hierarchies = anchor::hierarchies(&id)?;
        Ok(Some(Self { dir, id, state, hierarchies }))
    }

    /// Removes the lab and all it put on the host, whatever state it is in; afterwards nothing of
    /// it is left, and without a lab nothing happens.
    ///
    /// # Errors
    /// Not root, or the host refuses to let go of something.
    pub fn down(dir: &Path, on_event: OnEvent<'_>) -> Result<()> {
        host::require_root()?;
        let dir = absolute(dir)?;
        let id = LabId::of(&dir);
        let missing: Vec<&Path> = dir.ancestors().skip(1).take_while(|folder| !folder.exists()).collect();
        let _lock = DirLock::acquire(&dir)?;
        // A damaged state must not keep anybody from removing it; all names come from the id.
        if let Ok(Some(state)) = LabState::load(&id.state_dir()) {
            for machine in state.machines {
                on_event(Event::StoppingMachine { machine: machine.name });
            }
        }
        let hierarchies = anchor::hierarchies(&id)?;
        let group = hierarchies.group(&id.cgroup());
        kill_all(&group, "the lab")?;
        group.remove()?;
        anchor::down(&id)?;
        hierarchies.group(CGROUP_ROOT).remove_if_empty();
        leftovers::unmount(&id)?;

        let host_lock = DirLock::acquire(Path::new(STATE_ROOT))?;
        network::down(&id)?;
        hosts_file::set(&id, &[])?;
        remove_if_there(&id.state_dir())?;
        if other_labs(&id)?.is_empty() {
            host_settings::restore()?;
            remove_folder_if_empty(Path::new(STATE_ROOT))?;
        }
        drop(host_lock);
        remove_if_there(&dir)?;
        // The lock made them, where there never was a workspace.
        missing.into_iter().try_for_each(remove_folder_if_empty)
    }

    /// What tells the lab of `dir` from all others on this host: six hexadecimal digits.
    ///
    /// # Errors
    /// `dir` cannot be made absolute.
    pub fn id(dir: &Path) -> Result<String> {
        Ok(LabId::of(&absolute(dir)?).to_string())
    }

    /// What a lab of this workspace has left on the host: empty when there was none or `down` has
    /// done its work.
    ///
    /// # Errors
    /// The host could not be looked at.
    pub fn leftovers(dir: &Path) -> Result<Vec<String>> {
        let dir = absolute(dir)?;
        leftovers::scan(&dir, &LabId::of(&dir))
    }

    /// The operator's private key for the machines' root user.
    pub fn identity_file(&self) -> PathBuf {
        keys::identity_file(&self.dir)
    }

    /// The lab's network, as `172.30.N.0/24`.
    pub fn subnet(&self) -> String {
        self.state.subnet.to_string()
    }

    /// An address of the lab's network that no machine has by itself.
    pub fn spare_address(&self) -> Ipv4Addr {
        self.state.subnet.spare()
    }

    /// The machines, in the order in which they were asked for.
    ///
    /// # Errors
    /// A machine's host key cannot be read.
    pub fn machines(&self) -> Result<Vec<LabMachine>> {
        self.state.machines.iter().map(|record| self.view(record)).collect()
    }

    /// The machines as they are now.
    ///
    /// # Errors
    /// A machine's host key cannot be read.
    pub fn status(&self) -> Result<Vec<MachineStatus>> {
        self.state
            .machines
            .iter()
            .map(|record| {
                let machine = self.view(record)?;
                let running = machine.state == MachineState::Running;
                Ok(MachineStatus {
                    sshd: running && ssh_answers(machine.address),
                    memory_bytes: running.then(|| self.machine(record).memory_bytes()).flatten(),
                    machine,
                })
            })
            .collect()
    }

    /// Starts a machine and waits for its sshd.
    ///
    /// # Errors
    /// No such machine, or it does not boot.
    pub fn start(&self, name: &str, on_event: OnEvent<'_>) -> Result<()> {
        self.with(name, |lab, machine| {
            // After a reboot of the host its network is gone too.
            anchor::up(&lab.id)?;
            let host_lock = DirLock::acquire(Path::new(STATE_ROOT))?;
            host_settings::raise()?;
            network::up(&lab.id, lab.state.subnet)?;
            drop(host_lock);
            let (resolv_conf, _) = network::resolv_conf()?;
            let operator_key = keys::ensure_identity(&lab.dir)?;
            machine.start(&resolv_conf, &operator_key, on_event)
        })
    }

    /// Shuts a machine down in order; its disk is kept.
    ///
    /// # Errors
    /// No such machine, or a process that even SIGKILL does not end.
    pub fn stop(&self, name: &str, on_event: OnEvent<'_>) -> Result<()> {
        self.with(name, |_, machine| machine.stop(on_event))
    }

    /// Ends a machine at once, as a power cut does; its disk is kept.
    ///
    /// # Errors
    /// No such machine, or a process that even SIGKILL does not end.
    pub fn kill(&self, name: &str) -> Result<()> {
        self.with(name, |_, machine| machine.kill())
    }

    /// Shuts a machine down in order and starts it again.
    ///
    /// # Errors
    /// Those of [`Lab::stop`] and [`Lab::start`].
    pub fn restart(&self, name: &str, on_event: OnEvent<'_>) -> Result<()> {
        self.stop(name, on_event)?;
        self.start(name, on_event)
    }

    fn with<T>(&self, name: &str, act: impl FnOnce(&Self, &Machine<'_>) -> Result<T>) -> Result<T> {
        host::require_root()?;
        let record = self.state.machine(name)?;
        let _lock = DirLock::acquire(&self.dir)?;
        act(self, &self.machine(record))
    }

    fn machine<'a>(&'a self, record: &'a MachineRecord) -> Machine<'a> {
        Machine {
            id: &self.id,
            record,
            address: self.state.subnet.host(record.host),
            group: self.group().child(&record.name),
        }
    }

    fn group(&self) -> Group<'_> {
        self.hierarchies.group(&self.id.cgroup())
    }

    fn view(&self, record: &MachineRecord) -> Result<LabMachine> {
        let machine = self.machine(record);
        Ok(LabMachine {
            name: record.name.clone(),
            address: machine.address,
            host_key: machine.host_key()?,
            state: machine.state(),
        })
    }

    fn create_missing(&self, operator_key: &str, on_event: OnEvent<'_>) -> Result<()> {
        let mtu = network::uplink_mtu();
        for record in &self.state.machines {
            let machine = self.machine(record);
            if machine.exists() {
                continue;
            }
            on_event(Event::CreatingMachine { machine: record.name.clone(), address: machine.address });
            machine.create(&Seed {
                name: &record.name,
                subnet: self.state.subnet,
                address: machine.address,
                mtu,
                operator_key,
            })?;
        }
        Ok(())
    }

    fn warn(&self, on_event: OnEvent<'_>) -> Result<()> {
        if network::foreign_drop_policy() {
            on_event(Event::Warning {
                message: format!(
                    "this host's FORWARD chain drops by default (Docker does that); machines may \
                     lack a way out until `{}` is accepted there",
                    self.id.bridge()
                ),
            });
        }
        if !network::resolv_conf()?.1 {
            on_event(Event::Warning {
                message: "no name server of this host can be reached from the machines: all are \
                          loopback addresses"
                    .to_owned(),
            });
        }
        Ok(())
    }
}

/// Every alias leads to a machine that the lab will have.
fn check_aliases(config: &LabConfig, state: Option<&LabState>) -> Result<()> {
    for (alias, of) in &config.hostname_alias {
        let AliasOf::Machine(machine) = of else { continue };
        let known = config.machines.contains(machine) || state.is_some_and(|state| state.machine(machine).is_ok());
        if !known {
            return Err(LabError::AliasWithoutMachine { alias: alias.clone(), machine: machine.clone() });
        }
    }
    Ok(())
}

/// Reserves the lab's subnet and addresses, and makes bridge, firewall table and host names.
fn prepare_host(dir: &Path, id: &LabId, config: &LabConfig, base: &Path) -> Result<LabState> {
    let _host_lock = DirLock::acquire(Path::new(STATE_ROOT))?;
    let state_dir = id.state_dir();
    fs::create_dir_all(&state_dir).at("create", &state_dir)?;
    let mut state = match LabState::load(&state_dir)? {
        Some(state) if state.owner != dir => {
            return Err(LabError::IdTaken { id: id.to_string(), owner: state.owner });
        }
        Some(state) => state,
        None => LabState { owner: dir.to_path_buf(), subnet: free_subnet(id)?, machines: Vec::new() },
    };
    for name in &config.machines {
        if state.machine(name).is_ok() {
            continue;
        }
        let taken: Vec<u8> = state.machines.iter().map(|machine| machine.host).collect();
        state.machines.push(MachineRecord {
            name: name.clone(),
            host: host_number(state.subnet, name, &taken)?,
            base: base.to_path_buf(),
        });
    }
    let names = config
        .hostname_alias
        .iter()
        .map(|(alias, of)| {
            let address = match of {
                AliasOf::Machine(name) => state.subnet.host(state.machine(name)?.host),
                AliasOf::Spare => state.subnet.spare(),
            };
            Ok((address, alias.clone()))
        })
        .collect::<Result<Vec<_>>>()?;
    state.save(&state_dir)?;
    host_settings::raise()?;
    network::up(id, state.subnet)?;
    hosts_file::set(id, &names)?;
    Ok(state)
}

fn free_subnet(id: &LabId) -> Result<Subnet> {
    let mut taken = network::host_ranges()?;
    for state_dir in other_labs(id)? {
        // A damaged neighbour has a bridge, if it has anything, and that was seen above.
        if let Ok(Some(state)) = LabState::load(&state_dir) {
            taken.push(state.subnet.cidr());
        }
    }
    Subnet::choose(id.seed(), &taken).ok_or(LabError::NoFreeSubnet)
}

/// The state folders of the host's other labs.
fn other_labs(id: &LabId) -> Result<Vec<PathBuf>> {
    let own = id.state_dir();
    Ok(fs::read_dir(STATE_ROOT)
        .at("read", STATE_ROOT)?
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.is_dir() && *path != own)
        .collect())
}

fn remove_folder_if_empty(path: &Path) -> Result<()> {
    match fs::remove_dir(path) {
        Err(error) if error.kind() == ErrorKind::DirectoryNotEmpty => Ok(()),
        removed => removed.at("remove", path),
    }
}

/// The same folder has the same name however it is spelt, and need not exist: the id hangs on it.
fn absolute(dir: &Path) -> Result<PathBuf> {
    let dir = std::path::absolute(dir).at("find", dir)?;
    for ancestor in dir.ancestors() {
        if let Ok(real) = ancestor.canonicalize() {
            let rest = dir.strip_prefix(ancestor).expect("an ancestor is a prefix");
            return Ok(if rest.as_os_str().is_empty() { real } else { real.join(rest) });
        }
    }
    Ok(dir)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_the_same_lab_through_a_link_and_before_it_exists() {
        let temporary = tempfile::tempdir().unwrap();
        let real = temporary.path().canonicalize().unwrap().join("real");
        let link = temporary.path().join("link");
        fs::create_dir(&real).unwrap();
        std::os::unix::fs::symlink(&real, &link).unwrap();
        assert_eq!(absolute(&link.join(".hardway/lab")).unwrap(), real.join(".hardway/lab"));
    }
}
