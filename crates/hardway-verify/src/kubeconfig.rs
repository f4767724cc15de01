//! Reads kubeconfigs as kubectl would: <https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/>.

use std::net::{IpAddr, SocketAddr};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hardway_pki::KeyPair;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use zeroize::Zeroizing;

/// What a kubeconfig's current context leads to, everything embedded.
pub(crate) struct Kubeconfig {
    /// The cluster entry's name.
    pub(crate) cluster: String,
    pub(crate) host: String,
    pub(crate) port: u16,
    /// PEM.
    pub(crate) authority: String,
    pub(crate) client: KeyPair,
}

/// A text is no kubeconfig that stands by itself.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KubeconfigError {
    /// Without the parser's error: it would quote the file, which holds a key.
    #[error("not a kubeconfig with certificates embedded")]
    Malformed,
    #[error("no {kind} named {name:?}")]
    Dangling { kind: &'static str, name: String },
    #[error("{field} is not base64 of a PEM text")]
    Encoding { field: &'static str },
    #[error("the server {server:?} is not https://HOST:PORT")]
    Server { server: String },
}

#[derive(Deserialize)]
struct Document {
    clusters: Vec<NamedCluster>,
    users: Vec<NamedUser>,
    contexts: Vec<NamedContext>,
    #[serde(rename = "current-context")]
    current_context: String,
}

#[derive(Deserialize)]
struct NamedCluster {
    name: String,
    cluster: ClusterEntry,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct ClusterEntry {
    server: String,
    certificate_authority_data: String,
}

#[derive(Deserialize)]
struct NamedUser {
    name: String,
    user: UserEntry,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct UserEntry {
    client_certificate_data: String,
    client_key_data: SecretString,
}

#[derive(Deserialize)]
struct NamedContext {
    name: String,
    context: ContextEntry,
}

#[derive(Deserialize)]
struct ContextEntry {
    cluster: String,
    user: String,
}

impl Kubeconfig {
    pub(crate) fn parse(text: &str) -> Result<Self, KubeconfigError> {
        let document: Document = serde_saphyr::from_str(text).map_err(|_| KubeconfigError::Malformed)?;
        let dangling = |kind, name: &str| KubeconfigError::Dangling { kind, name: name.to_owned() };

        let current = &document.current_context;
        let context = document.contexts.iter().find(|entry| entry.name == *current);
        let context = &context.ok_or_else(|| dangling("context", current))?.context;
        let cluster = document.clusters.iter().find(|entry| entry.name == context.cluster);
        let cluster = cluster.ok_or_else(|| dangling("cluster", &context.cluster))?;
        let user = document.users.iter().find(|entry| entry.name == context.user);
        let user = &user.ok_or_else(|| dangling("user", &context.user))?.user;

        let server = &cluster.cluster.server;
        let (host, port) = host_and_port(server).ok_or_else(|| KubeconfigError::Server { server: server.clone() })?;
        Ok(Self {
            cluster: cluster.name.clone(),
            host,
            port,
            authority: decode("certificate-authority-data", &cluster.cluster.certificate_authority_data)?.to_string(),
            client: KeyPair {
                certificate: decode("client-certificate-data", &user.client_certificate_data)?.to_string(),
                key: decode("client-key-data", user.client_key_data.expose_secret())?,
            },
        })
    }
}

fn decode(field: &'static str, text: &str) -> Result<Zeroizing<String>, KubeconfigError> {
    let bytes = STANDARD.decode(text).map_err(|_| KubeconfigError::Encoding { field })?;
    String::from_utf8(bytes).map(Zeroizing::new).map_err(|_| KubeconfigError::Encoding { field })
}

fn host_and_port(server: &str) -> Option<(String, u16)> {
    let authority = server.strip_prefix("https://")?.trim_end_matches('/');
    if let Ok(address) = authority.parse::<SocketAddr>() {
        return Some((address.ip().to_string(), address.port()));
    }
    let (host, port) = authority.rsplit_once(':')?;
    let is_name = !host.is_empty() && !host.contains(['/', ':', '[']) && host.parse::<IpAddr>().is_err();
    is_name.then_some((host.to_owned(), port.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(current: &str) -> String {
        let data = STANDARD.encode("PEM");
        format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: {current}\n\
             clusters:\n- name: drew\n  cluster: {{server: 'https://k8s.test:6443', certificate-authority-data: {data}}}\n\
             users:\n- name: admin\n  user: {{client-certificate-data: {data}, client-key-data: {data}}}\n\
             contexts:\n- name: default\n  context: {{cluster: drew, user: admin}}\n"
        )
    }

    #[test]
    fn the_current_context_is_followed() {
        let config = Kubeconfig::parse(&document("default")).unwrap();
        assert_eq!((config.cluster.as_str(), config.host.as_str(), config.port), ("drew", "k8s.test", 6443));
        assert_eq!((config.authority.as_str(), config.client.key.as_str()), ("PEM", "PEM"));
    }

    #[test]
    fn a_current_context_that_does_not_exist_is_named() {
        let Err(error) = Kubeconfig::parse(&document("other")) else { panic!("a context that does not exist") };
        assert_eq!(error.to_string(), "no context named \"other\"");
    }

    #[test]
    fn servers_are_names_or_addresses_with_a_port() {
        assert_eq!(host_and_port("https://[fd00::1]:6443"), Some(("fd00::1".to_owned(), 6443)));
        assert_eq!(host_and_port("https://127.0.0.1:6443"), Some(("127.0.0.1".to_owned(), 6443)));
        for server in ["http://k8s.test:6443", "https://k8s.test", "https://fd00::1:6443", "https://a/b:1"] {
            assert_eq!(host_and_port(server), None, "{server}");
        }
    }
}
