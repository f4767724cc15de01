//! A connection that is cut is tried again.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use hardway_artifacts::Error;
use hardway_artifacts::registry::{Registry, Settings};
use hardway_test_registry::{PREFIX, Setup};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::image::{Layer, Packing, noise, push};
use crate::stand::{IMAGE, Stand, chain};

/// How much comes from the registry before the cut: handshake and manifest, and a part of the layer.
const CUT_AFTER: u64 = 40_000;
const LAYER: usize = 400_000;

/// Passes connections on to the registry, and cuts the first ones that bring much.
struct Cutter {
    address: String,
    cuts: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Cutter {
    async fn new(to: String, cuts: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let left = Arc::new(AtomicUsize::new(cuts));
        let seen = left.clone();
        let task = tokio::spawn(async move {
            loop {
                let (client, _) = listener.accept().await.unwrap();
                let server = TcpStream::connect(&to).await.unwrap();
                tokio::spawn(pass(client, server, left.clone()));
            }
        });
        Self { address, cuts: seen, task }
    }
}

impl Drop for Cutter {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn pass(mut client: TcpStream, mut server: TcpStream, cuts: Arc<AtomicUsize>) {
    let (mut from_client, mut to_client) = client.split();
    let (mut from_server, mut to_server) = server.split();
    let down = async {
        let mut begin = (&mut from_server).take(CUT_AFTER);
        if tokio::io::copy(&mut begin, &mut to_client).await.is_ok_and(|copied| copied == CUT_AFTER) {
            let cut = cuts.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
            if cut.is_err() {
                let _ = tokio::io::copy(&mut from_server, &mut to_client).await;
            }
        }
        let _ = to_client.shutdown().await;
    };
    tokio::select! {
        () = down => {}
        _ = tokio::io::copy(&mut from_client, &mut to_server) => {}
    }
}

async fn pull_through(stand: &Stand, cutter: &Cutter, digest: &str) -> Result<(), Error> {
    let settings = Settings { mirror: Some(format!("{}/{PREFIX}", cutter.address)), ..stand.settings() };
    let client = Registry::new(settings).unwrap();
    client.pull(IMAGE, digest, "amd64", &stand.pulled(), &|_| {}).await.map(drop)
}

#[tokio::test]
async fn a_layer_whose_connection_is_cut_comes_at_the_next_try() {
    let stand = Stand::new(Setup::default());
    let layer = Layer { packing: Packing::Gzip, files: vec![("pause", noise(LAYER), 0o755)] };
    let image = push(&stand.registry, IMAGE, "amd64", &[layer]).await;
    let cutter = Cutter::new(stand.registry.address().to_owned(), 1).await;
    pull_through(&stand, &cutter, &image.digest()).await.unwrap();
    assert_eq!(cutter.cuts.load(Ordering::SeqCst), 0, "the connection was cut");
}

#[tokio::test]
async fn a_connection_that_is_always_cut_is_told_in_the_end() {
    let stand = Stand::new(Setup::default());
    let layer = Layer { packing: Packing::Gzip, files: vec![("pause", noise(LAYER), 0o755)] };
    let image = push(&stand.registry, IMAGE, "amd64", &[layer]).await;
    let cutter = Cutter::new(stand.registry.address().to_owned(), usize::MAX).await;
    let error = pull_through(&stand, &cutter, &image.digest()).await.unwrap_err();
    assert!(matches!(error, Error::Registry { .. }), "{}", chain(&error));
    stand.assert_nothing_was_kept();
}

#[tokio::test]
async fn a_registry_that_is_gone_is_told_in_the_end() {
    let stand = Stand::new(Setup::default());
    let settings = stand.settings();
    let client = Registry::new(settings).unwrap();
    drop(stand);
    let error = client.resolve(IMAGE, "amd64", &|_| {}).await.unwrap_err();
    assert!(matches!(error, Error::RegistryUnreachable { .. }), "{}", chain(&error));
}
