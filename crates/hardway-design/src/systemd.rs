//! Unit files of systemd, typed: a directive that systemd does not know can't be written.

use std::fmt::{self, Display};

use crate::flags::Command;

/// A service's unit file, or a drop-in over a package's.
#[derive(Debug, Clone, Default)]
pub(crate) struct UnitFile {
    pub(crate) description: Option<&'static str>,
    pub(crate) documentation: Option<&'static str>,
    pub(crate) wants: Vec<&'static str>,
    pub(crate) after: Vec<&'static str>,
    pub(crate) service: Service,
    /// Units that pull it in when they start; a drop-in has none.
    pub(crate) wanted_by: Vec<&'static str>,
}

/// systemd.service(5) and systemd.exec(5).
#[derive(Debug, Clone, Default)]
pub(crate) struct Service {
    pub(crate) kind: Option<ServiceKind>,
    pub(crate) user: Option<&'static str>,
    pub(crate) environment: Vec<(&'static str, String)>,
    /// Files of variables, a later one before an earlier one; after a dash, one that may be missing.
    pub(crate) environment_files: Vec<String>,
    /// Forgets the commands of the package's own unit before ours are set.
    pub(crate) replaces_commands: bool,
    pub(crate) exec_start_pre: Vec<Command>,
    pub(crate) exec_start: Vec<Command>,
    pub(crate) exec_start_post: Vec<Command>,
    pub(crate) reload: Option<Reload>,
    pub(crate) exec_stop: Vec<Command>,
    pub(crate) remain_after_exit: bool,
    pub(crate) restart: Option<Restart>,
    /// In seconds.
    pub(crate) restart_sec: Option<u32>,
    pub(crate) kill_mode: Option<KillMode>,
    /// An exit code that is no failure.
    pub(crate) success_exit_status: Option<u8>,
    /// A folder below /run that lives as long as the service, and is its user's.
    pub(crate) runtime_directory: Option<&'static str>,
    /// Leaves the cgroups below the unit's own to the service.
    pub(crate) delegate: bool,
    pub(crate) tasks_unlimited: bool,
    pub(crate) limit_nofile: Option<u32>,
    pub(crate) oom_score_adjust: Option<i32>,
    pub(crate) sandbox: Option<Sandbox>,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum ServiceKind {
    Exec,
    Notify,
    Oneshot,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Restart {
    Always,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum KillMode {
    Mixed,
    Process,
}

/// A reload by SIGUSR2, once a check has found nothing wrong with what will be read.
#[derive(Debug, Clone)]
pub(crate) struct Reload {
    pub(crate) check: Command,
}

/// How far a service is shut off from the rest of its machine.
#[derive(Debug, Clone)]
pub(crate) enum Sandbox {
    /// No more than network, memory and the paths it is given.
    Strict(Strict),
    /// For what mounts file systems that other services must see: nothing that makes a mount namespace.
    SharedMounts,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Strict {
    /// The capabilities it keeps: none is the rule.
    pub(crate) capabilities: Vec<&'static str>,
    pub(crate) read_write_paths: Vec<&'static str>,
    /// What it must not even read.
    pub(crate) inaccessible_paths: Vec<&'static str>,
    /// Whether it may change kernel settings below /proc/sys.
    pub(crate) kernel_tunables: bool,
}

impl ServiceKind {
    fn as_str(self) -> &'static str {
        match self {
            Self::Exec => "exec",
            Self::Notify => "notify",
            Self::Oneshot => "oneshot",
        }
    }
}

impl Restart {
    fn as_str(self) -> &'static str {
        match self {
            Self::Always => "always",
        }
    }
}

impl KillMode {
    fn as_str(self) -> &'static str {
        match self {
            Self::Mixed => "mixed",
            Self::Process => "process",
        }
    }
}

/// Writes directives, one a line, those without a value left out.
struct Section<'f, 'b>(&'f mut fmt::Formatter<'b>);

impl Section<'_, '_> {
    fn set(&mut self, key: &str, value: impl Display) -> fmt::Result {
        writeln!(self.0, "{key}={value}")
    }

    fn maybe(&mut self, key: &str, value: Option<impl Display>) -> fmt::Result {
        value.map_or(Ok(()), |value| self.set(key, value))
    }

    fn list(&mut self, key: &str, values: &[&str]) -> fmt::Result {
        if values.is_empty() { Ok(()) } else { self.set(key, values.join(" ")) }
    }

    fn commands(&mut self, key: &str, commands: &[Command], replaces: bool) -> fmt::Result {
        if replaces {
            self.set(key, "")?;
        }
        commands.iter().try_for_each(|command| self.set(key, command))
    }
}

impl Display for UnitFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.description.is_some() {
            f.write_str("[Unit]\n")?;
            let mut unit = Section(f);
            unit.maybe("Description", self.description)?;
            unit.maybe("Documentation", self.documentation)?;
            unit.list("Wants", &self.wants)?;
            unit.list("After", &self.after)?;
            f.write_str("\n")?;
        }
        f.write_str("[Service]\n")?;
        self.service.fmt(f)?;
        if !self.wanted_by.is_empty() {
            f.write_str("\n[Install]\n")?;
            Section(f).list("WantedBy", &self.wanted_by)?;
        }
        Ok(())
    }
}

impl Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut service = Section(f);
        service.maybe("Type", self.kind.map(ServiceKind::as_str))?;
        service.maybe("User", self.user)?;
        service.maybe("Group", self.user)?;
        for (name, value) in &self.environment {
            service.set("Environment", format_args!("\"{name}={value}\""))?;
        }
        for file in &self.environment_files {
            service.set("EnvironmentFile", file)?;
        }
        service.commands("ExecStartPre", &self.exec_start_pre, self.replaces_commands)?;
        service.commands("ExecStart", &self.exec_start, self.replaces_commands)?;
        service.commands("ExecStartPost", &self.exec_start_post, false)?;
        if let Some(reload) = &self.reload {
            service.set("ExecReload", &reload.check)?;
            service.set("ExecReload", "/bin/kill -USR2 $MAINPID")?;
        }
        service.commands("ExecStop", &self.exec_stop, false)?;
        if self.remain_after_exit {
            service.set("RemainAfterExit", "yes")?;
        }
        service.maybe("Restart", self.restart.map(Restart::as_str))?;
        service.maybe("RestartSec", self.restart_sec)?;
        service.maybe("KillMode", self.kill_mode.map(KillMode::as_str))?;
        service.maybe("SuccessExitStatus", self.success_exit_status)?;
        service.maybe("RuntimeDirectory", self.runtime_directory)?;
        if self.delegate {
            service.set("Delegate", "yes")?;
        }
        if self.tasks_unlimited {
            service.set("TasksMax", "infinity")?;
        }
        service.maybe("LimitNOFILE", self.limit_nofile)?;
        service.maybe("OOMScoreAdjust", self.oom_score_adjust)?;
        if let Some(sandbox) = &self.sandbox {
            sandbox.fmt(f)?;
        }
        Ok(())
    }
}

impl Display for Sandbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut service = Section(f);
        service.set("NoNewPrivileges", "yes")?;
        service.set("LockPersonality", "yes")?;
        service.set("RestrictRealtime", "yes")?;
        let Self::Strict(strict) = self else { return Ok(()) };
        service.set("CapabilityBoundingSet", strict.capabilities.join(" "))?;
        service.set("ProtectSystem", "strict")?;
        service.list("ReadWritePaths", &strict.read_write_paths)?;
        service.list("InaccessiblePaths", &strict.inaccessible_paths)?;
        service.set("ProtectHome", "yes")?;
        service.set("PrivateTmp", "yes")?;
        service.set("PrivateDevices", "yes")?;
        service.set("ProtectClock", "yes")?;
        service.set("ProtectControlGroups", "yes")?;
        service.set("ProtectHostname", "yes")?;
        service.set("ProtectKernelLogs", "yes")?;
        service.set("ProtectKernelModules", "yes")?;
        if !strict.kernel_tunables {
            service.set("ProtectKernelTunables", "yes")?;
        }
        service.set("RestrictAddressFamilies", "AF_INET AF_INET6 AF_NETLINK AF_UNIX")?;
        service.set("RestrictNamespaces", "yes")?;
        service.set("RestrictSUIDSGID", "yes")?;
        service.set("MemoryDenyWriteExecute", "yes")?;
        service.set("SystemCallArchitectures", "native")?;
        service.set("SystemCallFilter", "@system-service")?;
        service.set("UMask", "0077")
    }
}
