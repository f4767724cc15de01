//! Who signed what.

use x509_parser::certificate::X509Certificate;

use crate::error::ReadError;
use crate::inspect::{parse_certificate, parse_pem};

/// Whether the first certificate of one PEM text was signed by that of another, which names it as its issuer.
///
/// # Errors
/// [`ReadError`] where either is not a certificate.
pub fn is_signed_by(certificate: &str, authority: &str) -> Result<bool, ReadError> {
    let (certificate, authority) = (parse_pem(certificate)?, parse_pem(authority)?);
    Ok(signed_by(&parse_certificate(&certificate)?, &parse_certificate(&authority)?))
}

pub(crate) fn signed_by(certificate: &X509Certificate<'_>, authority: &X509Certificate<'_>) -> bool {
    certificate.issuer() == authority.subject() && certificate.verify_signature(Some(authority.public_key())).is_ok()
}

#[cfg(test)]
mod tests {
    use hardway_spec::KeyAlgorithm;

    use super::*;
    use crate::{Bundle, FormerNames, Identity, complete};

    fn bundle() -> Bundle {
        let text = "apiVersion: hardway/v1alpha1\nkind: Cluster\nmetadata: {name: test}\nspec:\n  machines:\n    \
                    - {name: cp1, address: 192.0.2.11, roles: [control-plane]}\n";
        let mut cluster = hardway_spec::parse(text, "cluster.yaml").unwrap();
        cluster.spec.pki.algorithm = KeyAlgorithm::EcdsaP256;
        let mut bundle = Bundle::default();
        complete(&cluster, &mut bundle, FormerNames::Kept, "2026-01-01T00:00:00Z".parse().unwrap()).unwrap();
        bundle
    }

    #[test]
    fn only_the_authority_that_signed_counts_however_alike_another_is_called() {
        let (ours, theirs) = (bundle(), bundle());
        let certificate = |bundle: &Bundle, identity: &Identity| bundle.get(identity).unwrap().certificate.clone();
        let leaf = certificate(&ours, &Identity::ApiServer);
        let signed_by = |bundle, identity| is_signed_by(&leaf, &certificate(bundle, &identity)).unwrap();
        assert!(signed_by(&ours, Identity::ClusterAuthority));
        assert!(!signed_by(&theirs, Identity::ClusterAuthority));
        assert!(!signed_by(&ours, Identity::EtcdAuthority));
    }
}
