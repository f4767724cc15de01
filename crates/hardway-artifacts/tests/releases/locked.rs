//! What `hardway.lock` settles.

use hardway_artifacts::{Lock, ReleaseSettings};
use hardway_spec::Trust;

use crate::scene::Scene;

#[tokio::test]
async fn what_is_locked_and_in_the_cache_needs_no_network() {
    let scene = Scene::new().await;
    let first = scene.runc().await.unwrap();
    let asked = scene.server.requests().len();
    let catalog = scene.obtain(locked(&scene, Lock::of(&first)), &["runc"]).await.unwrap();
    assert_eq!(catalog, first);
    assert_eq!(scene.server.requests().len(), asked);
}

#[tokio::test]
async fn a_lock_vouches_for_what_nothing_else_vouches_for_any_more() {
    let scene = Scene::new().await;
    let lock = Lock::of(&scene.runc().await.unwrap());
    let empty = Scene::new().await;
    let settings = ReleaseSettings { require: Trust::Signature, ..locked(&empty, lock) };
    empty.obtain(settings, &["runc"]).await.unwrap();
}

#[tokio::test]
async fn something_else_than_what_is_locked_is_refused_and_both_are_named() {
    let scene = Scene::new().await;
    let mut lock = Lock::of(&scene.runc().await.unwrap());
    let found = lock.artifacts["runc"].sha256.clone();
    let other = "ab".repeat(32);
    lock.artifacts.get_mut("runc").unwrap().sha256 = other.clone();
    let empty = Scene::new().await;
    let error = empty.refused_with(locked(&empty, lock)).await;
    assert!(error.starts_with("runc is not what hardway.lock says"), "{error}");
    assert!(error.contains(&found) && error.contains(&other), "{error}");
}

#[tokio::test]
async fn another_version_than_the_locked_one_is_refused_before_anything_is_asked() {
    let scene = Scene::new().await;
    let mut lock = Lock::of(&scene.runc().await.unwrap());
    lock.artifacts.get_mut("runc").unwrap().version = "1.0.0".to_owned();
    let empty = Scene::new().await;
    let error = empty.refused_with(locked(&empty, lock)).await;
    assert!(error.starts_with("hardway.lock has runc 1.0.0 for amd64"), "{error}");
    assert_eq!(empty.server.requests(), []);
}

fn locked(scene: &Scene, lock: Lock) -> ReleaseSettings {
    ReleaseSettings { lock: Some(lock), ..scene.settings() }
}
