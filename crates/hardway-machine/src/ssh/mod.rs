//! Machines over SSH.
//!
//! Invariant: russh stays in here; no other crate may use it.

mod arguments;
mod auth;
mod connection;
mod handler;
mod handshakes;
mod hold;
mod known_hosts;
mod machine;
mod openssh_config;
mod process;
mod root;
mod settings;
mod slots;

pub use arguments::ssh_arguments;
pub use handshakes::{DEFAULT_CONNECTIONS, Handshakes};
pub use known_hosts::{KnownHosts, KnownHostsError, known_host};
pub use machine::SshMachine;
pub use openssh_config::{ResolveError, SshTarget};
pub use settings::{Identities, IdentityFile, SshSettings};
