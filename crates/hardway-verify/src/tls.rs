//! TLS as a stranger or a client sees it: what a port serves, and whom it lets in.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use hardway_pki::KeyPair;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// A handshake takes milliseconds, on a busy machine some hundred.
const LIMIT: Duration = Duration::from_secs(5);

/// A port and how its certificate is judged.
#[derive(Debug, Clone)]
pub(crate) struct Door {
    pub(crate) address: SocketAddr,
    /// What the certificate must name.
    pub(crate) name: String,
    /// The certificate that must have signed it, PEM.
    pub(crate) authority: String,
}

/// A TLS connection could not be made, or not used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TlsError {
    #[error("{address} refuses connections")]
    Connect { address: SocketAddr, source: io::Error },
    #[error("the handshake with {address} failed")]
    Handshake { address: SocketAddr, source: io::Error },
    #[error("{address} says nothing for {} s", LIMIT.as_secs())]
    Silent { address: SocketAddr },
    #[error("the material for {address} is not PEM")]
    Pem { address: SocketAddr, source: rustls::pki_types::pem::Error },
    #[error("the material for {address} cannot be used")]
    Material { address: SocketAddr, source: rustls::Error },
    #[error("{name} is no name that a certificate may bear")]
    Name { name: String, source: rustls::pki_types::InvalidDnsNameError },
}

/// The certificate that a port serves, DER. Chain, name and dates have been checked.
pub(crate) async fn served(door: &Door, client: Option<&KeyPair>) -> Result<Vec<u8>, TlsError> {
    let stream = connect(door, client).await?;
    let (_, session) = stream.get_ref();
    let certificates = session.peer_certificates().unwrap_or_default();
    Ok(certificates.first().map(|certificate| certificate.to_vec()).unwrap_or_default())
}

/// Whether a port closes on those who show no certificate.
///
/// In TLS 1.3 the client is done before the server looks for its certificate, so the refusal comes after: an alert,
/// or a reset where the server closes before it read what was sent.
pub(crate) async fn refuses_strangers(door: &Door) -> Result<bool, TlsError> {
    let mut stream = match connect(door, None).await {
        Ok(stream) => stream,
        Err(TlsError::Handshake { source, .. }) if is_certificate_alert(&source) => return Ok(true),
        Err(error) => return Err(error),
    };
    let asking = async {
        stream.write_all(b"GET /version HTTP/1.1\r\nHost: hardway\r\nConnection: close\r\n\r\n").await?;
        let mut answer = [0; 64];
        stream.read(&mut answer).await
    };
    match timeout(LIMIT, asking).await {
        Ok(Ok(bytes)) => Ok(bytes == 0),
        Ok(Err(_)) => Ok(true),
        Err(_) => Err(TlsError::Silent { address: door.address }),
    }
}

fn is_certificate_alert(error: &io::Error) -> bool {
    use rustls::AlertDescription::{BadCertificate, CertificateRequired};
    let alert = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    matches!(alert, Some(rustls::Error::AlertReceived(BadCertificate | CertificateRequired)))
}

async fn connect(door: &Door, client: Option<&KeyPair>) -> Result<TlsStream<TcpStream>, TlsError> {
    let address = door.address;
    let connector = TlsConnector::from(Arc::new(config(door, client)?));
    let name = server_name(&door.name)?;
    let connecting = async {
        let stream = TcpStream::connect(address).await.map_err(|source| TlsError::Connect { address, source })?;
        connector.connect(name, stream).await.map_err(|source| TlsError::Handshake { address, source })
    };
    timeout(LIMIT, connecting).await.map_err(|_| TlsError::Silent { address })?
}

fn config(door: &Door, client: Option<&KeyPair>) -> Result<ClientConfig, TlsError> {
    let address = door.address;
    let pem = |source| TlsError::Pem { address, source };
    let material = |source| TlsError::Material { address, source };
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(door.authority.as_bytes()) {
        roots.add(certificate.map_err(pem)?).map_err(material)?;
    }
    let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(material)?
        .with_root_certificates(roots);
    let Some(client) = client else { return Ok(builder.with_no_client_auth()) };
    let chain = CertificateDer::pem_slice_iter(client.certificate.as_bytes()).collect::<Result<_, _>>().map_err(pem)?;
    let key = PrivateKeyDer::from_pem_slice(client.key.as_bytes()).map_err(pem)?;
    builder.with_client_auth_cert(chain, key).map_err(material)
}

fn server_name(name: &str) -> Result<ServerName<'static>, TlsError> {
    if let Ok(address) = name.parse::<IpAddr>() {
        return Ok(ServerName::IpAddress(address.into()));
    }
    ServerName::try_from(name.to_owned()).map_err(|source| TlsError::Name { name: name.to_owned(), source })
}
