//! A machine over SSH.

use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;
use hardway_plan::script::Script;
use hardway_spec::MachineName;
use secrecy::ExposeSecret;
use tokio::sync::{Mutex, OnceCell};

use super::SshSettings;
use super::connection::Connection;
use super::hold::hold;
use super::process::{Input, Process, Then};
use super::root::Root;
use crate::remote::{CopyAnswer, STAGE_SCRIPT, StageReader, copy_script, stage_tar};
use crate::{Blob, Claim, Fault, Machine, MachineError, Output, ScriptEvent};

/// A machine over SSH: one connection, made when it is first needed and again after it was lost.
///
/// A step that runs when the connection breaks may finish, since nothing tells it; the stage's next step is not begun,
/// and its folder is removed. A copy that was cut off leaves nothing.
pub struct SshMachine {
    name: MachineName,
    settings: SshSettings,
    session: Mutex<Option<Arc<Session>>>,
}

struct Session {
    connection: Connection,
    root: Root,
    /// Whether the machine has zstd(1).
    unpacks: OnceCell<bool>,
}

impl Session {
    /// Asked once for all copies: a server that makes its own initramfs has zstd, a smaller one may not.
    async fn unpacks(&self) -> Result<bool, Fault> {
        let ask = async || {
            let output = Process::output(&self.connection, &self.root, "command -v zstd", Input::Bytes(&[])).await?;
            Ok(output.success())
        };
        self.unpacks.get_or_try_init(ask).await.copied()
    }
}

impl SshMachine {
    /// Does not connect yet.
    pub fn new(name: MachineName, settings: SshSettings) -> Self {
        Self { name, settings, session: Mutex::new(None) }
    }

    pub fn settings(&self) -> &SshSettings {
        &self.settings
    }

    /// Connects and becomes root, unless that is done.
    ///
    /// # Errors
    /// Whatever keeps the operator out; [`Fault::HostKeyUnknown`] carries the key to be asked about.
    pub async fn connect(&self) -> Result<(), MachineError> {
        self.session().await.map(|_| ()).map_err(|fault| self.error(fault))
    }

    async fn session(&self) -> Result<Arc<Session>, Fault> {
        let mut slot = self.session.lock().await;
        if let Some(session) = slot.as_ref().filter(|session| !session.connection.is_closed()) {
            return Ok(session.clone());
        }
        let connection = Connection::open(&self.settings).await?;
        let root = find_root(&connection, &self.settings).await?;
        Ok(slot.insert(Arc::new(Session { connection, root, unpacks: OnceCell::new() })).clone())
    }

    async fn run_stage(&self, script: &Script, on_event: &mut (dyn FnMut(ScriptEvent) + Send)) -> Result<(), Fault> {
        let session = self.session().await?;
        let tar = stage_tar(script);
        let mut reader = StageReader::default();
        let output = Process::run(&session.connection, &session.root, STAGE_SCRIPT, Input::Bytes(&tar), &mut |bytes| {
            reader.feed(bytes, on_event);
            if reader.exit().is_some() { Then::Stop } else { Then::Continue }
        })
        .await?;
        reader.finish(output.code, &output.stderr, on_event)
    }

    async fn copy_blob(&self, blob: &Blob, on_bytes: &mut (dyn FnMut(u64) + Send)) -> Result<(), Fault> {
        let session = self.session().await?;
        let packed = if session.unpacks().await? { blob.packed.as_deref() } else { None };
        let script = copy_script(blob, packed.is_some());
        let input = Input::Blob { blob, packed, on_bytes };
        let output = Process::output(&session.connection, &session.root, &script, input).await?;
        CopyAnswer::parse(&output.stdout).into_result(blob, &output.stderr)
    }

    async fn run_command(&self, script: &str, stdin: &[u8]) -> Result<Output, Fault> {
        let session = self.session().await?;
        Process::output(&session.connection, &session.root, script, Input::Bytes(stdin)).await
    }

    async fn claim(&self, holder: &str) -> Result<Claim, Fault> {
        let session = self.session().await?;
        hold(&session.connection, &session.root, holder).await
    }

    fn error(&self, fault: Fault) -> MachineError {
        MachineError { machine: self.name.clone(), fault }
    }
}

impl Machine for SshMachine {
    fn name(&self) -> &MachineName {
        &self.name
    }

    fn run<'a>(
        &'a self,
        script: &'a Script,
        on_event: &'a mut (dyn FnMut(ScriptEvent) + Send),
    ) -> BoxFuture<'a, Result<(), MachineError>> {
        async move { self.run_stage(script, on_event).await.map_err(|fault| self.error(fault)) }.boxed()
    }

    fn copy<'a>(
        &'a self,
        blob: &'a Blob,
        on_bytes: &'a mut (dyn FnMut(u64) + Send),
    ) -> BoxFuture<'a, Result<(), MachineError>> {
        async move { self.copy_blob(blob, on_bytes).await.map_err(|fault| self.error(fault)) }.boxed()
    }

    fn exec<'a>(&'a self, script: &'a str, stdin: &'a [u8]) -> BoxFuture<'a, Result<Output, MachineError>> {
        async move { self.run_command(script, stdin).await.map_err(|fault| self.error(fault)) }.boxed()
    }

    fn hold<'a>(&'a self, holder: &'a str) -> BoxFuture<'a, Result<Claim, MachineError>> {
        async move { self.claim(holder).await.map_err(|fault| self.error(fault)) }.boxed()
    }
}

/// What a shell ends with when there is no such program (POSIX, 2.8.2).
const COMMAND_NOT_FOUND: i32 = 127;

/// Asks sudo once, so that a wrong password is said once and not at every step.
async fn find_root(connection: &Connection, settings: &SshSettings) -> Result<Root, Fault> {
    if settings.user == "root" {
        return Ok(Root::Already);
    }
    let user = settings.user.clone();
    match Process::plain(connection, "exec sudo -n true", Vec::new()).await?.code {
        0 => return Ok(Root::Sudo),
        COMMAND_NOT_FOUND => return Err(Fault::SudoMissing { user }),
        _ => {}
    }
    let Some(password) = &settings.sudo_password else { return Err(Fault::SudoPasswordNeeded { user }) };
    let line = format!("{}\n", password.expose_secret()).into_bytes();
    let output = Process::plain(connection, "exec sudo -S -p \"\" true", line).await?;
    if output.success() {
        Ok(Root::SudoWithPassword(password.clone()))
    } else {
        Err(Fault::SudoRefused { user, output: crate::lines::of(&output.stderr) })
    }
}
