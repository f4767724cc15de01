//! Servers that cannot prove who they are.

use hardway_upstream::{Authority, Validity};

use crate::scene::Scene;

#[tokio::test]
async fn an_expired_certificate_is_refused() {
    let scene = Scene::with(Validity::Expired).await;
    let error = scene.refused().await;
    assert!(error.contains("is not trusted") && error.contains("expired"), "{error}");
    assert_eq!(scene.server.requests(), []);
    assert!(scene.waits().is_empty(), "time does not mend it");
}

#[tokio::test]
async fn an_unknown_authority_is_refused() {
    let scene = Scene::new().await;
    for authority in [None, Some(Authority::new().pem().into_bytes())] {
        let mut settings = scene.settings();
        settings.authority = authority;
        let error = scene.refused_with(settings).await;
        assert!(error.contains("is not trusted") && error.contains("spec.artifacts.mirror.authority"), "{error}");
    }
    assert_eq!(scene.server.requests(), []);
}

#[tokio::test]
async fn an_address_that_is_not_https_is_refused() {
    let scene = Scene::new().await;
    let mut settings = scene.settings();
    settings.mirror.as_mut().unwrap().files = format!("http://127.0.0.1:{}", scene.server.port());
    let error = scene.refused_with(settings).await;
    assert!(error.contains("is not an https URL"), "{error}");
}
