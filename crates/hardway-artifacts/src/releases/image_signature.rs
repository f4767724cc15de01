//! Signatures of Kubernetes' images, checked by the `cosign` program.
//!
//! Invariant: [`Verdict::Signed`] is cosign's word for this digest, and nothing else is taken for it.

use camino::Utf8Path;
use tokio::process::Command;

use super::signature::Keyless;
use crate::Error;
use crate::process::{self, Line};

/// The registry whose images are signed.
const SIGNED_REGISTRY: &str = "registry.k8s.io/";

/// <https://kubernetes.io/docs/tasks/administer-cluster/verify-signed-artifacts/>: whoever copies images into that
/// registry signs them, and the signatures lie beside them.
const KUBERNETES_IMAGES: Keyless =
    Keyless { identity: "krel-trust@k8s-releng-prod.iam.gserviceaccount.com", issuer: "https://accounts.google.com" };

/// cosign's exit status where an image has signatures and none matches (`doc/cosign_exit_codes.md` in its repository).
const NO_MATCHING_SIGNATURE: i32 = 12;

/// What a signature says of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Whoever signs Kubernetes' images has signed this digest.
    Signed,
    /// Nothing was found out.
    Unchecked,
}

/// Whether images of this name are signed in a way that hardway checks.
pub(super) fn is_signed(reference: &str) -> bool {
    reference.starts_with(SIGNED_REGISTRY)
}

/// Asks cosign whether upstream signed the image of this digest, `sha256:…`, which may be an index's. An image without
/// a signature, and a registry or a transparency log out of reach, leave it unchecked.
///
/// Images of a mirror are not asked for: cosign looks for signatures beside the image, and a mirror need not hold them.
///
/// # Errors
/// [`Error::Signature`] where there are signatures and none is upstream's, and what starting cosign can fail with.
pub(super) async fn verify(cosign: &Utf8Path, reference: &str, digest: &str) -> Result<Verdict, Error> {
    if !is_signed(reference) {
        return Ok(Verdict::Unchecked);
    }
    let image = exact(reference, digest);
    let mut command = Command::new(cosign);
    command
        .arg("verify")
        .arg(&image)
        .args(["--certificate-identity", KUBERNETES_IMAGES.identity])
        .args(["--certificate-oidc-issuer", KUBERNETES_IMAGES.issuer]);
    let operation = format!("verify the signature of {image}");
    match process::run("cosign", &operation, &mut command, |_| Line::Message).await {
        Ok(_) => Ok(Verdict::Signed),
        Err(Error::Program { status, output, .. }) if status.code() == Some(NO_MATCHING_SIGNATURE) => {
            Err(Error::Signature { image, output })
        }
        Err(Error::Program { .. }) => Ok(Verdict::Unchecked),
        Err(error) => Err(error),
    }
}

/// The reference without its tag, which may mean something else by now, and with the digest.
pub(super) fn exact(reference: &str, digest: &str) -> String {
    let slash = reference.rfind('/').unwrap_or(0);
    let repository = reference[slash..].find(':').map_or(reference, |colon| &reference[..slash + colon]);
    format!("{repository}@{digest}")
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    const PAUSE: &str = "registry.k8s.io/pause:3.10.2";

    /// Asks a program in cosign's place that writes its arguments down and ends with `status`.
    async fn ask(reference: &str, status: i32) -> (Result<Verdict, Error>, Option<String>) {
        let folder = tempfile::tempdir().unwrap();
        let (program, seen) = (folder.path().join("cosign"), folder.path().join("seen"));
        let script = format!("#!/bin/sh\necho \"$*\" >'{}'\necho 'it is so' >&2\nexit {status}\n", seen.display());
        fs::write(&program, script).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        let verdict = verify(program.as_path().try_into().unwrap(), reference, "sha256:0a").await;
        (verdict, fs::read_to_string(seen).ok())
    }

    #[tokio::test]
    async fn a_digest_that_cosign_vouches_for_is_signed() {
        let (verdict, seen) = ask(PAUSE, 0).await;
        assert_eq!(verdict.unwrap(), Verdict::Signed);
        assert_eq!(
            seen.unwrap().trim(),
            "verify registry.k8s.io/pause@sha256:0a --certificate-identity \
             krel-trust@k8s-releng-prod.iam.gserviceaccount.com --certificate-oidc-issuer https://accounts.google.com"
        );
    }

    #[tokio::test]
    async fn somebody_elses_signature_is_an_error() {
        let error = ask(PAUSE, 12).await.0.unwrap_err();
        assert!(matches!(&error, Error::Signature { image, .. } if image == "registry.k8s.io/pause@sha256:0a"));
        assert!(error.to_string().ends_with("do not use it\n  it is so"), "{error}");
    }

    #[tokio::test]
    async fn nothing_is_claimed_that_cosign_did_not_say() {
        for status in [1, 10] {
            assert_eq!(ask(PAUSE, status).await.0.unwrap(), Verdict::Unchecked);
        }
    }

    #[tokio::test]
    async fn cosign_is_not_asked_where_it_cannot_know() {
        let (verdict, seen) = ask("docker.io/calico/node:v3.28.5", 0).await;
        assert_eq!((verdict.unwrap(), seen), (Verdict::Unchecked, None));
    }

    #[test]
    fn a_port_is_not_taken_for_a_tag() {
        assert_eq!(exact("localhost:5000/pause", "sha256:0a"), "localhost:5000/pause@sha256:0a");
    }
}
