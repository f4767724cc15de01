//! Disks that are full: a file system of a few hundred kilobytes, in a mount namespace that ends with its process.

use std::process::Stdio;

use camino::Utf8PathBuf;
use hardway_artifacts::{Cache, Releases, Selection, Source};
use hardway_spec::versions;
use tokio::process::Command;

use crate::scene::{Scene, chain, list, nothing_is_stored, settings};

const CHILD: &str = "HARDWAY_TEST_SMALL_DISK";

/// Mounts the file system on the cache's folder and becomes the rest of the arguments.
const ON_SMALL_DISK: &str = r#"mount -t tmpfs -o size="$1" none "$2" && shift 2 && exec "$@""#;

#[tokio::test]
async fn a_disk_that_is_too_small_for_the_download_is_named_and_left_clean() {
    if let Ok(mirror) = std::env::var(CHILD) {
        return on_the_small_disk(&mirror, "runc").await;
    }
    let scene = Scene::new().await;
    let test = "disk::a_disk_that_is_too_small_for_the_download_is_named_and_left_clean";
    run_on_small_disk(&scene, "200k", test).await;
}

#[tokio::test]
async fn a_disk_that_is_too_small_for_the_programs_is_named_and_left_clean() {
    if let Ok(mirror) = std::env::var(CHILD) {
        return on_the_small_disk(&mirror, "ctr").await;
    }
    let scene = Scene::new().await;
    // It takes a thousandth of its size while it is packed.
    let ctr = scene.file("ctr", &vec![0; 4_000_000]);
    scene.publisher.containerd(versions::CONTAINERD, &[("ctr", ctr.as_std_path())]).unwrap();
    let test = "disk::a_disk_that_is_too_small_for_the_programs_is_named_and_left_clean";
    run_on_small_disk(&scene, "1m", test).await;
}

/// What the child does.
async fn on_the_small_disk(mirror: &str, program: &str) {
    let variable = |name| std::env::var(name).unwrap();
    let authority = std::fs::read(variable("HARDWAY_TEST_AUTHORITY")).unwrap();
    let root = Utf8PathBuf::from(variable("HARDWAY_TEST_CACHE"));
    let selection = Selection::named([program]).unwrap();
    let cache = Cache::at(root.clone());
    let releases = Releases::new(settings(mirror, authority)).unwrap();
    let error = releases.obtain(&selection, &cache, &|_| {}).await.unwrap_err();
    let text = chain(&error);
    assert!(text.starts_with(&format!("the disk with {root}")), "{text}");
    assert!(text.contains("is full; make room there") && text.contains("No space left on device"), "{text}");
    nothing_is_stored(&root);
    assert_eq!(list(&root.join("partial")), [] as [String; 0]);
}

async fn run_on_small_disk(scene: &Scene, size: &str, test: &str) {
    let authority = scene.file("authority.pem", scene.authority.pem().as_bytes());
    std::fs::create_dir(scene.cache.root()).unwrap();
    let mut command = Command::new("unshare");
    command.arg("--mount");
    if !rustix::process::geteuid().is_root() {
        command.arg("--map-root-user");
    }
    let child = command
        .args(["sh", "-c", ON_SMALL_DISK, "sh", size])
        .arg(scene.cache.root())
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(CHILD, scene.server.url())
        .env("HARDWAY_TEST_AUTHORITY", authority)
        .env("HARDWAY_TEST_CACHE", scene.cache.root())
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .status()
        .await
        .unwrap();
    assert!(child.success());
    assert_eq!(list(scene.cache.root()), [] as [String; 0], "the small disk is gone");
}
