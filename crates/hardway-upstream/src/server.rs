//! The server.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;

use crate::serve::answer;
use crate::{Authority, Fault, Request, Validity};

/// An HTTPS server over a folder. It ends when it is dropped.
pub struct Server {
    address: SocketAddr,
    root: PathBuf,
    state: Arc<Mutex<State>>,
    task: JoinHandle<()>,
}

#[derive(Default)]
struct State {
    requests: Vec<Request>,
    /// By path: the next answers.
    faults: HashMap<String, VecDeque<Fault>>,
    /// By path: every answer after those.
    lasting: HashMap<String, Fault>,
    credentials: Option<(String, String)>,
}

impl Server {
    /// Serves the files below `root` at a free port of 127.0.0.1.
    ///
    /// # Errors
    /// When there is none.
    pub async fn start(root: &Path, authority: &Authority, validity: Validity) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let acceptor = TlsAcceptor::from(authority.server(validity));
        let state = Arc::default();
        let task = tokio::spawn(accept(listener, acceptor, root.to_owned(), Arc::clone(&state)));
        Ok(Self { address, root: root.to_owned(), state, task })
    }

    #[must_use]
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Where the folder's files are.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// `https://127.0.0.1:PORT`
    #[must_use]
    pub fn url(&self) -> String {
        format!("https://{}", self.address)
    }

    /// Asks everybody for a name and a password from now on.
    pub fn require(&self, name: &str, password: &str) {
        self.state().credentials = Some((name.to_owned(), password.to_owned()));
    }

    /// The next answers for a path, one after the other.
    pub fn fail(&self, path: &str, faults: impl IntoIterator<Item = Fault>) {
        self.state().faults.entry(path.to_owned()).or_default().extend(faults);
    }

    /// Every answer for a path from now on, or none any more.
    pub fn keep_failing(&self, path: &str, fault: Option<Fault>) {
        match fault {
            Some(fault) => self.state().lasting.insert(path.to_owned(), fault),
            None => self.state().lasting.remove(path),
        };
    }

    /// What was asked so far.
    #[must_use]
    pub fn requests(&self) -> Vec<Request> {
        self.state().requests.clone()
    }

    /// What was asked so far of one path.
    #[must_use]
    pub fn requests_for(&self, path: &str) -> Vec<Request> {
        self.state().requests.iter().filter(|request| request.path == path).cloned().collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl State {
    fn fault_for(&mut self, request: &Request) -> Option<Fault> {
        self.requests.push(request.clone());
        if self.credentials.is_some() && self.credentials != request.credentials() {
            return Some(Fault::Status(401));
        }
        let next = self.faults.get_mut(&request.path).and_then(VecDeque::pop_front);
        next.or_else(|| self.lasting.get(&request.path).cloned())
    }
}

async fn accept(listener: TcpListener, acceptor: TlsAcceptor, root: PathBuf, state: Arc<Mutex<State>>) {
    // They end with this task.
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        connections.spawn(serve(stream, acceptor.clone(), root.clone(), Arc::clone(&state)));
    }
}

async fn serve(stream: TcpStream, acceptor: TlsAcceptor, root: PathBuf, state: Arc<Mutex<State>>) {
    // Who does not trust the certificate goes away here, and who has enough goes away later: neither is a fault here.
    let Ok(mut stream) = acceptor.accept(stream).await else { return };
    let Some(request) = Request::read(&mut stream).await else { return };
    let fault = lock(&state).fault_for(&request);
    let cut = matches!(fault, Some(Fault::Cut(_)));
    let answered = answer(&mut stream, &root, &request, fault).await;
    if answered.is_ok() && !cut {
        // The end of a connection that was not cut is said.
        let _ = stream.shutdown().await;
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().expect("no thread panics while it holds the lock")
}
