//! Every certificate of the cluster, by the identity that it proves.

use std::fmt;

use hardway_spec::MachineName;

/// One certificate and its key. Authorities sign; every other identity has a certificate of its own, for one use.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Identity {
    /// Signs everything of Kubernetes itself.
    ClusterAuthority,
    /// Signs etcd's servers, peers and clients, and nothing else.
    EtcdAuthority,
    /// Signs the client certificate that extension API servers trust.
    FrontProxyAuthority,
    Admin,
    /// The kubelet as a client of the API: `system:node:NAME` in `system:nodes`.
    Kubelet(MachineName),
    /// The kubelet's own HTTPS endpoint.
    KubeletServer(MachineName),
    ControllerManager,
    ControllerManagerServer,
    Scheduler,
    SchedulerServer,
    KubeProxy,
    /// Calico's CNI plugin as a client of the API: `calico-cni`, which only looks up pods and namespaces.
    CalicoCni,
    /// kube-apiserver's serving certificate, for every name and address that clients use.
    ApiServer,
    /// kube-apiserver as a client of kubelets.
    ApiServerKubeletClient,
    /// kube-apiserver as a client of etcd.
    ApiServerEtcdClient,
    FrontProxyClient,
    EtcdServer(MachineName),
    EtcdPeer(MachineName),
    /// etcd's `root` user, for administration on the control plane.
    EtcdRoot,
    /// Calico as a client of etcd, worth `/calico/` and nothing else.
    EtcdCalico,
    /// The key pair that signs and checks service account tokens.
    ServiceAccount,
    MetricsServer,
    /// The load balancer's self-signed certificate for HTTPS on port 443.
    LoadBalancer,
}

impl Identity {
    /// The folder and base name of its files, as the hard way lays them out: `controller/kube-controller-manager`.
    pub fn slug(&self) -> String {
        match self {
            Self::ClusterAuthority => "ca/ca".to_owned(),
            Self::EtcdAuthority => "etcd/ca".to_owned(),
            Self::FrontProxyAuthority => "front-proxy/front-proxy-ca".to_owned(),
            Self::Admin => "admin/admin".to_owned(),
            Self::Kubelet(node) => format!("clients/{node}"),
            Self::KubeletServer(node) => format!("clients/{node}-server"),
            Self::ControllerManager => "controller/kube-controller-manager".to_owned(),
            Self::ControllerManagerServer => "controller/kube-controller-manager-server".to_owned(),
            Self::Scheduler => "scheduler/kube-scheduler".to_owned(),
            Self::SchedulerServer => "scheduler/kube-scheduler-server".to_owned(),
            Self::KubeProxy => "proxy/kube-proxy".to_owned(),
            Self::CalicoCni => "clients/calico-cni".to_owned(),
            Self::ApiServer => "api/kubernetes".to_owned(),
            Self::ApiServerKubeletClient => "api/kube-apiserver-kubelet-client".to_owned(),
            Self::ApiServerEtcdClient => "etcd/kube-apiserver".to_owned(),
            Self::FrontProxyClient => "front-proxy/front-proxy-client".to_owned(),
            Self::EtcdServer(member) => format!("etcd/{member}-server"),
            Self::EtcdPeer(member) => format!("etcd/{member}-peer"),
            Self::EtcdRoot => "etcd/root".to_owned(),
            Self::EtcdCalico => "etcd/calico".to_owned(),
            Self::ServiceAccount => "service-account/service-account".to_owned(),
            Self::MetricsServer => "api/metrics-server".to_owned(),
            Self::LoadBalancer => "load-balancer/api".to_owned(),
        }
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.slug())
    }
}
