//! A token service that gives everybody what they ask for, as public registries do for reading.
//!
//! Forms: `docs/spec/auth/token.md` and `docs/spec/auth/jwt.md` of the registry, RFC 7515 and RFC 7519.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use crate::authority::Served;

/// What tokens are for, and who gives them: the registry's configuration says the same.
pub(crate) const SERVICE: &str = "test-registry";
pub(crate) const ISSUER: &str = "test-token-service";

/// In seconds; a test is over long before.
const VALIDITY: u64 = 300;

pub(crate) struct TokenService {
    address: String,
    scopes: Arc<Mutex<Vec<String>>>,
    closing: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl TokenService {
    /// Signs with the registry's own key, whose certificate's authority the registry knows.
    pub(crate) fn start(served: &Served) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        let address = listener.local_addr().expect("it listens").to_string();
        let signer = Signer {
            key: EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &served.key_der).expect("a P-256 key"),
            certificate: STANDARD.encode(&served.certificate_der),
        };
        let (scopes, closing) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicBool::new(false)));
        let thread = thread::spawn({
            let (scopes, closing) = (scopes.clone(), closing.clone());
            move || {
                for client in listener.incoming() {
                    if closing.load(Ordering::SeqCst) {
                        return;
                    }
                    // Who goes away without an answer has its own reasons.
                    let _ = client.and_then(|client| answer(client, &signer, &scopes));
                }
            }
        });
        Self { address, scopes, closing, thread: Some(thread) }
    }

    pub(crate) fn realm(&self) -> String {
        format!("http://{}/token", self.address)
    }

    pub(crate) fn scopes(&self) -> Vec<String> {
        self.scopes.lock().expect("no holder panics").clone()
    }
}

impl Drop for TokenService {
    fn drop(&mut self) {
        self.closing.store(true, Ordering::SeqCst);
        // Wakes the thread up.
        let _ = TcpStream::connect(&self.address);
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

struct Signer {
    key: EcdsaKeyPair,
    certificate: String,
}

fn answer(mut client: TcpStream, signer: &Signer, scopes: &Mutex<Vec<String>>) -> io::Result<()> {
    let mut lines = BufReader::new(client.try_clone()?).lines();
    let request = lines.next().transpose()?.unwrap_or_default();
    while lines.next().transpose()?.is_some_and(|line| !line.is_empty()) {}

    let scope = scope(&request);
    let body = json!({"token": signer.token(&scope), "expires_in": VALIDITY}).to_string();
    scopes.lock().expect("no holder panics").push(scope);
    let length = body.len();
    write!(
        client,
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    )
}

/// `repository:NAME:pull` out of `GET /token?scope=… HTTP/1.1`.
fn scope(request: &str) -> String {
    let target = request.split(' ').nth(1).unwrap_or_default();
    let query = target.split_once('?').map_or("", |(_, query)| query);
    let value = query.split('&').find_map(|pair| pair.strip_prefix("scope=")).unwrap_or_default();
    value.replace("%3A", ":").replace("%2F", "/").replace("%2C", ",")
}

impl Signer {
    fn token(&self, scope: &str) -> String {
        let mut parts = scope.splitn(3, ':');
        let mut part = || parts.next().unwrap_or_default();
        let (kind, name, actions) = (part(), part(), part());
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is after 1970").as_secs();
        let header = json!({"typ": "JWT", "alg": "ES256", "x5c": [self.certificate]});
        let claims = json!({
            "iss": ISSUER,
            "sub": "",
            "aud": SERVICE,
            "iat": now,
            "nbf": now,
            "exp": now + VALIDITY,
            "jti": now.to_string(),
            "access": [{"type": kind, "name": name, "actions": actions.split(',').collect::<Vec<_>>()}],
        });
        let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", encode(&header), encode(&claims));
        let signature = self.key.sign(&SystemRandom::new(), signed.as_bytes()).expect("a key can sign");
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}
