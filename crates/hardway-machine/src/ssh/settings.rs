//! How one machine is reached.

use std::path::PathBuf;

use secrecy::SecretString;

use super::{Handshakes, KnownHosts};

/// Everything that a connection needs, resolved.
#[derive(Debug, Clone)]
pub struct SshSettings {
    /// The name or address that is connected to.
    pub host: String,
    pub port: u16,
    pub user: String,
    pub identities: Identities,
    pub known_hosts: KnownHosts,
    /// The host's name in `known_hosts`, where another than `host` (`HostKeyAlias`).
    pub host_key_alias: Option<String>,
    /// What `sudo` asks the user for, where the user is not root and it asks at all.
    pub sudo_password: Option<SecretString>,
    /// The host that the connection is made from (`ProxyJump`).
    pub jump: Option<Box<SshSettings>>,
    /// Shared by all machines that are connected to side by side.
    pub handshakes: Handshakes,
}

impl SshSettings {
    pub(super) fn key_host(&self) -> &str {
        self.host_key_alias.as_deref().unwrap_or(&self.host)
    }
}

/// The keys that are tried, files first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Identities {
    pub files: Vec<IdentityFile>,
    /// The agent's socket.
    pub agent: Option<PathBuf>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdentityFile {
    pub path: PathBuf,
    /// Whether somebody asked for it: a default that does not exist is no error.
    pub required: bool,
}
