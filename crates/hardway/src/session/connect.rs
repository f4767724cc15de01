//! Connections to the machines, all at once; failures grouped by cause.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use futures::future::join_all;
use hardway_machine::{
    Fault, KnownHosts, Machine, MachineError, OfferedKey, SshMachine, SshSettings, SshTarget, known_host,
};
use hardway_plan::Obstacle;
use hardway_run::with_sources;
use hardway_spec::MachineName;

use super::{Session, open_files, workspace_error};
use crate::error::CommandError;

/// Every machine of a cluster, connected.
pub type Machines = BTreeMap<MachineName, Arc<dyn Machine>>;

/// Asks whether an unknown host key is the right one.
fn host_key_prompt(machine: &MachineName, host: &str, offered: &OfferedKey) -> bool {
    use std::io::{BufRead, IsTerminal, Write};
    if !std::io::stdin().is_terminal() {
        return false;
    }
    let mut stderr = std::io::stderr();
    let _ = write!(
        stderr,
        "{machine} ({host}) shows the host key {}, which is not known yet. Is it the right one? [y/N] ",
        offered.fingerprint
    );
    let _ = stderr.flush();
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer).is_ok() && matches!(answer.trim(), "y" | "Y" | "yes")
}

/// How one machine is reached, `~/.ssh/config` and all.
pub async fn ssh_settings(session: &Session, machine: &hardway_spec::Machine) -> Result<SshSettings, CommandError> {
    resolve(session, machine, session.known_hosts()?).await
}

async fn resolve(
    session: &Session,
    machine: &hardway_spec::Machine,
    known_hosts: KnownHosts,
) -> Result<SshSettings, CommandError> {
    let ssh = &session.cluster.spec.ssh;
    let target = SshTarget {
        host: machine.address.to_string(),
        port: Some(ssh.port),
        user: Some(ssh.user.clone()),
        identity_file: ssh.identity_file.as_deref().map(|file| identity_path(session, file)),
        known_hosts,
        sudo_password: std::env::var("HARDWAY_SUDO_PASSWORD").ok().map(Into::into),
        handshakes: session.handshakes.clone(),
    };
    target.resolve().await.map_err(CommandError::input)
}

fn identity_path(session: &Session, file: &str) -> PathBuf {
    match (file.strip_prefix("~/"), std::env::home_dir()) {
        (Some(rest), Some(home)) => home.join(rest),
        _ => session.workspace.root().join(file),
    }
}

impl Session {
    /// Connects to every machine: those that were reached, and why the others were not.
    pub async fn connect(&self) -> Result<(Machines, Vec<MachineError>), CommandError> {
        open_files::make_room(self.cluster.spec.machines.len())?;
        let mut reached: Machines = BTreeMap::new();
        let mut failures = Vec::new();
        let mut open: Vec<&hardway_spec::Machine> = self.cluster.spec.machines.iter().collect();
        loop {
            let mut again = Vec::new();
            let known_hosts = self.known_hosts()?;
            let attempts = join_all(open.iter().map(|machine| async {
                let settings = resolve(self, machine, known_hosts.clone()).await?;
                let ssh = SshMachine::new(machine.name.clone(), settings);
                Ok::<_, CommandError>((ssh.connect().await, ssh))
            }));
            for (machine, attempt) in open.iter().zip(attempts.await) {
                match attempt? {
                    (Ok(()), ssh) => {
                        reached.insert(machine.name.clone(), Arc::new(ssh));
                    }
                    (Err(error), _) => match &error.fault {
                        Fault::HostKeyUnknown { host, port, offered }
                            if self.has_moved(&known_hosts, machine, *port, offered)
                                || host_key_prompt(&machine.name, host, offered) =>
                        {
                            self.pin(&machine.name, host, *port, offered)?;
                            again.push(*machine);
                        }
                        _ => failures.push(error),
                    },
                }
            }
            if again.is_empty() {
                return Ok((reached, failures));
            }
            open = again;
        }
    }

    fn known_hosts(&self) -> Result<KnownHosts, CommandError> {
        let text = self.workspace.read_known_hosts().map_err(workspace_error)?;
        KnownHosts::parse(&text).map_err(CommandError::input)
    }

    /// Whether the machine shows, at an address that is not known, the very key that it had before. Another machine's key
    /// is none of its own, however well it is known.
    fn has_moved(
        &self,
        known_hosts: &KnownHosts,
        machine: &hardway_spec::Machine,
        port: u16,
        offered: &OfferedKey,
    ) -> bool {
        let moved = known_hosts.pinned(machine.name.as_str(), port).contains(offered);
        if moved {
            self.output.note(&format!(
                "{} is at {} now: it shows the host key that it had before",
                machine.name, machine.address
            ));
        }
        moved
    }

    /// Notes the key for the address, and for the machine's name, by which it is known again elsewhere.
    fn pin(&self, machine: &MachineName, host: &str, port: u16, offered: &OfferedKey) -> Result<(), CommandError> {
        let line = format!("{},{} {}", known_host(machine.as_str(), port), known_host(host, port), offered.openssh);
        self.workspace.append_known_host(&line).map_err(workspace_error)
    }
}

/// Failures with the same cause together, each with what to do.
pub fn grouped<'a>(failures: impl IntoIterator<Item = &'a MachineError>) -> Vec<Obstacle> {
    let trouble = |failure: &MachineError| (cause(&failure.fault), help(&failure.fault));
    Obstacle::grouped(failures.into_iter().map(|failure| (failure.machine.clone(), trouble(failure))))
}

/// The cause without what differs between machines, so that a fleet's failures group.
fn cause(fault: &Fault) -> String {
    match fault {
        Fault::Unreachable { port, source, .. } => format!("cannot connect to port {port}: {source}"),
        Fault::ConnectTimeout { port, after, .. } => {
            format!("port {port} did not answer within {} s", after.as_secs())
        }
        Fault::Handshake { port, source, .. } => format!("the SSH handshake on port {port} failed: {source}"),
        Fault::AuthenticationRefused { user, tried, .. } if tried.is_empty() => {
            format!("no key to log in as {user} with")
        }
        Fault::AuthenticationRefused { user, tried, .. } => {
            format!("not let in as {user} with {}", tried.join(", "))
        }
        fault => with_sources(fault),
    }
}

fn help(fault: &Fault) -> String {
    match fault {
        Fault::Unreachable { .. } | Fault::ConnectTimeout { .. } => {
            "check that the machine is up, and its address and spec.ssh.port in cluster.yaml".to_owned()
        }
        Fault::Handshake { .. } => {
            "check that an SSH server listens there, and spec.ssh.port in cluster.yaml".to_owned()
        }
        Fault::HostKeyUnknown { host, port, .. } => format!(
            "run hardway on a terminal to be asked once, or compare the key and add what `{}` prints to \
             .hardway/known_hosts in the workspace",
            if *port == 22 { format!("ssh-keyscan {host}") } else { format!("ssh-keyscan -p {port} {host}") }
        ),
        Fault::HostKeyMismatch { host, port, .. } => format!(
            "find out why first. If the machine was made anew, run in the workspace: ssh-keygen -R {} -f \
             .hardway/known_hosts",
            if *port == 22 { host.clone() } else { format!("'{}'", known_host(host, *port)) }
        ),
        Fault::AuthenticationRefused { user, .. } => {
            format!("let {user} in with one of your keys (ssh-copy-id), or set spec.ssh.identityFile")
        }
        Fault::IdentityUnreadable { .. } => "check spec.ssh.identityFile in cluster.yaml".to_owned(),
        Fault::SudoMissing { .. } => "set spec.ssh.user to root, or install sudo there".to_owned(),
        Fault::SudoPasswordNeeded { .. } => "set HARDWAY_SUDO_PASSWORD, or allow sudo without a password".to_owned(),
        Fault::SudoRefused { user, .. } => {
            format!("check HARDWAY_SUDO_PASSWORD, and that sudo lets {user} run everything")
        }
        Fault::StillAtWork { .. } => "see what it waits for with `ps -ef` there, and end it".to_owned(),
        Fault::ConnectionLost { .. } => "run the same command again".to_owned(),
        _ => String::new(),
    }
}
