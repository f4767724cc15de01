//! Letting a machine know who we are: key files first, then the agent's keys.

use std::io;
use std::sync::Arc;

use russh::client::Handle;
use russh::keys::agent::AgentIdentity;
use russh::keys::agent::client::AgentClient;
use russh::keys::{HashAlg, PrivateKey, PrivateKeyWithHashAlg};

use super::handler::Client;
use super::{IdentityFile, SshSettings};
use crate::Fault;

/// Authenticates `handle`, or says what was tried.
pub(super) async fn authenticate(handle: &mut Handle<Client>, settings: &SshSettings) -> Result<(), Fault> {
    let mut attempt = Attempt { handle, user: &settings.user, tried: Vec::new() };
    let mut encrypted = None;
    for file in &settings.identities.files {
        match load(file)? {
            Loaded::Missing => {}
            Loaded::Encrypted => encrypted = encrypted.or(Some(file.path.clone())),
            Loaded::Key(key) => {
                if attempt.file(file, key).await {
                    return Ok(());
                }
            }
        }
    }
    if let Some(socket) = &settings.identities.agent
        && let Ok(agent) = AgentClient::connect_uds(socket).await
        && attempt.agent(agent).await
    {
        return Ok(());
    }
    // The agent did not have it either.
    if let Some(path) = encrypted {
        return Err(Fault::IdentityEncrypted { path });
    }
    Err(Fault::AuthenticationRefused {
        host: settings.host.clone(),
        port: settings.port,
        user: settings.user.clone(),
        tried: attempt.tried,
    })
}

enum Loaded {
    Key(Box<PrivateKey>),
    Encrypted,
    Missing,
}

fn load(file: &IdentityFile) -> Result<Loaded, Fault> {
    let unreadable = |source: Box<dyn std::error::Error + Send + Sync>| Fault::IdentityUnreadable {
        path: file.path.clone(),
        source,
    };
    match russh::keys::load_secret_key(&file.path, None) {
        Ok(key) if key.is_encrypted() => Ok(Loaded::Encrypted),
        Ok(key) => Ok(Loaded::Key(Box::new(key))),
        Err(russh::keys::Error::KeyIsEncrypted) => Ok(Loaded::Encrypted),
        Err(russh::keys::Error::IO(error)) if error.kind() == io::ErrorKind::NotFound && !file.required => {
            Ok(Loaded::Missing)
        }
        Err(error) if file.required => Err(unreadable(Box::new(error))),
        Err(error) => {
            tracing::debug!(path = %file.path.display(), %error, "skipped a default key");
            Ok(Loaded::Missing)
        }
    }
}

struct Attempt<'a> {
    handle: &'a mut Handle<Client>,
    user: &'a str,
    tried: Vec<String>,
}

impl Attempt<'_> {
    async fn file(&mut self, file: &IdentityFile, key: Box<PrivateKey>) -> bool {
        self.tried.push(file.path.display().to_string());
        let hash = self.hash(key.algorithm().is_rsa()).await;
        let key = PrivateKeyWithHashAlg::new(Arc::from(key), hash);
        // A connection that the other side closes after too many keys is a refusal like any other.
        self.handle.authenticate_publickey(self.user, key).await.is_ok_and(|result| result.success())
    }

    async fn agent(&mut self, mut agent: AgentClient<tokio::net::UnixStream>) -> bool {
        for identity in agent.request_identities().await.unwrap_or_default() {
            let AgentIdentity::PublicKey { key, comment } = identity else { continue };
            self.tried.push(format!("agent: {comment}"));
            let hash = self.hash(key.algorithm().is_rsa()).await;
            let result = self.handle.authenticate_publickey_with(self.user, key, hash, &mut agent).await;
            if result.is_ok_and(|result| result.success()) {
                return true;
            }
        }
        false
    }

    /// RSA signatures come with several hashes; the machine says which it takes.
    async fn hash(&self, is_rsa: bool) -> Option<HashAlg> {
        if !is_rsa {
            return None;
        }
        self.handle.best_supported_rsa_hash().await.ok().flatten().unwrap_or(Some(HashAlg::Sha256))
    }
}
