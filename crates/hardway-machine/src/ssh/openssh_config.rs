//! What OpenSSH would do to reach a host, asked of OpenSSH itself: `ssh -G` (ssh(1)).
//!
//! Nobody else reads `~/.ssh/config` rightly: Match, Include and tokens are OpenSSH's own.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use secrecy::SecretString;
use tokio::process::Command;

use super::{Handshakes, Identities, IdentityFile, KnownHosts, SshSettings};

/// What is known of a host before OpenSSH is asked. What is absent here is OpenSSH's to say.
#[derive(Debug, Clone, Default)]
pub struct SshTarget {
    pub host: String,
    pub port: Option<u16>,
    pub user: Option<String>,
    /// The only key that is tried, with the agent's.
    pub identity_file: Option<PathBuf>,
    pub known_hosts: KnownHosts,
    pub sudo_password: Option<SecretString>,
    /// Shared by all machines that are connected to side by side; asking ssh also takes a turn.
    pub handshakes: Handshakes,
}

/// Why a host's settings could not be found out.
#[derive(Debug, thiserror::Error)]
pub enum ResolveError {
    #[error("cannot ask ssh how to reach {host}")]
    Ask {
        host: String,
        #[source]
        source: io::Error,
    },
    #[error("ssh does not know how to reach {host}: {message}")]
    Refused { host: String, message: String },
    #[error("~/.ssh/config reaches {host} through a ProxyCommand, which hardway does not run: use ProxyJump")]
    ProxyCommand { host: String },
    #[error("~/.ssh/config reaches {host} through more than {MAX_JUMPS} jump hosts")]
    TooManyJumps { host: String },
}

/// Jump hosts in a row: more is a configuration that goes in circles.
const MAX_JUMPS: usize = 4;

impl SshTarget {
    /// Completes the target from `~/.ssh/config` and the system's, or with OpenSSH's defaults where there is no ssh.
    ///
    /// # Errors
    /// Where ssh refuses the host, or would reach it in a way that hardway cannot.
    pub async fn resolve(self) -> Result<SshSettings, ResolveError> {
        self.resolve_within(MAX_JUMPS).await
    }

    /// Completes the target without asking anybody: for hosts that no configuration is about.
    pub fn resolve_alone(self) -> SshSettings {
        self.complete(Answer::without_ssh(&Surroundings::of_process()), None)
    }

    async fn resolve_within(self, jumps: usize) -> Result<SshSettings, ResolveError> {
        let Some(answer) = self.ask().await? else { return Ok(self.resolve_alone()) };
        if answer.proxy_command {
            return Err(ResolveError::ProxyCommand { host: self.host });
        }
        // `first,second`: the second is reached through the first, whatever its own configuration says.
        let mut jump = None;
        for hop in answer.proxy_jump.iter().flat_map(|hops| hops.split(',')) {
            if jumps == 0 {
                return Err(ResolveError::TooManyJumps { host: self.host });
            }
            let (known_hosts, handshakes) = (self.known_hosts.clone(), self.handshakes.clone());
            let target = Self { known_hosts, handshakes, ..Self::parse_jump(hop) };
            let mut settings = Box::pin(target.resolve_within(jumps - 1)).await?;
            settings.jump = jump.or(settings.jump);
            jump = Some(Box::new(settings));
        }
        Ok(self.complete(answer, jump))
    }

    /// One of `ProxyJump`'s hosts: `[user@]host[:port]`.
    fn parse_jump(hop: &str) -> Self {
        let hop = hop.strip_prefix("ssh://").unwrap_or(hop);
        let (user, rest) = match hop.rsplit_once('@') {
            Some((user, rest)) => (Some(user.to_owned()), rest),
            None => (None, hop),
        };
        // An IPv6 address without brackets has colons, and no port.
        let (host, port) = match rest.rsplit_once(':') {
            Some((host, port)) if !host.contains(':') || host.ends_with(']') => (host, port.parse().ok()),
            _ => (rest, None),
        };
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        Self { host, port, user, ..Self::default() }
    }

    async fn ask(&self) -> Result<Option<Answer>, ResolveError> {
        let mut command = Command::new("ssh");
        command.arg("-G").stdin(Stdio::null());
        if let Some(user) = &self.user {
            command.args(["-l", user]);
        }
        if let Some(port) = self.port {
            command.args(["-p", &port.to_string()]);
        }
        let _turn = self.handshakes.turn().await;
        let output = match command.arg("--").arg(&self.host).output().await {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            other => other.map_err(|source| ResolveError::Ask { host: self.host.clone(), source })?,
        };
        if !output.status.success() {
            let message = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            return Err(ResolveError::Refused { host: self.host.clone(), message });
        }
        Ok(Some(Answer::parse(&String::from_utf8_lossy(&output.stdout), &Surroundings::of_process())))
    }

    fn complete(self, answer: Answer, jump: Option<Box<SshSettings>>) -> SshSettings {
        let files = match self.identity_file {
            Some(path) => vec![IdentityFile { path, required: true }],
            None => answer.identity_files.into_iter().map(|path| IdentityFile { path, required: false }).collect(),
        };
        SshSettings {
            host: answer.host.unwrap_or(self.host),
            port: self.port.or(answer.port).unwrap_or(22),
            user: self.user.or(answer.user).unwrap_or_else(|| "root".to_owned()),
            identities: Identities { files, agent: answer.agent },
            known_hosts: self.known_hosts,
            host_key_alias: answer.host_key_alias,
            sudo_password: self.sudo_password,
            jump,
            handshakes: self.handshakes,
        }
    }
}

/// What the answer's tildes and variables stand for.
struct Surroundings {
    home: PathBuf,
    agent: Option<PathBuf>,
}

impl Surroundings {
    fn of_process() -> Self {
        Self {
            home: std::env::home_dir().unwrap_or_else(|| PathBuf::from("/")),
            agent: std::env::var_os("SSH_AUTH_SOCK").map(PathBuf::from),
        }
    }

    fn path(&self, text: &str) -> PathBuf {
        match text.strip_prefix("~/").or_else(|| text.strip_prefix("%d/")) {
            Some(rest) => self.home.join(rest),
            None => Path::new(text).to_owned(),
        }
    }
}

/// The lines of `ssh -G` that matter here.
#[derive(Debug, Default, PartialEq, Eq)]
struct Answer {
    host: Option<String>,
    port: Option<u16>,
    user: Option<String>,
    identity_files: Vec<PathBuf>,
    agent: Option<PathBuf>,
    host_key_alias: Option<String>,
    proxy_jump: Option<String>,
    proxy_command: bool,
}

/// The keys that ssh tries by itself, of the types that are still in use (ssh_config(5), `IdentityFile`).
const DEFAULT_IDENTITIES: [&str; 3] = ["~/.ssh/id_rsa", "~/.ssh/id_ecdsa", "~/.ssh/id_ed25519"];

impl Answer {
    fn without_ssh(surroundings: &Surroundings) -> Self {
        Self {
            agent: surroundings.agent.clone(),
            identity_files: DEFAULT_IDENTITIES.map(|path| surroundings.path(path)).into(),
            ..Self::default()
        }
    }

    fn parse(text: &str, surroundings: &Surroundings) -> Self {
        let mut answer = Self { agent: surroundings.agent.clone(), ..Self::default() };
        for line in text.lines() {
            let Some((key, value)) = line.split_once(' ') else { continue };
            match (key, value) {
                ("hostname", _) => answer.host = Some(value.to_owned()),
                ("port", _) => answer.port = value.parse().ok(),
                ("user", _) => answer.user = Some(value.to_owned()),
                ("identityfile", _) => answer.identity_files.push(surroundings.path(value)),
                ("identityagent", "none") => answer.agent = None,
                ("identityagent", "SSH_AUTH_SOCK") => {}
                ("identityagent", _) => answer.agent = Some(surroundings.path(value)),
                ("hostkeyalias", _) => answer.host_key_alias = Some(value.to_owned()),
                ("proxyjump", _) if value != "none" => answer.proxy_jump = Some(value.to_owned()),
                ("proxycommand", _) if value != "none" => answer.proxy_command = true,
                _ => {}
            }
        }
        answer
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn surroundings() -> Surroundings {
        Surroundings { home: "/home/ada".into(), agent: Some("/run/agent".into()) }
    }

    #[test]
    fn the_answer_of_ssh_is_read() {
        let text = "user ada\nhostname 10.0.0.1\nport 2222\nidentitiesonly no\nidentityfile ~/.ssh/id_rsa\n\
                    identityfile /keys/lab\nproxyjump bob@bastion:2200\nhostkeyalias node\n";
        let answer = Answer::parse(text, &surroundings());
        assert_eq!(answer.user.as_deref(), Some("ada"));
        assert_eq!(answer.host.as_deref(), Some("10.0.0.1"));
        assert_eq!(answer.port, Some(2222));
        assert_eq!(answer.identity_files, [PathBuf::from("/home/ada/.ssh/id_rsa"), "/keys/lab".into()]);
        assert_eq!(answer.agent, Some("/run/agent".into()));
        assert_eq!(answer.proxy_jump.as_deref(), Some("bob@bastion:2200"));
        assert_eq!(answer.host_key_alias.as_deref(), Some("node"));
        assert!(!answer.proxy_command);
    }

    #[test]
    fn an_agent_can_be_named_or_forbidden() {
        assert_eq!(Answer::parse("identityagent none", &surroundings()).agent, None);
        assert_eq!(Answer::parse("identityagent ~/a", &surroundings()).agent, Some("/home/ada/a".into()));
    }

    #[test]
    fn a_jump_host_is_read_with_and_without_its_parts() {
        let parse = |text| {
            let target = SshTarget::parse_jump(text);
            (target.user, target.host, target.port)
        };
        assert_eq!(parse("bastion"), (None, "bastion".to_owned(), None));
        assert_eq!(parse("bob@last:22"), (Some("bob".to_owned()), "last".to_owned(), Some(22)));
        assert_eq!(parse("[fd00::1]:2200"), (None, "fd00::1".to_owned(), Some(2200)));
        assert_eq!(parse("fd00::1"), (None, "fd00::1".to_owned(), None));
    }

    #[test]
    fn what_the_caller_knows_wins_over_the_configuration() {
        let target = SshTarget {
            host: "cp1".to_owned(),
            user: Some("root".to_owned()),
            identity_file: Some("/lab/key".into()),
            ..SshTarget::default()
        };
        let answer = Answer::parse("user ada\nport 2222\nidentityfile ~/.ssh/id_rsa", &surroundings());
        let settings = target.complete(answer, None);
        assert_eq!((settings.user.as_str(), settings.port), ("root", 2222));
        assert_eq!(settings.identities.files, [IdentityFile { path: "/lab/key".into(), required: true }]);
    }
}
