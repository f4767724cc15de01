//! What registries' failures mean.

use std::io;

use oci_client::errors::{DigestError, OciDistributionError, OciErrorCode};

use super::place::Place;
use crate::Error;
use crate::fetch::cause;

/// Whether the same request may well succeed in a moment.
pub(super) fn passes(error: &OciDistributionError) -> bool {
    match error {
        OciDistributionError::RequestError(error) => !error.is_builder() && !blames_certificate(error),
        OciDistributionError::ServerError { code, .. } => matches!(code, 408 | 429 | 500..=599),
        OciDistributionError::RegistryError { .. } => has_code(error, &[OciErrorCode::Toomanyrequests]),
        _ => false,
    }
}

/// The error that people see.
pub(super) fn explain(error: OciDistributionError, place: &Place) -> Error {
    let (image, registry) = (place.image.clone(), place.registry.clone());
    let source = Box::new(error);
    match &*source {
        OciDistributionError::UnauthorizedError { .. }
        | OciDistributionError::AuthenticationFailure(_)
        | OciDistributionError::ServerError { code: 401 | 403, .. } => {
            Error::RegistryRefuses { image, registry, source }
        }
        error if has_code(error, &[OciErrorCode::Unauthorized, OciErrorCode::Denied]) => {
            Error::RegistryRefuses { image, registry, source }
        }
        OciDistributionError::ServerError { code: 404, .. } => Error::ImageMissing { image, registry, source },
        error
            if has_code(
                error,
                &[
                    OciErrorCode::ManifestUnknown,
                    OciErrorCode::ManifestBlobUnknown,
                    OciErrorCode::NameUnknown,
                    OciErrorCode::NotFound,
                    OciErrorCode::BlobUnknown,
                ],
            ) =>
        {
            Error::ImageMissing { image, registry, source }
        }
        OciDistributionError::DigestError(_) => Error::ManifestDigest { image, registry, source },
        OciDistributionError::RequestError(error) if blames_certificate(error) => {
            Error::RegistryCertificate { image, registry, source }
        }
        OciDistributionError::RequestError(error) if error.is_connect() => {
            Error::RegistryUnreachable { image, registry, source }
        }
        _ => Error::Registry { image, registry, source },
    }
}

/// The wrong digest behind a stream's error, if it is that.
pub(super) fn digest_fault(error: &io::Error) -> Option<&DigestError> {
    error.get_ref().and_then(|inner| inner.downcast_ref())
}

fn has_code(error: &OciDistributionError, codes: &[OciErrorCode]) -> bool {
    match error {
        OciDistributionError::RegistryError { envelope, .. } => {
            envelope.errors.iter().any(|error| codes.contains(&error.code))
        }
        _ => false,
    }
}

/// Whether the server's certificate is at fault: an authority nobody knows, another name, a date.
fn blames_certificate(error: &reqwest::Error) -> bool {
    matches!(cause::<rustls::Error>(error), Some(rustls::Error::InvalidCertificate(_)))
}

/// The same without what follows a question mark in addresses: registries send clients to other stores with signed
/// addresses, and whoever has one of those has the file.
pub(super) fn discreet(error: OciDistributionError) -> OciDistributionError {
    use OciDistributionError as E;
    match error {
        E::RequestError(error) => E::RequestError(error.without_url()),
        E::RegistryError { envelope, url } => E::RegistryError { envelope, url: plain(url) },
        E::ServerError { code, url, message } => E::ServerError { code, url: plain(url), message },
        E::UnauthorizedError { url } => E::UnauthorizedError { url: plain(url) },
        E::IoError(error) => match error.downcast::<reqwest::Error>() {
            Ok(error) => E::RequestError(error.without_url()),
            Err(error) => E::IoError(error),
        },
        error => error,
    }
}

fn plain(mut url: String) -> String {
    url.truncate(url.find('?').unwrap_or(url.len()));
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signed_address_is_not_told() {
        let url = "https://store.example/blob?X-Amz-Signature=secret".to_owned();
        let error = discreet(OciDistributionError::ServerError { code: 500, url, message: String::new() });
        assert_eq!(error.to_string(), "Server error: url https://store.example/blob, code: 500, message: ");
    }
}
