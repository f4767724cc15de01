//! Being the only one, over SSH: a channel that stays open, and whose end the machine takes for the holder's.

use russh::client::Msg;
use russh::{ChannelMsg, ChannelReadHalf, ChannelWriteHalf};
use tokio::sync::oneshot;
use tokio::time::{interval, timeout};

use super::connection::Connection;
use super::process::LINGER;
use super::root::{Root, StartFilter};
use crate::remote::{HEARTBEAT, HoldAnswer, hold_script};
use crate::{Claim, Fault, Hold};

pub(super) async fn hold(connection: &Connection, root: &Root, holder: &str) -> Result<Claim, Fault> {
    let (channel, slot) = connection.channel().await?;
    // It stays open as long as the run: nobody may wait for its end as for that of a command.
    drop(slot);
    let (mut read, write) = channel.split();
    let script = hold_script(holder);
    write.exec(true, root.command(&script)).await.map_err(|_| connection.lost())?;
    write.data_bytes(root.input(&script)).await.map_err(|_| connection.lost())?;
    match answer(&mut read, connection).await? {
        HoldAnswer::Held => Ok(Claim::Held(Hold::kept(|released| keep(read, write, released)))),
        HoldAnswer::Taken(by) => Ok(Claim::Taken(by)),
    }
}

/// Reads the first line that is the script's.
async fn answer(read: &mut ChannelReadHalf, connection: &Connection) -> Result<HoldAnswer, Fault> {
    let mut filter = StartFilter::default();
    let (mut line, mut said, mut code) = (Vec::new(), Vec::new(), None);
    loop {
        match read.wait().await {
            Some(ChannelMsg::Data { data }) => {
                line.extend_from_slice(filter.pass(&data));
                let text = String::from_utf8_lossy(&line);
                if let Some((first, _)) = text.split_once('\n')
                    && let Some(answer) = HoldAnswer::parse(first)
                {
                    return Ok(answer);
                }
            }
            Some(ChannelMsg::ExtendedData { data, .. }) => said.extend_from_slice(&data),
            Some(ChannelMsg::ExitStatus { exit_status }) => code = Some(exit_status.cast_signed()),
            Some(ChannelMsg::Close) | None => {
                said.extend_from_slice(&line);
                let output = crate::lines::of(&said);
                return Err(code.map_or_else(|| connection.lost(), |code| Fault::ScriptFailed { code, output }));
            }
            Some(_) => {}
        }
    }
}

/// Shows the machine that the holder lives, until it lets go or the channel ends.
async fn keep(mut read: ChannelReadHalf, write: ChannelWriteHalf<Msg>, mut released: oneshot::Receiver<()>) {
    let mut heartbeat = interval(HEARTBEAT);
    loop {
        tokio::select! {
            _ = &mut released => break,
            _ = heartbeat.tick() => {
                if write.data_bytes(b".".to_vec()).await.is_err() {
                    return;
                }
            }
            message = read.wait() => {
                if matches!(message, Some(ChannelMsg::Close) | None) {
                    return;
                }
            }
        }
    }
    // On a connection that is gone there is nothing to end.
    let _ = write.eof().await;
    let ended = async { while !matches!(read.wait().await, Some(ChannelMsg::Close) | None) {} };
    if timeout(LINGER, ended).await.is_err() {
        let _ = write.close().await;
    }
}
