//! A certificate authority for one server.

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};

/// In PEM, where nothing else is said.
pub(crate) struct Served {
    pub(crate) authority: String,
    pub(crate) certificate: String,
    pub(crate) certificate_der: Vec<u8>,
    pub(crate) key: String,
    /// PKCS #8.
    pub(crate) key_der: Vec<u8>,
}

/// A new authority and what it signed for `127.0.0.1`, which may have ended years ago.
pub(crate) fn certify(expired: bool) -> Served {
    let authority_key = KeyPair::generate().expect("a key can be made");
    let mut authority = CertificateParams::default();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    authority.distinguished_name.push(DnType::CommonName, "test registry's authority");
    let authority_certificate = authority.self_signed(&authority_key).expect("its own key fits");
    let issuer = Issuer::new(authority, authority_key);

    let key = KeyPair::generate().expect("a key can be made");
    let mut server = CertificateParams::new(["127.0.0.1".to_owned()]).expect("an address is a name");
    server.distinguished_name.push(DnType::CommonName, "test registry");
    server.extended_key_usages.push(rcgen::ExtendedKeyUsagePurpose::ServerAuth);
    if expired {
        server.not_before = date_time_ymd(2020, 1, 1);
        server.not_after = date_time_ymd(2021, 1, 1);
    }
    let certificate = server.signed_by(&key, &issuer).expect("the authority can sign");
    Served {
        authority: authority_certificate.pem(),
        certificate: certificate.pem(),
        certificate_der: certificate.der().to_vec(),
        key: key.serialize_pem(),
        key_der: key.serialize_der(),
    }
}
