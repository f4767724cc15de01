//! Kubeconfigs, with everything embedded: <https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/>.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hardway_pki::{Identity, MissingKeyPair};
use hardway_spec::{Cluster, Cni};
use serde::Serialize;

use crate::paths::{API_PORT, LOCAL_API_PORT};
use crate::{Content, Inputs, yaml};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Config<'a> {
    api_version: &'static str,
    kind: &'static str,
    clusters: Vec<NamedCluster<'a>>,
    users: Vec<NamedUser<'a>>,
    contexts: Vec<NamedContext<'a>>,
    #[serde(rename = "current-context")]
    current_context: &'a str,
}

#[derive(Serialize)]
struct NamedCluster<'a> {
    name: &'a str,
    cluster: ClusterEntry,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct ClusterEntry {
    server: String,
    certificate_authority_data: String,
}

#[derive(Serialize)]
struct NamedUser<'a> {
    name: &'a str,
    user: UserEntry,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct UserEntry {
    client_certificate_data: String,
    client_key_data: String,
}

#[derive(Serialize)]
struct NamedContext<'a> {
    name: &'a str,
    context: ContextEntry<'a>,
}

#[derive(Serialize)]
struct ContextEntry<'a> {
    cluster: &'a str,
    user: &'a str,
}

/// Whose kubeconfig it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Client<'a> {
    /// The administrator on a control plane.
    Admin,
    /// The administrator on the operator's machine.
    AdminRemote,
    ControllerManager,
    Scheduler,
    KubeProxy,
    Kubelet(&'a hardway_spec::MachineName),
    CalicoCni,
}

impl Client<'_> {
    fn identity(self) -> Identity {
        match self {
            Self::Admin | Self::AdminRemote => Identity::Admin,
            Self::ControllerManager => Identity::ControllerManager,
            Self::Scheduler => Identity::Scheduler,
            Self::KubeProxy => Identity::KubeProxy,
            Self::Kubelet(node) => Identity::Kubelet(node.clone()),
            Self::CalicoCni => Identity::CalicoCni,
        }
    }

    /// The name the API knows the client by, which is also its entry's.
    fn user(self) -> String {
        match self {
            Self::Admin | Self::AdminRemote => "admin".to_owned(),
            Self::ControllerManager => "system:kube-controller-manager".to_owned(),
            Self::Scheduler => "system:kube-scheduler".to_owned(),
            Self::KubeProxy => "system:kube-proxy".to_owned(),
            Self::Kubelet(node) => format!("system:node:{node}"),
            Self::CalicoCni => "calico-cni".to_owned(),
        }
    }

    /// Where it calls the API, as host and port.
    ///
    /// Components of the control plane talk to the API server beside them, so that they work while no other does, and
    /// nodes to the balancer beside them, so that they need no load balancer.
    fn server(self, cluster: &Cluster) -> (&str, u16) {
        match self {
            Self::Admin | Self::ControllerManager | Self::Scheduler => ("127.0.0.1", API_PORT),
            Self::KubeProxy | Self::Kubelet(_) | Self::CalicoCni => ("127.0.0.1", LOCAL_API_PORT),
            Self::AdminRemote => (&cluster.spec.endpoint, API_PORT),
        }
    }

    /// Where the workspace keeps it.
    fn path(self) -> String {
        match self {
            Self::Admin => "configs/admin/admin.kubeconfig".to_owned(),
            Self::AdminRemote => "configs/admin/admin-remote.kubeconfig".to_owned(),
            Self::ControllerManager => "configs/controller/kube-controller-manager.kubeconfig".to_owned(),
            Self::Scheduler => "configs/scheduler/kube-scheduler.kubeconfig".to_owned(),
            Self::KubeProxy => "configs/proxy/kube-proxy.kubeconfig".to_owned(),
            Self::Kubelet(node) => format!("configs/clients/{node}.kubeconfig"),
            Self::CalicoCni => "configs/clients/calico-cni.kubeconfig".to_owned(),
        }
    }
}

/// The kubeconfig of `client`: the same bytes in the workspace and on machines.
pub(crate) fn kubeconfig(inputs: &Inputs<'_>, client: Client<'_>) -> Result<Content, MissingKeyPair> {
    let authority = inputs.bundle.get(&Identity::ClusterAuthority)?;
    let pair = inputs.bundle.get(&client.identity())?;
    let cluster = &inputs.cluster.metadata.name;
    let user = client.user();
    let (host, port) = client.server(inputs.cluster);
    let context = if client == Client::AdminRemote { cluster } else { "default" };

    Ok(Content::secret(yaml::render(&Config {
        api_version: "v1",
        kind: "Config",
        clusters: vec![NamedCluster {
            name: cluster,
            cluster: ClusterEntry {
                server: format!("https://{host}:{port}"),
                certificate_authority_data: STANDARD.encode(&authority.certificate),
            },
        }],
        users: vec![NamedUser {
            name: &user,
            user: UserEntry {
                client_certificate_data: STANDARD.encode(&pair.certificate),
                client_key_data: STANDARD.encode(pair.key.as_bytes()),
            },
        }],
        contexts: vec![NamedContext { name: context, context: ContextEntry { cluster, user: &user } }],
        current_context: context,
    })))
}

/// Every kubeconfig of the cluster, by its path in the workspace.
///
/// # Errors
/// [`MissingKeyPair`] where the bundle was not completed for the spec.
pub fn kubeconfigs(inputs: &Inputs<'_>) -> Result<Vec<(String, Content)>, MissingKeyPair> {
    let mut clients =
        vec![Client::Admin, Client::AdminRemote, Client::ControllerManager, Client::Scheduler, Client::KubeProxy];
    clients.extend(inputs.cluster.nodes().map(|node| Client::Kubelet(&node.name)));
    if matches!(inputs.cluster.spec.network.cni, Cni::Calico(_)) {
        clients.push(Client::CalicoCni);
    }
    clients.into_iter().map(|client| Ok((client.path(), kubeconfig(inputs, client)?))).collect()
}
