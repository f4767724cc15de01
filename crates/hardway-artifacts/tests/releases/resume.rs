//! Connections that are cut.

use std::fs;

use hardway_artifacts::{Error, Progress, Releases, Selection, Source};
use hardway_spec::versions;
use hardway_upstream::Fault;

use crate::scene::{SIZE, Scene, chain, list, noise};

const HALF: u64 = SIZE / 2;

#[tokio::test]
async fn a_download_that_is_cut_half_way_asks_for_the_rest_alone() {
    let scene = Scene::new().await;
    scene.server.fail(&scene.runc, [Fault::Cut(HALF)]);
    let catalog = scene.runc().await.unwrap();
    assert_eq!(scene.asked_from(), [None, Some(HALF)]);
    assert_eq!(fs::read(&catalog.binaries["runc"].path).unwrap(), noise(SIZE));
    scene.nothing_is_kept();
}

#[tokio::test]
async fn every_new_part_renews_the_patience() {
    let scene = Scene::new().await;
    scene.server.fail(&scene.runc, vec![Fault::Cut(SIZE / 10); 9]);
    scene.runc().await.unwrap();
    assert_eq!(scene.asked_from().len(), 10, "although three attempts that bring nothing are the end");
}

#[tokio::test]
async fn another_run_goes_on_where_the_last_one_was_cut() {
    let scene = Scene::new().await;
    let error = cut_off(&scene).await;
    let text = chain(&error);
    assert!(text.contains("was cut after 150000 bytes of 300000") && text.contains("is kept for next time"), "{text}");
    scene.nothing_is_stored();
    assert_eq!(list(&scene.cache.root().join("partial")).len(), 2, "the part and its record");

    scene.runc().await.unwrap();
    assert_eq!(scene.asked_from(), [None, Some(HALF)]);
    scene.nothing_is_kept();
}

#[tokio::test]
async fn a_connection_that_ends_with_the_last_byte_missing_its_end_is_no_matter() {
    let scene = Scene::new().await;
    cut_off(&scene).await;
    // The rest comes by other ways, as if the process had been killed between the last byte and the rename.
    overwrite_partial(&scene, &noise(SIZE));
    scene.runc().await.unwrap();
    assert_eq!(scene.asked_from(), [None, Some(SIZE)]);
}

#[tokio::test]
async fn a_file_that_has_changed_meanwhile_is_taken_from_its_beginning() {
    let scene = without_checksums().await;
    scene.server.fail(&scene.runc, [Fault::Cut(HALF)]);
    let file = scene.server.root().join(&scene.runc);
    let new = noise(SIZE + 1).split_off(1000);
    let replace = |event| {
        if matches!(event, Progress::Retrying { .. }) {
            fs::write(&file, &new).unwrap();
        }
    };
    let releases = Releases::new(scene.settings()).unwrap();
    let selection = Selection::named(["runc"]).unwrap();
    let catalog = releases.obtain(&selection, &scene.cache, &replace).await.unwrap();
    // Without a checksum file, the server's own mark is all that tells one file from another.
    assert_eq!(fs::read(&catalog.binaries["runc"].path).unwrap(), new);
    assert_eq!(scene.asked_from(), [None, Some(HALF)]);
}

#[tokio::test]
async fn what_no_digest_can_check_is_not_taken_up_by_another_run() {
    let scene = without_checksums().await;
    cut_off(&scene).await;
    scene.runc().await.unwrap();
    assert_eq!(scene.asked_from(), [None, None]);
}

#[tokio::test]
async fn what_an_earlier_run_left_and_does_not_fit_is_thrown_away() {
    let scene = Scene::new().await;
    cut_off(&scene).await;
    overwrite_partial(&scene, &[0; 1000]);
    let catalog = scene.runc().await.unwrap();
    assert_eq!(scene.asked_from(), [None, Some(1000), None]);
    assert_eq!(fs::read(&catalog.binaries["runc"].path).unwrap(), noise(SIZE));
}

#[tokio::test]
async fn a_server_without_ranges_sends_everything_again() {
    let scene = Scene::new().await;
    scene.server.fail(&scene.runc, [Fault::Cut(HALF), Fault::NoRanges]);
    scene.runc().await.unwrap();
    assert_eq!(scene.asked_from(), [None, Some(HALF)]);
}

#[tokio::test]
async fn connections_that_bring_nothing_are_given_up() {
    let scene = Scene::new().await;
    scene.server.keep_failing(&scene.runc, Some(Fault::Cut(0)));
    let error = scene.runc().await.unwrap_err();
    assert!(matches!(error, Error::Fetch(_)), "{error:?}");
    assert!(chain(&error).contains("after 3 attempts"), "{error}");
    scene.nothing_is_stored();
}

#[tokio::test]
async fn large_archives_are_resumed_too() {
    let scene = Scene::new().await;
    let program = scene.file("etcd", &noise(3_000_000));
    let programs = ["etcd", "etcdctl", "etcdutl"].map(|name| (name, program.as_std_path()));
    let etcd = scene.publisher.etcd(versions::ETCD, &programs).unwrap();
    scene.server.fail(&etcd, [Fault::Cut(4_500_000)]);
    let catalog = scene.obtain(scene.settings(), &["etcd", "etcdutl"]).await.unwrap();
    assert_eq!(scene.server.requests_for(&etcd)[1].from(), Some(4_500_000));
    assert_eq!(fs::read(&catalog.binaries["etcdutl"].path).unwrap(), noise(3_000_000));
}

async fn without_checksums() -> Scene {
    let scene = Scene::new().await;
    fs::remove_file(scene.server.root().join(scene.runc.replace("runc.amd64", "runc.sha256sum"))).unwrap();
    scene
}

/// A run that is cut off half-way and gives up.
async fn cut_off(scene: &Scene) -> Error {
    scene.server.fail(&scene.runc, [Fault::Cut(HALF)]);
    let mut impatient = scene.settings();
    impatient.patience.attempts = 1;
    scene.obtain(impatient, &["runc"]).await.unwrap_err()
}

/// Replaces what is kept of a download.
fn overwrite_partial(scene: &Scene, bytes: &[u8]) {
    let folder = scene.cache.root().join("partial");
    let body = list(&folder).into_iter().find(|name| !name.ends_with(".json")).unwrap();
    fs::write(folder.join(body), bytes).unwrap();
}
