//! What can go wrong with certificates.

use crate::{Identity, Reason};

#[derive(Debug, thiserror::Error)]
pub enum PkiError {
    #[error("certificate {identity} is not a PEM certificate that can be read")]
    Certificate { identity: Identity, source: ReadError },
    #[error("key {identity} is not a PEM private key that can be read")]
    Key { identity: Identity, source: rcgen::Error },
    /// An authority is never replaced behind its users' backs: everything it signed would stop being trusted.
    #[error("authority {identity} cannot be used: {reason}")]
    Authority { identity: Identity, reason: Reason },
    /// A new authority would leave a running cluster with certificates that nothing trusts.
    #[error("authority {identity} is missing, though {signed} that it signed exists")]
    AuthorityLost { identity: Identity, signed: Identity },
    #[error("cannot generate a key for {identity}")]
    Generate { identity: Identity, source: rcgen::Error },
    #[error("cannot sign {identity}")]
    Sign { identity: Identity, source: rcgen::Error },
    #[error("cannot issue {identity}: the system has no random numbers")]
    Random { identity: Identity },
    #[error("cannot issue {identity}: {days} days from now is not a date that certificates can bear")]
    Date { identity: Identity, days: u32 },
}

/// A certificate's text could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    #[error("no PEM block was found")]
    Pem(#[source] x509_parser::error::PEMError),
    #[error("the PEM block is a {label}, not a CERTIFICATE")]
    Label { label: String },
    #[error("the block is not an X.509 certificate")]
    Der(#[source] x509_parser::nom::Err<x509_parser::error::X509Error>),
    #[error("an extension is malformed")]
    Extension(#[source] x509_parser::error::X509Error),
    #[error("a date is out of range")]
    Date(#[source] jiff::Error),
}
