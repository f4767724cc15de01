//! The part of a connection that russh calls back: the host key, and the end.

use std::sync::{Arc, OnceLock};

use russh::client::{DisconnectReason, Handler};
use russh::keys::PublicKeyOrCertificate;

use super::SshSettings;
use super::known_hosts::offered;
use crate::Fault;

/// Why a connection did not come about, or ended.
#[derive(Debug, thiserror::Error)]
pub(super) enum ClientError {
    #[error(transparent)]
    Ssh(#[from] russh::Error),
    #[error(transparent)]
    HostKey(Box<Fault>),
}

/// Why the connection ended, once it has.
#[derive(Debug, Clone, Default)]
pub(super) struct EndReason(Arc<OnceLock<String>>);

impl EndReason {
    pub(super) fn lost(&self) -> Fault {
        let reason = self.0.get().cloned().unwrap_or_else(|| "closed without a reason".to_owned());
        Fault::ConnectionLost { reason }
    }
}

/// Accepts the pinned host keys and no other.
pub(super) struct Client {
    settings: SshSettings,
    end: EndReason,
}

impl Client {
    pub(super) fn new(settings: &SshSettings, end: EndReason) -> Self {
        Self { settings: settings.clone(), end }
    }
}

impl Handler for Client {
    type Error = ClientError;

    async fn check_server_key(&mut self, key: &PublicKeyOrCertificate) -> Result<bool, ClientError> {
        let settings = &self.settings;
        let offered = offered(&key.public_key());
        let pinned = settings.known_hosts.pinned(settings.key_host(), settings.port);
        if pinned.contains(&offered) {
            return Ok(true);
        }
        let (host, port) = (settings.key_host().to_owned(), settings.port);
        let fault = if pinned.is_empty() {
            Fault::HostKeyUnknown { host, port, offered }
        } else {
            Fault::HostKeyMismatch { host, port, offered: Box::new(offered), pinned }
        };
        Err(ClientError::HostKey(Box::new(fault)))
    }

    async fn disconnected(&mut self, reason: DisconnectReason<ClientError>) -> Result<(), ClientError> {
        match reason {
            DisconnectReason::ReceivedDisconnect(info) => {
                // The first reason is the cause.
                let _ = self.end.0.set(info.message);
                Ok(())
            }
            DisconnectReason::Error(error) => {
                let _ = self.end.0.set(error.to_string());
                Err(error)
            }
        }
    }
}
