//! Servers that answer badly.

use std::time::Duration;

use hardway_artifacts::{Credentials, ReleaseSettings};
use hardway_spec::versions;
use hardway_upstream::{Fault, Server, Validity};

use crate::scene::{QUICK, SIZE, Scene, chain};

#[tokio::test]
async fn a_file_that_is_not_there_is_named() {
    let scene = Scene::new().await;
    scene.server.keep_failing(&scene.runc, Some(Fault::Status(404)));
    let error = scene.refused().await;
    assert!(error.starts_with(&format!("{}/{} is not there (404)", scene.server.url(), scene.runc)), "{error}");
    assert_eq!(scene.asked_from().len(), 1);
}

#[tokio::test]
async fn other_bytes_are_refused_and_not_kept() {
    let scene = Scene::new().await;
    scene.server.keep_failing(&scene.runc, Some(Fault::Changed));
    let error = scene.refused().await;
    assert!(error.contains("is not what was expected: its 300000 bytes have the SHA-256"), "{error}");
    assert_eq!(scene.asked_from(), [None], "a wrong file does not become right by asking again");
}

#[tokio::test]
async fn a_body_that_is_too_short_is_refused() {
    let scene = Scene::new().await;
    scene.server.keep_failing(&scene.runc, Some(Fault::Truncated(SIZE / 2)));
    let error = scene.refused().await;
    assert!(error.contains("its 150000 bytes have the SHA-256"), "{error}");
}

#[tokio::test]
async fn who_asks_too_often_waits_as_long_as_the_server_says() {
    let scene = Scene::new().await;
    scene.server.fail(&scene.runc, [Fault::TryLater("0"), Fault::TryLater("Thu, 01 Jan 1970 00:00:00 GMT")]);
    scene.runc().await.unwrap();
    assert_eq!(scene.waits(), [Duration::ZERO, Duration::ZERO]);
    assert_eq!(scene.asked_from(), [None; 3]);
}

#[tokio::test]
async fn nobody_waits_for_an_hour() {
    let scene = Scene::new().await;
    scene.server.fail(&scene.runc, [Fault::TryLater("3600")]);
    let error = scene.refused().await;
    assert!(error.contains("off for 3600 s, which is longer than the 60 s"), "{error}");
}

#[tokio::test]
async fn a_server_that_recovers_is_asked_again() {
    let scene = Scene::new().await;
    scene.server.fail(&scene.runc, [Fault::Status(500), Fault::Status(503)]);
    scene.runc().await.unwrap();
    assert_eq!(scene.waits().len(), 2);
}

#[tokio::test]
async fn a_server_that_does_not_recover_is_given_up() {
    let scene = Scene::new().await;
    scene.server.keep_failing(&scene.runc, Some(Fault::Status(502)));
    let error = scene.refused().await;
    assert!(error.contains("after 3 attempts") && error.contains("the server answered 502 for"), "{error}");
    assert_eq!(scene.asked_from().len(), 3);
}

#[tokio::test]
async fn a_checksum_file_is_tried_as_patiently_as_the_file() {
    let scene = Scene::new().await;
    let list = scene.runc.replace("runc.amd64", "runc.sha256sum");
    scene.server.fail(&list, [Fault::Cut(10), Fault::Status(500)]);
    scene.runc().await.unwrap();
    assert_eq!(scene.server.requests_for(&list).len(), 3);
}

#[tokio::test]
async fn a_login_page_is_not_taken_for_a_program() {
    let scene = Scene::new().await;
    scene.server.keep_failing(&scene.runc, Some(Fault::WebPage));
    let error = scene.refused().await;
    assert!(error.contains("came as a web page"), "{error}");
}

#[tokio::test]
async fn a_server_that_falls_silent_is_given_up() {
    let scene = Scene::new().await;
    scene.server.keep_failing(&scene.runc, Some(Fault::Silence));
    let mut settings = scene.settings();
    settings.patience.silence = Duration::from_millis(50);
    let error = scene.refused_with(settings).await;
    assert!(error.contains("after 3 attempts") && error.contains("timed out"), "{error}");
}

#[tokio::test]
async fn a_server_that_is_not_there_is_named() {
    let scene = Scene::new().await;
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let free = format!("https://{}", listener.local_addr().unwrap());
    drop(listener);
    let mut settings = scene.settings();
    settings.mirror.as_mut().unwrap().files = free.clone();
    let error = scene.refused_with(settings).await;
    assert!(error.contains(&format!("cannot reach {free}")) && error.contains("refused"), "{error}");
}

#[tokio::test]
async fn a_redirect_to_another_host_is_followed_without_the_credentials() {
    let scene = Scene::new().await;
    let other = Server::start(scene.server.root(), &scene.authority, Validity::Now).await.unwrap();
    scene.server.require("ada", "lovelace");
    let to = format!("https://localhost:{}/{}", other.port(), scene.runc);
    scene.server.keep_failing(&scene.runc, Some(Fault::Redirect(to)));
    scene.obtain(login(&scene, "lovelace"), &["runc"]).await.unwrap();
    let [request] = &other.requests()[..] else { panic!("{:?}", other.requests()) };
    assert_eq!(request.header("authorization"), None);
    let here = scene.server.requests();
    assert!(here.iter().all(|request| request.credentials() == Some(("ada".to_owned(), "lovelace".to_owned()))));
}

#[tokio::test]
async fn a_redirect_away_from_https_is_not_followed() {
    let scene = Scene::new().await;
    let to = format!("http://127.0.0.1:{}/runc?token=secret", scene.server.port());
    scene.server.keep_failing(&scene.runc, Some(Fault::Redirect(to)));
    let error = scene.refused().await;
    assert!(error.contains("redirects to http://127.0.0.1:") && error.contains("is not followed"), "{error}");
    assert!(!error.contains("secret"), "{error}");
}

#[tokio::test]
async fn a_circle_of_redirects_ends() {
    let scene = Scene::new().await;
    let to = format!("{}/{}", scene.server.url(), scene.runc);
    scene.server.keep_failing(&scene.runc, Some(Fault::Redirect(to)));
    let error = scene.refused().await;
    assert!(error.contains("redirects more than 10 times"), "{error}");
}

#[tokio::test]
async fn a_mirror_that_wants_a_password_is_told_it_and_nobody_else_is() {
    let scene = Scene::new().await;
    scene.server.require("ada", "lovelace");
    let error = scene.refused().await;
    assert!(error.contains("(401)") && error.contains("HARDWAY_MIRROR_USERNAME"), "{error}");
    let wrong = login(&scene, "byron");
    assert!(!format!("{wrong:?}").contains("byron"));
    let error = scene.refused_with(wrong).await;
    assert!(error.contains("does not accept") && !error.contains("byron"), "{error}");
    scene.obtain(login(&scene, "lovelace"), &["runc"]).await.unwrap();
}

#[tokio::test]
async fn a_list_without_the_file_is_refused() {
    let scene = Scene::new().await;
    let list = scene.server.root().join(scene.runc.replace("runc.amd64", "runc.sha256sum"));
    std::fs::write(list, "nothing here\n").unwrap();
    let error = scene.refused().await;
    assert!(error.contains("/runc.sha256sum has no line for runc.amd64"), "{error}");
}

#[tokio::test]
async fn an_archive_that_lacks_a_program_is_refused() {
    let scene = Scene::new().await;
    let ctr = scene.file("ctr", b"ctr");
    scene.publisher.containerd(versions::CONTAINERD, &[("ctr", ctr.as_std_path())]).unwrap();
    let error = scene.obtain(scene.settings(), &["ctr", "containerd"]).await.unwrap_err();
    assert!(chain(&error).contains("does not hold bin/containerd"), "{error}");
    scene.nothing_is_stored();
}

#[tokio::test]
async fn two_at_once_download_everything_once() {
    let scene = Scene::new().await;
    let (one, other) = tokio::join!(scene.runc(), scene.runc());
    assert_eq!(one.unwrap(), other.unwrap());
    assert_eq!(scene.asked_from(), [None]);
}

fn login(scene: &Scene, password: &str) -> ReleaseSettings {
    let credentials = Credentials { username: "ada".to_owned(), password: password.into() };
    ReleaseSettings { credentials: Some(credentials), patience: QUICK, ..scene.settings() }
}
