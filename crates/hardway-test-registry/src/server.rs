//! The registry's process.

use std::fs;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;

use oci_client::Client;
use oci_client::client::{Certificate, CertificateEncoding, ClientConfig};
use oci_client::secrets::RegistryAuth;
use serde_json::json;

use crate::authority::certify;
use crate::token::{self, TokenService};

const PROGRAM: &str = "docker-registry";

/// What the mirror's repositories begin with, as an operator's may.
pub const PREFIX: &str = "k8s";

/// What its log says once it answers; then comes the address.
const LISTENING: &str = "listening on ";

const USER: &str = "ada";
const PASSWORD: &str = "mirror-password";
/// bcrypt's of [`PASSWORD`], with the least cost.
const HTPASSWD: &str = "$2b$04$abcdefghijklmnopqrstuuvEu/ck6abfAWFINtBVrxZ487w0PaV5G";

/// Whom the registry lets in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Door {
    #[default]
    Open,
    /// Who has the [`Credentials`].
    Password,
    /// Who has a token, which a service gives everybody, as public registries have it.
    Token,
}

/// How the registry is set up.
#[derive(Debug, Clone, Copy, Default)]
pub struct Setup {
    pub door: Door,
    /// Its certificate ended years ago, so that nobody can push either.
    pub expired: bool,
}

/// What a registry with a password lets in.
#[derive(Debug, Clone, Copy)]
pub struct Credentials {
    pub user: &'static str,
    pub password: &'static str,
}

/// A registry that runs until this is dropped.
pub struct TestRegistry {
    child: Child,
    pub(crate) client: Client,
    address: String,
    authority: String,
    storage: PathBuf,
    door: Door,
    tokens: Option<TokenService>,
}

impl TestRegistry {
    /// Starts it, with its files below `folder`, and waits until it answers.
    ///
    /// # Panics
    /// Where the program is missing or ends.
    #[must_use]
    pub fn start(folder: &Path, setup: Setup) -> Self {
        let storage = folder.join("storage");
        let served = certify(setup.expired);
        let file = |name: &str, text: &str| {
            let path = folder.join(name);
            fs::write(&path, text).expect("the test's folder can be written");
            path
        };
        let mut config = json!({
            "version": "0.1",
            "log": {"level": "info", "accesslog": {"disabled": true}},
            "storage": {"filesystem": {"rootdirectory": storage}},
            // Port 0 is a free one, which the log tells.
            "http": {"addr": "127.0.0.1:0", "tls": {
                "certificate": file("server.crt", &served.certificate),
                "key": file("server.key", &served.key),
            }},
        });
        let mut tokens = None;
        match setup.door {
            Door::Open => {}
            Door::Password => {
                let users = file("htpasswd", &format!("{USER}:{HTPASSWD}\n"));
                config["auth"] = json!({"htpasswd": {"realm": "test", "path": users}});
            }
            Door::Token => {
                let service = tokens.insert(TokenService::start(&served));
                let authority = file("authority.crt", &served.authority);
                config["auth"] = json!({"token": {
                    "realm": service.realm(),
                    "service": token::SERVICE,
                    "issuer": token::ISSUER,
                    "rootcertbundle": authority,
                }});
            }
        }
        // YAML has JSON in it.
        let config = file("config.yml", &config.to_string());
        let mut child = Command::new(PROGRAM)
            .arg("serve")
            .arg(config)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{PROGRAM}: {error}; install it with: apt-get install {PROGRAM}"));
        let address = address(&mut child);
        Self {
            child,
            client: client(&served.authority),
            address,
            authority: served.authority,
            storage,
            door: setup.door,
            tokens,
        }
    }

    /// `127.0.0.1:PORT`.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// What a spec's `artifacts.mirror.images` says.
    #[must_use]
    pub fn mirror(&self) -> String {
        format!("{}/{PREFIX}", self.address)
    }

    /// The certificate that its own is signed by, in PEM.
    #[must_use]
    pub fn ca_pem(&self) -> &str {
        &self.authority
    }

    /// Whom it lets in.
    #[must_use]
    pub fn credentials(&self) -> Option<Credentials> {
        (self.door == Door::Password).then_some(Credentials { user: USER, password: PASSWORD })
    }

    /// What tokens were asked for, such as `repository:k8s/registry.k8s.io/pause:pull`.
    #[must_use]
    pub fn scopes(&self) -> Vec<String> {
        self.tokens.as_ref().map(TokenService::scopes).unwrap_or_default()
    }

    /// The file that it keeps a blob or a manifest in, by its digest in hexadecimal.
    #[must_use]
    pub fn blob(&self, sha256: &str) -> PathBuf {
        self.storage.join("docker/registry/v2/blobs/sha256").join(&sha256[..2]).join(sha256).join("data")
    }

    pub(crate) fn auth(&self) -> RegistryAuth {
        self.credentials()
            .map_or(RegistryAuth::Anonymous, |it| RegistryAuth::Basic(it.user.to_owned(), it.password.to_owned()))
    }
}

impl Drop for TestRegistry {
    fn drop(&mut self) {
        // Both fail only where it has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// One that pushes, and trusts this authority alone.
fn client(authority: &str) -> Client {
    let authority = Certificate { encoding: CertificateEncoding::Pem, data: authority.as_bytes().to_vec() };
    let config = ClientConfig { tls_certs_only: vec![authority], use_monolithic_push: true, ..ClientConfig::default() };
    Client::try_from(config).expect("the authority is a certificate")
}

/// Waits for the line of the log that tells the address, and lets the rest of the log go by.
fn address(child: &mut Child) -> String {
    let mut log = BufReader::new(child.stderr.take().expect("standard error is piped"));
    let mut seen = String::new();
    loop {
        let start = seen.len();
        let read = log.read_line(&mut seen).expect("the log is text");
        if read == 0 {
            let _ = child.wait();
            panic!("{PROGRAM} ended before it listened:\n{seen}");
        }
        if let Some((_, rest)) = seen[start..].split_once(LISTENING) {
            let address = rest.split([',', '"']).next().unwrap_or_default().to_owned();
            thread::spawn(move || io::copy(&mut log, &mut io::sink()));
            return address;
        }
    }
}
