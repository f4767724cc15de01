//! What can be done with a machine, whatever the way to it.

use std::path::PathBuf;

use futures::future::BoxFuture;
use hardway_spec::MachineName;

use crate::{Claim, MachineError, Script, ScriptEvent};

/// A large file that goes to a machine as it is: a binary, an image archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blob {
    /// The operator's copy.
    pub local: PathBuf,
    /// The same bytes compressed with zstd: what is sent where the machine has zstd(1).
    pub packed: Option<PathBuf>,
    /// Absolute path on the machine; its folders are made where they lack.
    pub dest: String,
    /// Lower-case hexadecimal. Checked on the machine, from what stands on its disk, before `dest` exists.
    pub sha256: String,
    /// In bytes.
    pub size: u64,
    /// Permission bits, as chmod(1) takes them.
    pub mode: u32,
}

/// What a command left behind.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Output {
    pub stdout: Vec<u8>,
    pub stderr: Vec<u8>,
    /// The exit status; 128 and the signal's number where a signal ended it.
    pub code: i32,
}

impl Output {
    pub fn success(&self) -> bool {
        self.code == 0
    }
}

/// A Linux machine where everything runs as root.
///
/// All methods may be called side by side. Dropping a returned future gives up waiting: a step in progress may still
/// finish on the machine, a half-copied file never takes its name.
pub trait Machine: Send + Sync {
    fn name(&self) -> &MachineName;

    /// Runs one stage: its files unpacked into a fresh private folder, its text run by sh there.
    ///
    /// # Errors
    /// [`crate::Fault::StepFailed`] for the step that failed, after its [`ScriptEvent::Failed`].
    fn run<'a>(
        &'a self,
        script: &'a Script,
        on_event: &'a mut (dyn FnMut(ScriptEvent) + Send),
    ) -> BoxFuture<'a, Result<(), MachineError>>;

    /// Copies a file to its place: a temporary file beside it, digest checked, synced, then renamed.
    ///
    /// `on_bytes` gets the number of bytes sent since its last call.
    fn copy<'a>(
        &'a self,
        blob: &'a Blob,
        on_bytes: &'a mut (dyn FnMut(u64) + Send),
    ) -> BoxFuture<'a, Result<(), MachineError>>;

    /// Runs a command that changes nothing. A status other than 0 is an [`Output`], not an error.
    fn exec<'a>(&'a self, script: &'a str, stdin: &'a [u8]) -> BoxFuture<'a, Result<Output, MachineError>>;

    /// Keeps the machine to one holder: until the [`crate::Hold`] goes or the connection with it, another is refused.
    /// Other operations go on, whoever asks for them: a holder is only told of the other.
    ///
    /// `holder` says who it is, to whoever comes second: one line.
    fn hold<'a>(&'a self, holder: &'a str) -> BoxFuture<'a, Result<Claim, MachineError>>;
}
