//! What vouches for a file, and what does not.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use camino::Utf8PathBuf;
use hardway_artifacts::{Error, ReleaseError, ReleaseSettings, ShippedDigests};
use hardway_spec::{Trust, versions};
use sha2::{Digest, Sha512};

use crate::scene::{Scene, chain};

/// Stands for `cosign`: accepts what bears the right names and the signature that the tests write, and remembers how it
/// was called.
const COSIGN: &str = r#"#!/bin/sh
echo "$@" >> "$0.calls"
[ "$1" = verify-blob ] && [ "$3" = --signature ] && [ "$5" = --certificate ] || exit 2
[ "$7 $8" = "--certificate-identity krel-staging@k8s-releng-prod.iam.gserviceaccount.com" ] || exit 3
[ "$9" = --certificate-oidc-issuer ] && [ "${10}" = https://accounts.google.com ] || exit 4
[ "$(cat "$6")" = certificate ] || { echo "no certificate" >&2; exit 5; }
[ "$(cat "$4")" = "signature of $(wc -c < "$2")" ] || { echo "Error: invalid signature" >&2; exit 1; }
"#;

struct Signed {
    scene: Scene,
    cosign: Utf8PathBuf,
    tarball: String,
}

impl Signed {
    async fn new() -> Self {
        let scene = Scene::new().await;
        let cosign = scene.file("cosign", COSIGN.as_bytes());
        fs::set_permissions(&cosign, fs::Permissions::from_mode(0o755)).unwrap();
        let kubelet = scene.file("kubelet", b"kubelet");
        let tarball = scene.publisher.kubernetes(versions::KUBERNETES, &[("kubelet", kubelet.as_std_path())]).unwrap();
        let size = fs::metadata(scene.server.root().join(&tarball)).unwrap().len();
        let this = Self { scene, cosign, tarball };
        this.write(".sig", &format!("signature of {size}\n"));
        this.write(".cert", "certificate\n");
        this
    }

    fn write(&self, suffix: &str, text: &str) {
        fs::write(self.scene.server.root().join(format!("{}{suffix}", self.tarball)), text).unwrap();
    }

    fn remove(&self, suffix: &str) {
        fs::remove_file(self.scene.server.root().join(format!("{}{suffix}", self.tarball))).unwrap();
    }

    fn settings(&self, require: Trust) -> ReleaseSettings {
        ReleaseSettings { require, cosign: Some(self.cosign.clone()), ..self.scene.settings() }
    }

    async fn reached(&self, settings: ReleaseSettings) -> Result<Trust, Error> {
        let catalog = self.scene.obtain(settings, &["kubelet"]).await?;
        Ok(catalog.binaries["kubelet"].provenance.trust)
    }

    fn calls(&self) -> usize {
        fs::read_to_string(format!("{}.calls", self.cosign)).unwrap_or_default().lines().count()
    }

    fn downloads(&self) -> usize {
        self.scene.server.requests_for(&self.tarball).len()
    }
}

#[tokio::test]
async fn a_signature_that_cosign_accepts_is_recorded() {
    let signed = Signed::new().await;
    assert_eq!(signed.reached(signed.settings(Trust::Signature)).await.unwrap(), Trust::Signature);
    assert_eq!(signed.calls(), 1);
    let again = signed.reached(signed.settings(Trust::Signature)).await.unwrap();
    assert_eq!((again, signed.calls(), signed.downloads()), (Trust::Signature, 1, 1), "it was checked when it came");
}

#[tokio::test]
async fn a_signature_that_cosign_does_not_accept_is_refused_whatever_is_asked_for() {
    let signed = Signed::new().await;
    signed.write(".sig", "something else");
    let error = signed.reached(signed.settings(Trust::FirstUse)).await.unwrap_err();
    let text = chain(&error);
    assert!(text.contains("verify the signature of https://") && text.contains("invalid signature"), "{text}");
    signed.scene.nothing_is_stored();
    signed.scene.nothing_is_kept();
}

#[tokio::test]
async fn without_cosign_no_signature_is_claimed() {
    let signed = Signed::new().await;
    assert_eq!(signed.reached(signed.scene.settings()).await.unwrap(), Trust::Checksum);
    let require = ReleaseSettings { require: Trust::Signature, ..signed.scene.settings() };
    let error = signed.reached(require).await.unwrap_err();
    let Error::Release(ReleaseError::TooLittleTrust { artifact, reached, required, .. }) = &error else {
        panic!("{error:?}")
    };
    assert_eq!((artifact.as_str(), *reached, *required), ("kubelet", Trust::Checksum, Trust::Signature));
    assert!(error.to_string().contains("where `cosign` is installed"), "{error}");
    assert_eq!(signed.downloads(), 1, "what cannot be good enough is not downloaded");
    // With cosign there, what was taken on its checksum's word is taken anew.
    assert_eq!(signed.reached(signed.settings(Trust::Signature)).await.unwrap(), Trust::Signature);
    assert_eq!((signed.downloads(), signed.calls()), (2, 1));
}

#[tokio::test]
async fn half_a_signature_is_none() {
    for missing in [".sig", ".cert"] {
        let signed = Signed::new().await;
        signed.remove(missing);
        assert!(signed.reached(signed.settings(Trust::Signature)).await.is_err());
        assert_eq!(signed.reached(signed.settings(Trust::Checksum)).await.unwrap(), Trust::Checksum);
        assert_eq!(signed.calls(), 0);
    }
}

#[tokio::test]
async fn a_digest_that_was_shipped_needs_nothing_else() {
    let signed = Signed::new().await;
    let bytes = fs::read(signed.scene.server.root().join(&signed.tarball)).unwrap();
    let digest = hex::encode(Sha512::digest(bytes));
    let upstream = format!("https://{}", signed.tarball);
    let settings = || ReleaseSettings {
        shipped: ShippedDigests::of([(upstream.clone(), digest.clone())]),
        ..signed.settings(Trust::Shipped)
    };
    assert_eq!(signed.reached(settings()).await.unwrap(), Trust::Shipped);
    assert_eq!(signed.scene.server.requests().len(), 1, "no checksum file, no signature");
    assert_eq!(signed.reached(settings()).await.unwrap(), Trust::Shipped);
    assert_eq!(signed.scene.server.requests().len(), 1, "and no network at all the second time");
}

#[tokio::test]
async fn a_checksum_file_does_not_outvote_a_shipped_digest() {
    let signed = Signed::new().await;
    let shipped = ShippedDigests::of([(format!("https://{}", signed.tarball), "ab".repeat(64))]);
    let settings = ReleaseSettings { shipped, ..signed.settings(Trust::FirstUse) };
    let error = signed.reached(settings).await.unwrap_err();
    assert!(chain(&error).contains("is not what was expected"), "{error}");
    signed.scene.nothing_is_stored();
}

#[tokio::test]
async fn without_a_checksum_file_the_first_use_decides_and_more_is_refused() {
    let scene = Scene::new().await;
    fs::remove_file(scene.server.root().join(scene.runc.replace("runc.amd64", "runc.sha256sum"))).unwrap();
    let strict = ReleaseSettings { require: Trust::Checksum, ..scene.settings() };
    let error = scene.refused_with(strict).await;
    assert!(error.contains("runc is vouched for by `first-use`") && error.contains("asks for `checksum`"), "{error}");
    let catalog = scene.runc().await.unwrap();
    assert_eq!(catalog.binaries["runc"].provenance.trust, Trust::FirstUse);
}

#[tokio::test]
async fn a_project_without_signatures_is_refused_where_one_is_asked_for() {
    let signed = Signed::new().await;
    let error = signed.scene.refused_with(signed.settings(Trust::Signature)).await;
    assert!(error.contains("this project publishes no signature that hardway can check"), "{error}");
}
