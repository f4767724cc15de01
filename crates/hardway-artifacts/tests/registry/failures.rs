//! What is not right is not taken, and told.

use std::fs;

use hardway_artifacts::registry::{Registry, Settings};
use hardway_artifacts::{Credentials, Error};
use hardway_test_registry::{Door, Setup};

use crate::image::{Image, Layer, Packing, noise, push, push_index};
use crate::stand::{IMAGE, Stand, chain};

/// A stand whose registry has one image.
async fn stand(setup: Setup) -> (Stand, Image) {
    let stand = Stand::new(setup);
    let layer = Layer { packing: Packing::Gzip, files: vec![("pause", noise(10_000), 0o755)] };
    let image = push(&stand.registry, IMAGE, "amd64", &[layer]).await;
    (stand, image)
}

#[tokio::test]
async fn a_blob_that_was_changed_in_the_registry_is_refused() {
    let (stand, image) = stand(Setup::default()).await;
    let path = stand.registry.blob(&image.layers[0]);
    let mut bytes = fs::read(&path).unwrap();
    bytes[100] ^= 1;
    fs::write(&path, &bytes).unwrap();
    let error = stand.pull(&image.digest(), "amd64").await.unwrap_err();
    let Error::BlobDigest { received, size, .. } = error else { panic!("{error}") };
    assert_eq!((received, size), (bytes.len() as u64, bytes.len() as u64));
    assert!(error.to_string().contains(IMAGE) && error.to_string().contains(stand.registry.address()), "{error}");
    stand.assert_nothing_was_kept();
}

#[tokio::test]
async fn a_blob_that_lost_its_end_is_refused() {
    let (stand, image) = stand(Setup::default()).await;
    let path = stand.registry.blob(&image.layers[0]);
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..5000]).unwrap();
    let error = stand.pull(&image.digest(), "amd64").await.unwrap_err();
    assert!(matches!(error, Error::BlobDigest { received: 5000, .. }), "{error}");
    stand.assert_nothing_was_kept();
}

#[tokio::test]
async fn a_manifest_that_was_changed_in_the_registry_is_refused() {
    let (stand, image) = stand(Setup::default()).await;
    let path = stand.registry.blob(image.digest().strip_prefix("sha256:").unwrap());
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("+gzip", "+zstd")).unwrap();
    let error = stand.pull(&image.digest(), "amd64").await.unwrap_err();
    assert!(matches!(error, Error::ManifestDigest { .. }), "{}", chain(&error));
    stand.assert_nothing_was_kept();
}

#[tokio::test]
async fn a_manifest_by_another_digest_than_the_locked_one_is_not_there() {
    let (stand, _) = stand(Setup::default()).await;
    let locked = format!("sha256:{}", "0a".repeat(32));
    let error = stand.pull(&locked, "amd64").await.unwrap_err();
    assert!(matches!(error, Error::ImageMissing { .. }), "{}", chain(&error));
}

#[tokio::test]
async fn an_image_or_a_tag_that_is_not_there_is_named() {
    let (stand, _) = stand(Setup::default()).await;
    for missing in ["registry.k8s.io/pause:3.10.2", "registry.k8s.io/e2e-test-images/agnhost:2.0"] {
        let error = stand.client().resolve(missing, "amd64", &|_| {}).await.unwrap_err();
        assert!(matches!(error, Error::ImageMissing { .. }), "{}", chain(&error));
        assert!(error.to_string().starts_with(&format!("{} has no {missing}", stand.registry.mirror())), "{error}");
    }
}

#[tokio::test]
async fn a_platform_that_an_index_does_not_have_is_told_with_those_that_it_has() {
    let (stand, image) = stand(Setup::default()).await;
    let index = push_index(&stand.registry, IMAGE, &[("amd64", &image)]).await;
    let error = stand.client().resolve(IMAGE, "arm64", &|_| {}).await.unwrap_err();
    let expected = format!("{} has no {IMAGE} for linux/arm64, but for linux/amd64", stand.registry.mirror());
    assert_eq!(error.to_string(), expected);
    let error = stand.pull(&index, "amd64").await.unwrap_err();
    assert!(matches!(error, Error::ManifestOfIndex { .. }), "{error}");
    stand.assert_nothing_was_kept();
}

#[tokio::test]
async fn who_has_no_password_or_a_wrong_one_is_refused() {
    let (stand, _) = stand(Setup { door: Door::Password, ..Setup::default() }).await;
    let wrong = Credentials { username: "ada".to_owned(), password: "guessed-word".into() };
    for credentials in [None, Some(wrong)] {
        let client = Registry::new(Settings { credentials, ..stand.settings() }).unwrap();
        let error = client.resolve(IMAGE, "amd64", &|_| {}).await.unwrap_err();
        assert!(matches!(error, Error::RegistryRefuses { .. }), "{}", chain(&error));
        assert!(!chain(&error).contains("guessed-word") && !format!("{error:?}").contains("guessed-word"));
    }
}

#[tokio::test]
async fn a_certificate_by_nobody_known_is_refused() {
    let (stand, _) = stand(Setup::default()).await;
    let client = Registry::new(Settings { authority: None, ..stand.settings() }).unwrap();
    let error = client.resolve(IMAGE, "amd64", &|_| {}).await.unwrap_err();
    assert!(matches!(error, Error::RegistryCertificate { .. }), "{}", chain(&error));
}

#[tokio::test]
async fn a_certificate_that_has_ended_is_refused() {
    let stand = Stand::new(Setup { expired: true, ..Setup::default() });
    let error = stand.client().resolve(IMAGE, "amd64", &|_| {}).await.unwrap_err();
    assert!(matches!(error, Error::RegistryCertificate { .. }), "{}", chain(&error));
    assert!(chain(&error).contains("expired"), "{}", chain(&error));
}

#[test]
fn an_authority_that_is_no_certificate_is_told_before_anything_is_asked() {
    let pem = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let settings = Settings { authority: Some(pem.into()), ..Settings::default() };
    assert!(matches!(Registry::new(settings), Err(Error::RegistryAuthority(_))));
}
