//! What can go wrong with a machine.

use std::error::Error;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use hardway_spec::MachineName;

/// An operation on a machine failed.
#[derive(Debug, thiserror::Error)]
#[error("on {machine}")]
pub struct MachineError {
    pub machine: MachineName,
    #[source]
    pub fault: Fault,
}

/// A host key as the machine showed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfferedKey {
    /// As a known_hosts line and `ssh-keyscan` have it: `ssh-ed25519 AAAA…`.
    pub openssh: String,
    /// As OpenSSH shows it: `SHA256:…`.
    pub fingerprint: String,
}

/// The cause, apart from the machine, so that a fleet's errors can be grouped.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    #[error("cannot connect to {host} port {port}")]
    Unreachable {
        host: String,
        port: u16,
        #[source]
        source: io::Error,
    },
    #[error("{host} port {port} did not answer within {} s", after.as_secs())]
    ConnectTimeout { host: String, port: u16, after: Duration },
    #[error("the SSH handshake with {host} port {port} failed")]
    Handshake {
        host: String,
        port: u16,
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    #[error("{host} port {port} is known with another host key than the {} that it shows", offered.fingerprint)]
    HostKeyMismatch { host: String, port: u16, offered: Box<OfferedKey>, pinned: Vec<OfferedKey> },
    #[error("the host key of {host} port {port} is not known: {}", offered.fingerprint)]
    HostKeyUnknown { host: String, port: u16, offered: OfferedKey },
    /// `tried` are file names and agent keys, in their order.
    #[error("{host} port {port} let nobody in as {user} (tried: {})", list(tried))]
    AuthenticationRefused { host: String, port: u16, user: String, tried: Vec<String> },
    #[error("the key {} is encrypted: add it to the agent with ssh-add", path.display())]
    IdentityEncrypted { path: PathBuf },
    #[error("cannot read the key {}", path.display())]
    IdentityUnreadable {
        path: PathBuf,
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    #[error("{user} is not root, and there is no sudo")]
    SudoMissing { user: String },
    #[error("{user} needs a password for sudo")]
    SudoPasswordNeeded { user: String },
    #[error("{user} may not become root: {}", list(output))]
    SudoRefused { user: String, output: Vec<String> },
    #[error("the connection was lost: {reason}")]
    ConnectionLost { reason: String },
    #[error("sshd opened no further session: {reason}")]
    ChannelRefused { reason: String },
    /// `output` are the step's last lines.
    #[error("step {step} failed with exit status {code}")]
    StepFailed { step: usize, code: i32, output: Vec<String> },
    /// The script ended outside any step.
    #[error("the stage's script ended with exit status {code}: {}", list(output))]
    ScriptFailed { code: i32, output: Vec<String> },
    #[error("cannot read {}", path.display())]
    LocalFile {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("{} has {actual} bytes where {expected} were expected", path.display())]
    LocalSize { path: PathBuf, expected: u64, actual: u64 },
    #[error("{dest} arrived with the SHA-256 {actual} where {expected} was expected")]
    DigestMismatch { dest: String, expected: String, actual: String },
    #[error("no space is left for {dest}")]
    DiskFull { dest: String },
    #[error("cannot write {dest}: {}", list(output))]
    WriteFailed { dest: String, output: Vec<String> },
    #[error("a step of a run that was cut off is still at work after {} s", after.as_secs())]
    StillAtWork { after: Duration },
    #[error("the probe ended with exit status {code}: {}", list(output))]
    ProbeFailed { code: i32, output: Vec<String> },
    #[error("the probe answered with something unexpected: {line:?}")]
    ProbeUnreadable { line: String },
}

fn list(lines: &[String]) -> String {
    let said: Vec<&str> = lines.iter().map(String::as_str).filter(|line| !line.is_empty()).collect();
    said.join("; ")
}
