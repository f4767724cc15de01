//! Proxies that the environment names. Only a process of its own has an environment of its own.

use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use camino::Utf8PathBuf;
use hardway_artifacts::{Cache, Releases, Selection, Source};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::Command;

use crate::scene::{Scene, settings};

const CHILD: &str = "HARDWAY_TEST_PROXIED";

#[tokio::test]
async fn the_proxy_of_the_environment_is_used() {
    if let Ok(mirror) = std::env::var(CHILD) {
        return through_the_environment(&mirror).await;
    }
    let scene = Scene::new().await;
    let authority = scene.file("authority.pem", scene.authority.pem().as_bytes());
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let tunnels = Arc::new(AtomicUsize::new(0));
    let proxy = tokio::spawn(proxy(listener, Arc::clone(&tunnels)));
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "proxy::the_proxy_of_the_environment_is_used", "--nocapture"])
        .env(CHILD, scene.server.url())
        .env("HARDWAY_TEST_AUTHORITY", authority)
        .env("HARDWAY_TEST_CACHE", scene.cache.root())
        .env("HTTPS_PROXY", format!("http://{address}"))
        .env_remove("NO_PROXY")
        .env_remove("no_proxy")
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .status()
        .await
        .unwrap();
    proxy.abort();
    assert!(child.success());
    assert_eq!(tunnels.load(Ordering::Relaxed), 2, "the checksum file and the program");
    assert_eq!(scene.server.requests().len(), 2);
}

/// What the child does.
async fn through_the_environment(mirror: &str) {
    let variable = |name| std::env::var(name).unwrap();
    let authority = std::fs::read(variable("HARDWAY_TEST_AUTHORITY")).unwrap();
    let cache = Cache::at(Utf8PathBuf::from(variable("HARDWAY_TEST_CACHE")));
    let selection = Selection::named(["runc"]).unwrap();
    Releases::new(settings(mirror, authority)).unwrap().obtain(&selection, &cache, &|_| {}).await.unwrap();
}

/// A proxy that knows CONNECT and nothing else.
async fn proxy(listener: TcpListener, tunnels: Arc<AtomicUsize>) {
    loop {
        let (mut client, _) = listener.accept().await.unwrap();
        let tunnels = Arc::clone(&tunnels);
        tokio::spawn(async move {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(client.read_u8().await.unwrap());
            }
            let head = String::from_utf8(head).unwrap();
            let target = head.strip_prefix("CONNECT ").unwrap().split(' ').next().unwrap();
            let mut server = TcpStream::connect(target).await.unwrap();
            tunnels.fetch_add(1, Ordering::Relaxed);
            client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
            // Whichever side closes first, the tunnel is over.
            let _ = copy_bidirectional(&mut client, &mut server).await;
        });
    }
}
