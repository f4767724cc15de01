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

#[cfg(test)]
mod tests {
    use hardway_pki::{Bundle, FormerNames, Identity, complete, inspect};
    use hardway_spec::Cluster;
    use jiff::Timestamp;
    use rustls::ServerConfig;
    use rustls::server::WebPkiClientVerifier;
    use tokio::net::TcpListener;
    use tokio_rustls::TlsAcceptor;

    use super::*;

    fn bundle() -> Bundle {
        let text = "
apiVersion: hardway/v1alpha1
kind: Cluster
metadata: {name: test}
spec:
  pki: {algorithm: ecdsa-p256}
  machines:
    - {name: cp1, address: 127.0.0.1, roles: [control-plane]}
";
        let cluster: Cluster = serde_saphyr::from_str(text).unwrap();
        let mut bundle = Bundle::default();
        complete(&cluster, &mut bundle, FormerNames::Kept, Timestamp::now()).unwrap();
        bundle
    }

    /// Serves etcd's certificate to one client after the other, and answers those it lets in.
    async fn serve(bundle: &Bundle, strangers: bool) -> SocketAddr {
        let pair = bundle.get(&Identity::EtcdServer("cp1".into())).unwrap();
        let provider = Arc::new(aws_lc_rs::default_provider());
        let builder =
            ServerConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions().unwrap();
        let mut roots = RootCertStore::empty();
        let authority = &bundle.get(&Identity::EtcdAuthority).unwrap().certificate;
        roots.add(CertificateDer::from_pem_slice(authority.as_bytes()).unwrap()).unwrap();
        let builder = if strangers {
            builder.with_no_client_auth()
        } else {
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
            builder.with_client_cert_verifier(verifier.build().unwrap())
        };
        let chain = vec![CertificateDer::from_pem_slice(pair.certificate.as_bytes()).unwrap()];
        let key = PrivateKeyDer::from_pem_slice(pair.key.as_bytes()).unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(builder.with_single_cert(chain, key).unwrap()));

        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let Ok(mut stream) = acceptor.accept(stream).await else { continue };
                let mut request = [0; 256];
                let _ = stream.read(&mut request).await;
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await;
            }
        });
        address
    }

    fn door(bundle: &Bundle, address: SocketAddr, name: &str, authority: &Identity) -> Door {
        Door { address, name: name.to_owned(), authority: bundle.get(authority).unwrap().certificate.clone() }
    }

    #[tokio::test]
    async fn the_certificate_that_a_port_serves_is_seen() {
        let bundle = bundle();
        let address = serve(&bundle, false).await;
        let client = bundle.get(&Identity::EtcdRoot).unwrap();
        let found = served(&door(&bundle, address, "127.0.0.1", &Identity::EtcdAuthority), Some(client)).await.unwrap();

        let wanted = &bundle.get(&Identity::EtcdServer("cp1".into())).unwrap().certificate;
        assert_eq!(found, CertificateDer::from_pem_slice(wanted.as_bytes()).unwrap().to_vec());
        assert_eq!(inspect(wanted).unwrap().subject.common_name, "cp1");
    }

    #[tokio::test]
    async fn another_authority_or_name_fails_the_handshake() {
        let bundle = bundle();
        let address = serve(&bundle, true).await;
        for (name, authority) in [("127.0.0.1", Identity::ClusterAuthority), ("cp2", Identity::EtcdAuthority)] {
            let error = served(&door(&bundle, address, name, &authority), None).await.unwrap_err();
            assert!(matches!(error, TlsError::Handshake { .. }), "{error:?}");
        }
    }

    #[tokio::test]
    async fn a_port_that_lets_strangers_in_is_told_from_one_that_does_not() {
        let bundle = bundle();
        for strangers in [true, false] {
            let address = serve(&bundle, strangers).await;
            let door = door(&bundle, address, "127.0.0.1", &Identity::EtcdAuthority);
            assert_eq!(refuses_strangers(&door).await.unwrap(), !strangers);
        }
    }

    #[tokio::test]
    async fn a_port_without_a_listener_is_no_refusal_of_strangers() {
        let bundle = bundle();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        let door = door(&bundle, address, "127.0.0.1", &Identity::EtcdAuthority);
        assert!(matches!(refuses_strangers(&door).await, Err(TlsError::Connect { .. })));
    }
}
