//! One SSH connection to one machine, and the channels on it.

use std::borrow::Cow;
use std::error::Error;
use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Duration;

use russh::client::{Config, Handle, Msg};
use russh::keys::{Algorithm, PublicKey};
use russh::{Channel, Preferred, cipher};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use super::SshSettings;
use super::auth::authenticate;
use super::handler::{Client, ClientError, EndReason};
use super::slots::{Slot, Slots};
use crate::Fault;

/// For the TCP connection. The kernel asks at once and again after 1 s and 3 s (tcp(7), RFC 6298), so that two packets
/// may get lost on the way; and machines are asked side by side, so that this is what all silent ones together cost.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// For the handshake and for the login, each: a machine that starts or is starved of CPU needs seconds.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// How often a server is asked again that hangs up before the keys are agreed on, and how long it is left alone then:
/// twice as long each time. sshd does so while too many others are logging in (`MaxStartups`, sshd_config(5)), as at a
/// jump host's.
const TURNED_AWAY_RETRIES: u32 = 6;
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// A machine that is gone is noticed after four of these: 20 s, so that one starved of CPU is not given up.
const KEEPALIVE: Duration = Duration::from_secs(5);

/// How often a refused channel is asked for again at once before one waits for another to close. sshd counts a closed
/// session until it has handled all that it received with the closing, our request included: its refusal says that it
/// has.
const IMMEDIATE_RETRIES: usize = 2;

/// How often it is asked for again while no other is open, before sshd is taken to allow none at all. Another one may
/// just be opening.
const LONELY_RETRIES: usize = 10;

/// Bytes that the machine may send before we take them: one window of 2 MiB limits a download over a distance of
/// 50 ms to 40 MB/s.
const WINDOW: u32 = 16 * 1024 * 1024;

pub(super) struct Connection {
    handle: Handle<Client>,
    end: EndReason,
    slots: Slots,
    /// The connection that this one runs through lives as long as it.
    _jump: Option<Box<Connection>>,
}

impl Connection {
    pub(super) async fn open(settings: &SshSettings) -> Result<Self, Fault> {
        let mut attempt = 0;
        loop {
            match Self::open_once(settings).await {
                Err(Fault::Handshake { source, .. }) if attempt < TURNED_AWAY_RETRIES && is_hang_up(&*source) => {
                    sleep(FIRST_PAUSE * 2_u32.pow(attempt)).await;
                    attempt += 1;
                }
                result => return result,
            }
        }
    }

    async fn open_once(settings: &SshSettings) -> Result<Self, Fault> {
        let end = EndReason::default();
        let client = Client::new(settings, end.clone());
        let config = Arc::new(config(settings));
        let (handle, jump, _turn) = match &settings.jump {
            None => {
                let (stream, turn) = settings.handshakes.first_answer(greeted(settings)).await;
                let connecting = russh::client::connect_stream(config, stream?, client);
                (handshake(settings, connecting).await?, None, turn)
            }
            Some(jump_settings) => {
                let jump = Box::new(Box::pin(Self::open(jump_settings)).await?);
                let channel =
                    jump.handle.channel_open_direct_tcpip(&settings.host, settings.port.into(), "127.0.0.1", 0);
                let (channel, turn) = settings.handshakes.first_answer(channel).await;
                let stream = channel.map_err(|error| handshake_fault(settings, error))?.into_stream();
                let connecting = russh::client::connect_stream(config, stream, client);
                (handshake(settings, connecting).await?, Some(jump), turn)
            }
        };
        let mut connection = Self { handle, end, slots: Slots::new(), _jump: jump };
        match timeout(HANDSHAKE_TIMEOUT, authenticate(&mut connection.handle, settings)).await {
            Ok(result) => result?,
            Err(_) => return Err(no_answer(settings, HANDSHAKE_TIMEOUT)),
        }
        Ok(connection)
    }

    pub(super) fn is_closed(&self) -> bool {
        self.handle.is_closed()
    }

    pub(super) fn lost(&self) -> Fault {
        self.end.lost()
    }

    /// A session channel, once there is room for one. Where sshd allows fewer than we would use, one waits for another.
    pub(super) async fn channel(&self) -> Result<(Channel<Msg>, Slot), Fault> {
        let turn = self.slots.turn().await;
        let mut refusals = 0;
        loop {
            let freed = turn.freed();
            match self.handle.channel_open_session().await {
                Ok(channel) => {
                    drop(freed);
                    return Ok((channel, turn.opened()));
                }
                Err(russh::Error::ChannelOpenFailure(reason)) => {
                    refusals += 1;
                    if refusals > IMMEDIATE_RETRIES && turn.others_are_open() {
                        freed.await;
                        refusals = 0;
                    } else if refusals > LONELY_RETRIES {
                        return Err(Fault::ChannelRefused { reason: format!("{reason:?}") });
                    }
                }
                Err(_) => return Err(self.lost()),
            }
        }
    }

    pub(super) fn end_reason(&self) -> EndReason {
        self.end.clone()
    }
}

fn config(settings: &SshSettings) -> Config {
    Config {
        // Without it, Nagle's algorithm costs each command about 45 ms.
        nodelay: true,
        keepalive_interval: Some(KEEPALIVE),
        keepalive_max: 3,
        window_size: WINDOW,
        preferred: Preferred {
            // The processor's own AES, on both sides.
            cipher: Cow::Borrowed(&[
                cipher::AES_128_GCM,
                cipher::AES_256_GCM,
                cipher::CHACHA20_POLY1305,
                cipher::AES_256_CTR,
            ]),
            key: Cow::Owned(host_key_algorithms(settings)),
            ..Preferred::DEFAULT
        },
        ..Config::default()
    }
}

/// Those of the pinned keys first, or a machine with several keys would show another one than the known one.
fn host_key_algorithms(settings: &SshSettings) -> Vec<Algorithm> {
    let pinned: Vec<String> = settings
        .known_hosts
        .pinned(settings.key_host(), settings.port)
        .iter()
        .filter_map(|key| PublicKey::from_openssh(&key.openssh).ok())
        .map(|key| family(&key.algorithm()))
        .collect();
    let mut algorithms = Preferred::DEFAULT.key.into_owned();
    algorithms.sort_by_key(|algorithm| !pinned.contains(&family(algorithm)));
    algorithms
}

/// One RSA key signs with several algorithms.
fn family(algorithm: &Algorithm) -> String {
    if matches!(algorithm, Algorithm::Rsa { .. }) { "ssh-rsa".to_owned() } else { algorithm.to_string() }
}

/// A server that only accepts connections and never greets is as good as dead.
async fn greeted(settings: &SshSettings) -> Result<TcpStream, Fault> {
    let stream = connect(settings).await?;
    // sshd greets before it reads (RFC 4253, 4.2). A server that hangs up instead is readable, too.
    match timeout(HANDSHAKE_TIMEOUT, stream.readable()).await {
        Err(_) => Err(no_answer(settings, HANDSHAKE_TIMEOUT)),
        Ok(Err(source)) => Err(Fault::Unreachable { host: settings.host.clone(), port: settings.port, source }),
        Ok(Ok(())) => Ok(stream),
    }
}

async fn connect(settings: &SshSettings) -> Result<TcpStream, Fault> {
    let (host, port) = (settings.host.clone(), settings.port);
    let stream = match timeout(CONNECT_TIMEOUT, TcpStream::connect((host.as_str(), port))).await {
        Err(_) => return Err(no_answer(settings, CONNECT_TIMEOUT)),
        Ok(Err(source)) => return Err(Fault::Unreachable { host, port, source }),
        Ok(Ok(stream)) => stream,
    };
    stream.set_nodelay(true).map_err(|source| Fault::Unreachable { host, port, source })?;
    Ok(stream)
}

async fn handshake(
    settings: &SshSettings,
    connecting: impl Future<Output = Result<Handle<Client>, ClientError>>,
) -> Result<Handle<Client>, Fault> {
    match timeout(HANDSHAKE_TIMEOUT, connecting).await {
        Err(_) => Err(no_answer(settings, HANDSHAKE_TIMEOUT)),
        Ok(Ok(handle)) => Ok(handle),
        Ok(Err(ClientError::HostKey(fault))) => Err(*fault),
        Ok(Err(ClientError::Ssh(error))) => Err(handshake_fault(settings, error)),
    }
}

fn handshake_fault(settings: &SshSettings, source: russh::Error) -> Fault {
    Fault::Handshake { host: settings.host.clone(), port: settings.port, source: Box::new(source) }
}

fn is_hang_up(error: &(dyn Error + Send + Sync + 'static)) -> bool {
    match error.downcast_ref::<russh::Error>() {
        Some(russh::Error::Disconnect | russh::Error::HUP) => true,
        Some(russh::Error::IO(error)) => {
            matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe | ErrorKind::UnexpectedEof)
        }
        _ => false,
    }
}

fn no_answer(settings: &SshSettings, after: Duration) -> Fault {
    Fault::ConnectTimeout { host: settings.host.clone(), port: settings.port, after }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use tokio::net::TcpListener;

    use super::super::{Handshakes, SshTarget};
    use super::*;

    fn settings(port: u16, handshakes: &Handshakes) -> SshSettings {
        let (host, handshakes) = (Ipv4Addr::LOCALHOST.to_string(), handshakes.clone());
        SshTarget { host, port: Some(port), handshakes, ..SshTarget::default() }.resolve_alone()
    }

    #[tokio::test]
    async fn a_server_that_never_greets_does_not_keep_the_only_turn() {
        let silent = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let handshakes = Handshakes::new(1);
        let mute = settings(silent.local_addr().unwrap().port(), &handshakes);
        let mut mute = std::pin::pin!(Connection::open(&mute));
        // The kernel accepts for it; the connection has the turn once it stands.
        let _accepted = tokio::select! {
            _ = &mut mute => panic!("nobody greeted"),
            accepted = silent.accept() => accepted.unwrap(),
        };
        // Nobody listens there.
        let refusing = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap().local_addr().unwrap().port();
        let refused = settings(refusing, &handshakes);
        tokio::select! {
            _ = mute => panic!("the one that never greets was given up first"),
            other = Connection::open(&refused) => assert!(matches!(other, Err(Fault::Unreachable { .. }))),
        }
    }
}
