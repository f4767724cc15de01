//! One command on the machine: bytes in, bytes out, a status.

use std::path::Path;
use std::time::Duration;

use russh::client::Msg;
use russh::{Channel, ChannelMsg, ChannelReadHalf, ChannelWriteHalf, Sig};
use tokio::fs::File;
use tokio::io::AsyncReadExt;
use tokio::time::timeout;

use super::connection::Connection;
use super::handler::EndReason;
use super::root::{Root, StartFilter};
use super::slots::Slot;
use crate::{Blob, Fault, Output};

/// Bytes of a file that are read at once: a copy in flight holds two of these.
const CHUNK: usize = 256 * 1024;

/// What follows the script on stdin.
pub(super) enum Input<'a> {
    Bytes(&'a [u8]),
    /// `packed`: what to send instead of the blob's own file.
    Blob {
        blob: &'a Blob,
        packed: Option<&'a Path>,
        on_bytes: &'a mut (dyn FnMut(u64) + Send),
    },
}

/// Whether to read on after some output.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Then {
    Continue,
    /// All that matters has been said, though a process may still hold the channel open.
    Stop,
}

/// How long a command that said its last word may take to end, before its channel is closed from here.
pub(super) const LINGER: Duration = Duration::from_secs(2);

/// A command that runs. Dropping it closes its channel.
pub(super) struct Process {
    open: Option<Open>,
    end: EndReason,
    /// Whether it said all that matters: it ends by itself, unless a process that it left behind holds its streams.
    over: bool,
}

struct Open {
    read: ChannelReadHalf,
    write: ChannelWriteHalf<Msg>,
    slot: Slot,
}

impl Drop for Process {
    /// A channel that ends by itself counts as used until then.
    ///
    /// russh (0.65) never tells of the machine's answer to a close that came from here, so that is not waited for.
    fn drop(&mut self) {
        let (Some(mut open), Ok(runtime)) = (self.open.take(), tokio::runtime::Handle::try_current()) else { return };
        let over = self.over;
        runtime.spawn(async move {
            let ended = async { while !matches!(open.read.wait().await, Some(ChannelMsg::Close) | None) {} };
            if !over || timeout(LINGER, ended).await.is_err() {
                // On a connection that is gone there is nothing to close.
                let _ = open.write.close().await;
            }
            drop(open.slot);
        });
    }
}

impl Process {
    /// Runs `script` as root, with `input` after it, and collects what it prints.
    pub(super) async fn output(
        connection: &Connection,
        root: &Root,
        script: &str,
        input: Input<'_>,
    ) -> Result<Output, Fault> {
        let mut stdout = Vec::new();
        let mut output = Self::run(connection, root, script, input, &mut |bytes: &[u8]| {
            stdout.extend_from_slice(bytes);
            Then::Continue
        })
        .await?;
        output.stdout = stdout;
        Ok(output)
    }

    /// The same, but hands over stdout as it comes: that of the returned output is empty.
    pub(super) async fn run(
        connection: &Connection,
        root: &Root,
        script: &str,
        input: Input<'_>,
        on_stdout: &mut (dyn FnMut(&[u8]) -> Then + Send),
    ) -> Result<Output, Fault> {
        let mut filter = StartFilter::default();
        let mut process = Self::start(connection, &root.command(script)).await?;
        let output = process
            .drive(root.input(script), input, &mut |bytes| match filter.pass(bytes) {
                [] => Then::Continue,
                passed => on_stdout(passed),
            })
            .await?;
        if !filter.started() {
            let lines = crate::lines::of(&output.stderr);
            return Err(Fault::ScriptFailed { code: output.code, output: lines });
        }
        Ok(output)
    }

    /// Runs a command of the login shell itself, without becoming root.
    pub(super) async fn plain(connection: &Connection, command: &str, input: Vec<u8>) -> Result<Output, Fault> {
        let mut process = Self::start(connection, command).await?;
        process.drive(input, Input::Bytes(&[]), &mut |_| Then::Continue).await
    }

    async fn start(connection: &Connection, command: &str) -> Result<Self, Fault> {
        let (channel, slot): (Channel<Msg>, _) = connection.channel().await?;
        let (read, write) = channel.split();
        let process = Self { open: Some(Open { read, write, slot }), end: connection.end_reason(), over: false };
        let open = process.open.as_ref().expect("it was just set");
        open.write.exec(true, command).await.map_err(|_| process.end.lost())?;
        Ok(process)
    }

    async fn drive(
        &mut self,
        head: Vec<u8>,
        input: Input<'_>,
        on_stdout: &mut (dyn FnMut(&[u8]) -> Then + Send),
    ) -> Result<Output, Fault> {
        let Open { read, write, .. } = self.open.as_mut().expect("it is taken only by drop");
        let mut output = Output::default();
        let mut code = None;
        let feeding = feed(write, head, input);
        tokio::pin!(feeding);
        let mut fed = false;
        loop {
            let message = tokio::select! {
                result = &mut feeding, if !fed => {
                    fed = true;
                    result?;
                    continue;
                }
                message = read.wait() => message,
            };
            match message {
                Some(ChannelMsg::Data { data }) => {
                    if on_stdout(&data) == Then::Stop {
                        self.over = true;
                        return Ok(output);
                    }
                }
                Some(ChannelMsg::ExtendedData { data, .. }) => output.stderr.extend_from_slice(&data),
                Some(ChannelMsg::ExitStatus { exit_status }) => code = Some(exit_status.cast_signed()),
                Some(ChannelMsg::ExitSignal { signal_name, .. }) => code = Some(128 + signal_number(&signal_name)),
                Some(ChannelMsg::Failure) => {
                    return Err(Fault::ChannelRefused { reason: "it runs no commands".to_owned() });
                }
                Some(ChannelMsg::Close) | None => break,
                Some(_) => {}
            }
        }
        self.over = true;
        output.code = code.ok_or_else(|| self.end.lost())?;
        Ok(output)
    }
}

/// Writes all input. An error of the channel is not one here: reading finds out why it ended.
async fn feed(write: &ChannelWriteHalf<Msg>, head: Vec<u8>, input: Input<'_>) -> Result<(), Fault> {
    if write.data_bytes(head).await.is_err() {
        return Ok(());
    }
    match input {
        Input::Bytes(bytes) => {
            if write.data_bytes(bytes.to_vec()).await.is_err() {
                return Ok(());
            }
        }
        Input::Blob { blob, packed, on_bytes } => {
            if feed_file(write, blob, packed, on_bytes).await?.is_err() {
                return Ok(());
            }
        }
    }
    let _ = write.eof().await;
    Ok(())
}

/// Of a packed file, what is told of is the share of the blob that its bytes stand for.
async fn feed_file(
    write: &ChannelWriteHalf<Msg>,
    blob: &Blob,
    packed: Option<&Path>,
    on_bytes: &mut (dyn FnMut(u64) + Send),
) -> Result<Result<(), russh::Error>, Fault> {
    let path = packed.unwrap_or(&blob.local);
    let fault = |source| Fault::LocalFile { path: path.to_owned(), source };
    let mut file = File::open(path).await.map_err(fault)?;
    let length = file.metadata().await.map_err(fault)?.len();
    if packed.is_none() && length != blob.size {
        return Err(Fault::LocalSize { path: path.to_owned(), expected: blob.size, actual: length });
    }
    file.set_max_buf_size(CHUNK);
    let (mut sent, mut told) = (0, 0);
    loop {
        let mut chunk = Vec::with_capacity(CHUNK);
        let count = file.read_buf(&mut chunk).await.map_err(fault)?;
        if count == 0 {
            return Ok(Ok(()));
        }
        if let Err(error) = write.data_bytes(chunk).await {
            return Ok(Err(error));
        }
        sent += count as u64;
        let share = share(sent, length, blob.size);
        on_bytes(share - told);
        told = share;
    }
}

/// `sent` of `length`, as a part of `size`.
fn share(sent: u64, length: u64, size: u64) -> u64 {
    let share = u128::from(sent.min(length)) * u128::from(size) / u128::from(length.max(1));
    u64::try_from(share).expect("a part is no more than the whole")
}

/// signal(7); those that a shell command dies of.
fn signal_number(signal: &Sig) -> i32 {
    match signal {
        Sig::HUP => 1,
        Sig::INT => 2,
        Sig::KILL => 9,
        Sig::PIPE => 13,
        Sig::TERM => 15,
        _ => 0,
    }
}
