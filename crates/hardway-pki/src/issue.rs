//! Issues one certificate.

use aws_lc_rs::rand;
use hardway_spec::{KeyAlgorithm, Pki, Subject};
use jiff::Timestamp;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, DnValue, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, PKCS_RSA_SHA256, RsaKeySize, SanType, SerialNumber,
};
use time::{Duration, OffsetDateTime};
use zeroize::{Zeroize, Zeroizing};

use crate::{AlternativeName, CertificateProfile, Identity, KeyPair, KeyUsage, PkiError, inspect};

/// How long before its issue a certificate becomes valid: machines whose clocks are behind must accept it at once.
/// As long as cfssl's own default.
const BACKDATE: Duration = Duration::minutes(5);

/// In bytes: more than the 64 bits of randomness that CAs must use (CA/Browser Forum, 7.1), less than RFC 5280's 20.
const SERIAL_LENGTH: usize = 16;

/// Issues a certificate over a new key. `authority` signs it, or else its own key does.
///
/// A certificate never outlives its authority.
///
/// # Errors
/// [`PkiError`] where the authority's key pair cannot be read, or its validity is no date.
pub fn issue(
    profile: &CertificateProfile,
    pki: &Pki,
    authority: Option<&KeyPair>,
    now: Timestamp,
) -> Result<KeyPair, PkiError> {
    let identity = &profile.identity;
    let generated = match pki.algorithm {
        KeyAlgorithm::Rsa2048 => rcgen::KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048),
        KeyAlgorithm::EcdsaP256 => rcgen::KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256),
    };
    let key = WipedKey(generated.map_err(|source| PkiError::Generate { identity: identity.clone(), source })?);
    let certificate = certify(profile, pki, &key, authority, now)?;
    Ok(KeyPair { certificate, key: Zeroizing::new(key.0.serialize_pem()) })
}

/// Issues a certificate anew over the key that `existing` has.
///
/// # Errors
/// As [`issue`], and where the existing key cannot be read.
pub fn renew(
    profile: &CertificateProfile,
    pki: &Pki,
    existing: &KeyPair,
    authority: Option<&KeyPair>,
    now: Timestamp,
) -> Result<KeyPair, PkiError> {
    let key = read_key(&profile.identity, &existing.key)?;
    let certificate = certify(profile, pki, &key, authority, now)?;
    Ok(KeyPair { certificate, key: existing.key.clone() })
}

/// rcgen's key pair, which does not wipe itself.
pub(crate) struct WipedKey(pub(crate) rcgen::KeyPair);

impl Drop for WipedKey {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

pub(crate) fn read_key(identity: &Identity, pem: &str) -> Result<WipedKey, PkiError> {
    rcgen::KeyPair::from_pem(pem).map(WipedKey).map_err(|source| PkiError::Key { identity: identity.clone(), source })
}

fn certify(
    profile: &CertificateProfile,
    pki: &Pki,
    key: &WipedKey,
    authority: Option<&KeyPair>,
    now: Timestamp,
) -> Result<String, PkiError> {
    let identity = &profile.identity;
    let sign = |source| PkiError::Sign { identity: identity.clone(), source };
    let mut params = parameters(profile, pki, now)?;
    let Some(authority) = authority else {
        return Ok(params.self_signed(&key.0).map_err(sign)?.pem());
    };
    let unreadable = |source| PkiError::Certificate { identity: identity.clone(), source };
    let limit = inspect(&authority.certificate).map_err(unreadable)?.not_after;
    params.not_after = params.not_after.min(date(limit).ok_or_else(|| no_date(profile))?);
    params.use_authority_key_identifier_extension = true;
    let authority_key = read_key(identity, &authority.key)?;
    let issuer = Issuer::from_ca_cert_pem(&authority.certificate, &authority_key.0).map_err(sign)?;
    Ok(params.signed_by(&key.0, &issuer).map_err(sign)?.pem())
}

fn parameters(profile: &CertificateProfile, pki: &Pki, now: Timestamp) -> Result<CertificateParams, PkiError> {
    let identity = &profile.identity;
    let sign = |source| PkiError::Sign { identity: identity.clone(), source };
    let mut params = CertificateParams::default();
    params.not_before = date(now).and_then(|now| now.checked_sub(BACKDATE)).ok_or_else(|| no_date(profile))?;
    params.not_after =
        params.not_before.checked_add(Duration::days(profile.validity_days.into())).ok_or_else(|| no_date(profile))?;
    params.serial_number = Some(serial(identity)?);
    params.distinguished_name = subject(profile, &pki.subject).map_err(sign)?;
    for name in &profile.names {
        params.subject_alt_names.push(match name {
            AlternativeName::Dns(name) => SanType::DnsName(name.as_str().try_into().map_err(sign)?),
            AlternativeName::Address(address) => SanType::IpAddress(*address),
        });
    }
    // Without the extension, rcgen would also leave out the subject key identifier.
    params.is_ca = if profile.is_authority() { IsCa::Ca(BasicConstraints::Constrained(0)) } else { IsCa::ExplicitNoCa };
    for usage in profile.usage.key_usages(pki.algorithm) {
        match usage {
            KeyUsage::DigitalSignature => params.key_usages.push(KeyUsagePurpose::DigitalSignature),
            KeyUsage::KeyEncipherment => params.key_usages.push(KeyUsagePurpose::KeyEncipherment),
            KeyUsage::CertSign => params.key_usages.push(KeyUsagePurpose::KeyCertSign),
            KeyUsage::CrlSign => params.key_usages.push(KeyUsagePurpose::CrlSign),
            KeyUsage::ServerAuth => params.extended_key_usages.push(ExtendedKeyUsagePurpose::ServerAuth),
            KeyUsage::ClientAuth => params.extended_key_usages.push(ExtendedKeyUsagePurpose::ClientAuth),
            KeyUsage::Other(_) => unreachable!("no usage of ours has others"),
        }
    }
    Ok(params)
}

fn subject(profile: &CertificateProfile, subject: &Subject) -> Result<DistinguishedName, rcgen::Error> {
    let mut name = DistinguishedName::new();
    // RFC 5280 (appendix A.1, X520countryName) has the country as a PrintableString, unlike the other fields.
    name.push(DnType::CountryName, DnValue::PrintableString(subject.country.as_str().try_into()?));
    for (field, value) in [
        (DnType::StateOrProvinceName, &subject.state),
        (DnType::LocalityName, &subject.locality),
        (DnType::OrganizationName, &profile.organization),
        (DnType::OrganizationalUnitName, &subject.organizational_unit),
        (DnType::CommonName, &profile.common_name),
    ] {
        name.push(field, value.as_str());
    }
    Ok(name)
}

fn serial(identity: &Identity) -> Result<SerialNumber, PkiError> {
    let mut bytes = [0; SERIAL_LENGTH];
    rand::fill(&mut bytes).map_err(|_| PkiError::Random { identity: identity.clone() })?;
    Ok(SerialNumber::from_slice(&bytes))
}

fn date(timestamp: Timestamp) -> Option<OffsetDateTime> {
    OffsetDateTime::from_unix_timestamp(timestamp.as_second()).ok()
}

fn no_date(profile: &CertificateProfile) -> PkiError {
    PkiError::Date { identity: profile.identity.clone(), days: profile.validity_days }
}
