//! What a certificate that exists says.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use aws_lc_rs::digest;
use hardway_spec::KeyAlgorithm;
use jiff::Timestamp;
use serde::Serialize;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::oid_registry::{OID_EC_P256, OID_KEY_TYPE_EC_PUBLIC_KEY, OID_PKCS1_RSAENCRYPTION};
use x509_parser::pem::{Pem, parse_x509_pem};
use x509_parser::public_key::PublicKey;
use x509_parser::time::ASN1Time;
use x509_parser::x509::{AttributeTypeAndValue, SubjectPublicKeyInfo, X509Name};

use crate::error::ReadError;
use crate::{AlternativeName, KeyUsage};

/// A certificate, read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CertificateInfo {
    pub subject: Name,
    pub issuer: Name,
    pub names: Vec<AlternativeName>,
    pub key_usages: BTreeSet<KeyUsage>,
    /// Whether its basic constraints let it sign certificates.
    pub is_authority: bool,
    /// `None` for a kind of key that hardway does not make.
    pub algorithm: Option<KeyAlgorithm>,
    pub not_before: Timestamp,
    pub not_after: Timestamp,
    /// Lower-case hexadecimal.
    pub serial: String,
    /// SHA-256 of the certificate (its DER form), lower-case hexadecimal.
    pub sha256: String,
}

/// A distinguished name; a field that is absent is empty.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Name {
    pub country: String,
    pub state: String,
    pub locality: String,
    pub organization: String,
    pub organizational_unit: String,
    pub common_name: String,
}

/// Reads the first certificate of a PEM text.
///
/// # Errors
/// [`ReadError`] where the text is not a certificate.
pub fn inspect(certificate: &str) -> Result<CertificateInfo, ReadError> {
    let pem = parse_pem(certificate)?;
    info(&parse_certificate(&pem)?)
}

/// The certificate's SubjectPublicKeyInfo, DER.
pub(crate) fn public_key(certificate: &str) -> Result<Vec<u8>, ReadError> {
    let pem = parse_pem(certificate)?;
    Ok(parse_certificate(&pem)?.public_key().raw.to_vec())
}

pub(crate) fn parse_pem(text: &str) -> Result<Pem, ReadError> {
    let (_, pem) = parse_x509_pem(text.as_bytes()).map_err(|error| {
        ReadError::Pem(match error {
            x509_parser::nom::Err::Error(error) | x509_parser::nom::Err::Failure(error) => error,
            x509_parser::nom::Err::Incomplete(_) => x509_parser::error::PEMError::IncompletePEM,
        })
    })?;
    if pem.label != "CERTIFICATE" {
        return Err(ReadError::Label { label: pem.label });
    }
    Ok(pem)
}

pub(crate) fn parse_certificate(pem: &Pem) -> Result<X509Certificate<'_>, ReadError> {
    pem.parse_x509().map_err(ReadError::Der)
}

pub(crate) fn info(certificate: &X509Certificate<'_>) -> Result<CertificateInfo, ReadError> {
    Ok(CertificateInfo {
        subject: name(certificate.subject()),
        issuer: name(certificate.issuer()),
        names: names(certificate)?,
        key_usages: key_usages(certificate)?,
        is_authority: certificate.basic_constraints().map_err(ReadError::Extension)?.is_some_and(|it| it.value.ca),
        algorithm: algorithm(certificate.public_key()),
        not_before: timestamp(certificate.validity().not_before)?,
        not_after: timestamp(certificate.validity().not_after)?,
        serial: hexadecimal(&certificate.serial.to_bytes_be()),
        sha256: hexadecimal(digest::digest(&digest::SHA256, certificate.as_raw()).as_ref()),
    })
}

fn name(name: &X509Name<'_>) -> Name {
    fn first<'a>(mut values: impl Iterator<Item = &'a AttributeTypeAndValue<'a>>) -> String {
        values.next().and_then(|value| value.as_str().ok()).unwrap_or_default().to_owned()
    }
    Name {
        country: first(name.iter_country()),
        state: first(name.iter_state_or_province()),
        locality: first(name.iter_locality()),
        organization: first(name.iter_organization()),
        organizational_unit: first(name.iter_organizational_unit()),
        common_name: first(name.iter_common_name()),
    }
}

fn names(certificate: &X509Certificate<'_>) -> Result<Vec<AlternativeName>, ReadError> {
    let extension = certificate.subject_alternative_name().map_err(ReadError::Extension)?;
    let general_names = extension.iter().flat_map(|extension| &extension.value.general_names);
    Ok(general_names
        .filter_map(|general_name| match general_name {
            GeneralName::DNSName(name) => Some(AlternativeName::Dns((*name).to_owned())),
            GeneralName::IPAddress(bytes) => address(bytes).map(AlternativeName::Address),
            _ => None,
        })
        .collect())
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    if let Ok(octets) = <[u8; 4]>::try_from(bytes) {
        return Some(Ipv4Addr::from(octets).into());
    }
    <[u8; 16]>::try_from(bytes).ok().map(|octets| Ipv6Addr::from(octets).into())
}

fn key_usages(certificate: &X509Certificate<'_>) -> Result<BTreeSet<KeyUsage>, ReadError> {
    let mut usages = BTreeSet::new();
    let mut add = |present: bool, usage: KeyUsage| {
        if present {
            usages.insert(usage);
        }
    };
    let other = |name: &str| KeyUsage::Other(name.to_owned());
    if let Some(extension) = certificate.key_usage().map_err(ReadError::Extension)? {
        let usage = extension.value;
        add(usage.digital_signature(), KeyUsage::DigitalSignature);
        add(usage.key_encipherment(), KeyUsage::KeyEncipherment);
        add(usage.key_cert_sign(), KeyUsage::CertSign);
        add(usage.crl_sign(), KeyUsage::CrlSign);
        add(usage.non_repudiation(), other("content commitment"));
        add(usage.data_encipherment(), other("data encipherment"));
        add(usage.key_agreement(), other("key agreement"));
        add(usage.encipher_only(), other("encipher only"));
        add(usage.decipher_only(), other("decipher only"));
    }
    if let Some(extension) = certificate.extended_key_usage().map_err(ReadError::Extension)? {
        let usage = extension.value;
        add(usage.server_auth, KeyUsage::ServerAuth);
        add(usage.client_auth, KeyUsage::ClientAuth);
        add(usage.any, other("any"));
        add(usage.code_signing, other("code signing"));
        add(usage.email_protection, other("email protection"));
        add(usage.time_stamping, other("timestamping"));
        add(usage.ocsp_signing, other("ocsp signing"));
        for oid in &usage.other {
            add(true, KeyUsage::Other(oid.to_id_string()));
        }
    }
    Ok(usages)
}

fn algorithm(key: &SubjectPublicKeyInfo<'_>) -> Option<KeyAlgorithm> {
    let kind = &key.algorithm.algorithm;
    if *kind == OID_PKCS1_RSAENCRYPTION {
        return match key.parsed() {
            Ok(PublicKey::RSA(key)) if key.key_size() == 2048 => Some(KeyAlgorithm::Rsa2048),
            _ => None,
        };
    }
    let curve = key.algorithm.parameters.as_ref().and_then(|parameters| parameters.as_oid().ok());
    (*kind == OID_KEY_TYPE_EC_PUBLIC_KEY && curve == Some(OID_EC_P256)).then_some(KeyAlgorithm::EcdsaP256)
}

fn timestamp(time: ASN1Time) -> Result<Timestamp, ReadError> {
    Timestamp::from_second(time.timestamp()).map_err(ReadError::Date)
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
