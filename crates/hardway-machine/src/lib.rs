//! Machines: run a stage's script, copy a large file, read state. Over SSH, or in memory for tests.
//!
//! Everything that is sent runs as root; nothing but sshd, sh, tar and coreutils is expected there.
//!
//! Invariant: this crate knows no Kubernetes. It moves bytes, and reports what it saw.

pub mod fake;

mod error;
mod event;
mod hold;
mod lines;
mod machine;
mod probe;
mod remote;
mod settle;
mod ssh;

pub use error::{Fault, MachineError, OfferedKey};
pub use event::ScriptEvent;
pub use hardway_plan::script::{Script, ScriptFile};
pub use hold::{Claim, Hold};
pub use machine::{Blob, Machine, Output};
pub use probe::{Depth, machine_facts, observe};
pub use settle::settle;
pub use ssh::{
    DEFAULT_CONNECTIONS, Handshakes, Identities, IdentityFile, KnownHosts, KnownHostsError, ResolveError, SshMachine,
    SshSettings, SshTarget, known_host, ssh_arguments,
};
