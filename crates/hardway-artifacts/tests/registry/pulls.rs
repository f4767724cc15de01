//! What comes is what was pushed.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use hardway_artifacts::Error;
use hardway_artifacts::registry::extract;
use hardway_test_registry::{Door, Setup};
use serde_json::Value;

use crate::image::{Layer, Packing, push, push_index};
use crate::stand::{IMAGE, Stand, files};

fn layers(program: &str) -> [Layer; 2] {
    [
        Layer {
            packing: Packing::Gzip,
            files: vec![
                ("opt/cni/bin/calico", format!("old {program}").into_bytes(), 0o755),
                ("opt/cni/bin/gone", b"gone".to_vec(), 0o755),
                ("etc/kept", b"kept".to_vec(), 0o640),
            ],
        },
        Layer {
            packing: Packing::Zstd,
            files: vec![
                ("opt/cni/bin/calico", format!("new {program}").into_bytes(), 0o755),
                ("opt/cni/bin/.wh.gone", Vec::new(), 0o644),
            ],
        },
    ]
}

#[tokio::test]
async fn an_image_of_two_platforms_comes_for_the_one_asked_for() {
    let stand = Stand::new(Setup::default());
    let amd64 = push(&stand.registry, IMAGE, "amd64", &layers("amd64")).await;
    let arm64 = push(&stand.registry, IMAGE, "arm64", &layers("arm64")).await;
    let index = push_index(&stand.registry, IMAGE, &[("amd64", &amd64), ("arm64", &arm64)]).await;

    for (architecture, image) in [("amd64", &amd64), ("arm64", &arm64)] {
        let resolved = stand.client().resolve(IMAGE, architecture, &|_| {}).await.unwrap();
        assert_eq!(resolved.reference, IMAGE);
        assert_eq!(resolved.digest, image.digest());
        assert_eq!(resolved.index.as_ref(), Some(&index));

        let pulled = stand.pull(&resolved.digest, architecture).await.unwrap();
        assert_eq!(pulled.manifest_digest, image.digest());
        let files = files(&pulled.archive);
        let root: Value = serde_json::from_slice(&files["index.json"]).unwrap();
        let root = &root["manifests"][0];
        assert_eq!(root["annotations"]["io.containerd.image.name"], IMAGE);
        assert_eq!(root["annotations"]["org.opencontainers.image.ref.name"], "2.66.1");
        assert_eq!(root["platform"]["architecture"], architecture);
        assert_eq!(root["digest"], image.digest());
        assert_eq!(files[&format!("blobs/{}", image.digest().replace(':', "/"))], image.manifest);
        for (sha256, bytes) in image.layers.iter().zip(&image.packed) {
            assert_eq!(&files[&format!("blobs/sha256/{sha256}")], bytes, "a layer stays as it was");
        }
        assert!(files.values().all(|bytes| !String::from_utf8_lossy(bytes).contains(stand.registry.address())));
    }
}

#[tokio::test]
async fn the_same_image_gives_the_same_archive() {
    let stand = Stand::new(Setup::default());
    let image = push(&stand.registry, IMAGE, "amd64", &layers("amd64")).await;
    let one = stand.pull(&image.digest(), "amd64").await.unwrap();
    let bytes = fs::read(&one.archive).unwrap();
    let other = stand.pull(&image.digest(), "amd64").await.unwrap();
    assert!(fs::read(other.archive).unwrap() == bytes);
    assert_eq!(fs::read_dir(stand.pulled()).unwrap().count(), 1);
}

#[tokio::test]
async fn an_image_without_an_index_is_found_by_its_configuration() {
    let stand = Stand::new(Setup::default());
    let image = push(&stand.registry, IMAGE, "arm64", &layers("arm64")).await;
    let resolved = stand.client().resolve(IMAGE, "arm64", &|_| {}).await.unwrap();
    assert_eq!((resolved.digest, resolved.index), (image.digest(), None));
    let error = stand.client().resolve(IMAGE, "amd64", &|_| {}).await.unwrap_err();
    let Error::ImagePlatform { found, .. } = error else { panic!("{error}") };
    assert_eq!(found, ["linux/arm64"]);
}

#[tokio::test]
async fn files_come_out_of_an_image_as_it_would_run() {
    let stand = Stand::new(Setup::default());
    let image = push(&stand.registry, IMAGE, "amd64", &layers("amd64")).await;
    let archive = stand.pull(&image.digest(), "amd64").await.unwrap().archive;

    let program = stand.path("calico");
    extract(&archive, "/opt/cni/bin/calico", &program).unwrap();
    assert_eq!(fs::read_to_string(&program).unwrap(), "new amd64");
    assert_eq!(fs::metadata(&program).unwrap().permissions().mode() & 0o777, 0o755);
    let kept = stand.path("kept");
    extract(&archive, "etc/kept", &kept).unwrap();
    assert_eq!(fs::read_to_string(&kept).unwrap(), "kept");
    assert_eq!(fs::metadata(&kept).unwrap().permissions().mode() & 0o777, 0o644);

    let error = extract(&archive, "/opt/cni/bin/gone", &stand.path("gone")).unwrap_err();
    assert!(matches!(error, Error::NotInImage { .. }), "{error}");
    assert!(!stand.path("gone").exists());
}

#[tokio::test]
async fn a_user_with_the_password_is_let_in() {
    let stand = Stand::new(Setup { door: Door::Password, ..Setup::default() });
    let image = push(&stand.registry, IMAGE, "amd64", &layers("amd64")).await;
    let resolved = stand.client().resolve(IMAGE, "amd64", &|_| {}).await.unwrap();
    assert_eq!(stand.pull(&resolved.digest, "amd64").await.unwrap().manifest_digest, image.digest());
}

#[tokio::test]
async fn a_token_is_got_for_reading_where_the_registry_wants_one() {
    let stand = Stand::new(Setup { door: Door::Token, ..Setup::default() });
    let image = push(&stand.registry, IMAGE, "amd64", &layers("amd64")).await;
    let pushed = stand.registry.scopes().len();
    let resolved = stand.client().resolve(IMAGE, "amd64", &|_| {}).await.unwrap();
    assert_eq!(stand.pull(&resolved.digest, "amd64").await.unwrap().manifest_digest, image.digest());
    let scopes = stand.registry.scopes().split_off(pushed);
    assert!(!scopes.is_empty());
    for scope in scopes {
        assert_eq!(scope, "repository:k8s/registry.k8s.io/e2e-test-images/agnhost:pull");
    }
}

#[tokio::test]
async fn an_archive_can_be_pushed_again_under_upstreams_name() {
    let stand = Stand::new(Setup::default());
    let image = push(&stand.registry, IMAGE, "amd64", &layers("amd64")).await;
    let archive = stand.pull(&image.digest(), "amd64").await.unwrap().archive;
    let other = "docker.io/calico/node:v3.28.5";
    stand.registry.push(archive.as_std_path(), other).await;
    assert_eq!(stand.client().resolve(other, "amd64", &|_| {}).await.unwrap().digest, image.digest());
}
