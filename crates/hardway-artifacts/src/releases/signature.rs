//! Upstream's signatures, checked by the `cosign` program.

use camino::Utf8Path;
use tokio::process::Command;

use crate::Error;
use crate::process::{self, Line};

/// Who signs without a key of their own: an identity, and who vouches for it.
#[derive(Debug)]
pub(crate) struct Keyless {
    pub(super) identity: &'static str,
    pub(super) issuer: &'static str,
}

/// <https://kubernetes.io/docs/tasks/administer-cluster/verify-signed-artifacts/>: every tarball of a release is signed,
/// and signature and certificate lie beside it.
pub(crate) const KUBERNETES_RELEASES: Keyless =
    Keyless { identity: "krel-staging@k8s-releng-prod.iam.gserviceaccount.com", issuer: "https://accounts.google.com" };

/// What the signature's and the certificate's addresses end with.
pub(crate) const SIGNATURE: &str = ".sig";
pub(crate) const CERTIFICATE: &str = ".cert";

/// A file with its signature and its certificate, all on disk.
#[derive(Debug)]
pub(crate) struct Signed<'a> {
    pub(crate) url: &'a str,
    pub(crate) file: &'a Utf8Path,
    pub(crate) signature: &'a Utf8Path,
    pub(crate) certificate: &'a Utf8Path,
}

/// Has the signature checked.
///
/// # Errors
/// [`Error::Program`] with what `cosign` says when it does not accept it, and what starting it can fail with.
pub(crate) async fn verify(cosign: &Utf8Path, signed: &Signed<'_>, by: &Keyless) -> Result<(), Error> {
    let mut command = Command::new(cosign);
    command
        .arg("verify-blob")
        .arg(signed.file)
        .args(["--signature", signed.signature.as_str()])
        .args(["--certificate", signed.certificate.as_str()])
        .args(["--certificate-identity", by.identity])
        .args(["--certificate-oidc-issuer", by.issuer]);
    let operation = format!("verify the signature of {}", signed.url);
    process::run("cosign", &operation, &mut command, |_| Line::Message).await?;
    Ok(())
}
