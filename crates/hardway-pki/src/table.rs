//! The table of certificates: one row per identity of a cluster.
//!
//! CN and O follow what Kubernetes' authorizers expect, <https://kubernetes.io/docs/setup/best-practices/certificates/>.

use std::net::{IpAddr, Ipv4Addr};

use hardway_spec::{Cluster, Cni, Machine};

use crate::{AlternativeName, CertificateProfile, Identity, Signer, Usage};

/// O of every certificate that puts its holder into no group of Kubernetes'.
const NO_GROUP: &str = "Kubernetes";

const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// Every certificate of the cluster, authorities first.
pub fn table(spec: &Cluster) -> Vec<CertificateProfile> {
    let table = Table { spec };
    let mut profiles = table.authorities();
    profiles.extend(table.kubernetes_clients());
    profiles.extend(table.kubernetes_servers());
    profiles.extend(table.etcd());
    profiles
}

struct Table<'a> {
    spec: &'a Cluster,
}

impl Table<'_> {
    fn authorities(&self) -> Vec<CertificateProfile> {
        [
            (Identity::ClusterAuthority, "kubernetes-ca"),
            (Identity::EtcdAuthority, "etcd-ca"),
            (Identity::FrontProxyAuthority, "front-proxy-ca"),
        ]
        .into_iter()
        .map(|(identity, common_name)| CertificateProfile {
            identity,
            common_name: common_name.to_owned(),
            organization: NO_GROUP.to_owned(),
            signer: Signer::Itself,
            usage: Usage::Authority,
            names: Vec::new(),
            validity_days: self.spec.spec.pki.validity.authority_days,
        })
        .collect()
    }

    fn kubernetes_clients(&self) -> Vec<CertificateProfile> {
        let client = |identity, common_name: &str, organization: &str| CertificateProfile {
            organization: organization.to_owned(),
            ..self.leaf(identity, Identity::ClusterAuthority, Usage::Client, common_name, Vec::new())
        };
        let mut profiles = vec![
            client(Identity::Admin, "admin", "system:masters"),
            client(Identity::ControllerManager, "system:kube-controller-manager", "system:kube-controller-manager"),
            client(Identity::Scheduler, "system:kube-scheduler", "system:kube-scheduler"),
            client(Identity::KubeProxy, "system:kube-proxy", "system:node-proxier"),
            client(Identity::ApiServerKubeletClient, "kube-apiserver-kubelet-client", NO_GROUP),
        ];
        profiles.extend(self.spec.nodes().map(|node| {
            client(Identity::Kubelet(node.name.clone()), &format!("system:node:{}", node.name), "system:nodes")
        }));
        if self.has_calico() {
            profiles.push(client(Identity::CalicoCni, "calico-cni", NO_GROUP));
        }
        profiles.push(self.leaf(
            Identity::FrontProxyClient,
            Identity::FrontProxyAuthority,
            Usage::Client,
            "front-proxy-client",
            Vec::new(),
        ));
        profiles.push(self.leaf(
            Identity::ServiceAccount,
            Identity::ClusterAuthority,
            Usage::TokenSigning,
            "service-accounts",
            Vec::new(),
        ));
        profiles
    }

    fn kubernetes_servers(&self) -> Vec<CertificateProfile> {
        let server = |identity, common_name: &str, names| {
            self.leaf(identity, Identity::ClusterAuthority, Usage::Server, common_name, names)
        };
        let mut profiles = vec![
            server(Identity::ApiServer, "kubernetes", self.api_server_names()),
            server(Identity::ControllerManagerServer, "kube-controller-manager", loopback_names()),
            server(Identity::SchedulerServer, "kube-scheduler", loopback_names()),
        ];
        profiles.extend(
            self.spec.nodes().map(|node| {
                server(Identity::KubeletServer(node.name.clone()), node.name.as_str(), machine_names([node]))
            }),
        );
        if self.spec.spec.addons.metrics_server {
            let names = service_names("metrics-server", "kube-system", &self.spec.spec.network.domain);
            profiles.push(server(Identity::MetricsServer, "metrics-server.kube-system.svc", names));
        }
        if self.spec.load_balancers().next().is_some() {
            let mut names = vec![AlternativeName::from(self.spec.spec.endpoint.as_str())];
            names.extend(self.virtual_address());
            names.extend(machine_names(self.spec.load_balancers()));
            profiles.push(CertificateProfile {
                signer: Signer::Itself,
                ..server(Identity::LoadBalancer, &self.spec.spec.endpoint, unique(names))
            });
        }
        profiles
    }

    fn etcd(&self) -> Vec<CertificateProfile> {
        let mut profiles = Vec::new();
        let mut add = |identity, usage, common_name: &str, names| {
            profiles.push(self.leaf(identity, Identity::EtcdAuthority, usage, common_name, names));
        };
        for member in self.spec.etcd_members() {
            let name = member.name.as_str();
            let mut names = machine_names([member]);
            names.extend([AlternativeName::from("localhost"), LOOPBACK.into()]);
            add(Identity::EtcdServer(member.name.clone()), Usage::Server, name, unique(names.clone()));
            add(Identity::EtcdPeer(member.name.clone()), Usage::Peer, name, unique(names));
        }
        add(Identity::ApiServerEtcdClient, Usage::Client, "kube-apiserver", Vec::new());
        add(Identity::EtcdRoot, Usage::Client, "root", Vec::new());
        if self.has_calico() {
            add(Identity::EtcdCalico, Usage::Client, "calico", Vec::new());
        }
        profiles
    }

    fn has_calico(&self) -> bool {
        matches!(self.spec.spec.network.cni, Cni::Calico(_))
    }

    fn leaf(
        &self,
        identity: Identity,
        authority: Identity,
        usage: Usage,
        common_name: &str,
        names: Vec<AlternativeName>,
    ) -> CertificateProfile {
        CertificateProfile {
            identity,
            common_name: common_name.to_owned(),
            organization: NO_GROUP.to_owned(),
            signer: Signer::Authority(authority),
            usage,
            names,
            validity_days: self.spec.spec.pki.validity.leaf_days,
        }
    }

    fn virtual_address(&self) -> Option<AlternativeName> {
        self.spec.spec.load_balancer.virtual_address.map(AlternativeName::from)
    }

    /// Every name and address that clients inside and outside the cluster call the API by.
    fn api_server_names(&self) -> Vec<AlternativeName> {
        let network = &self.spec.spec.network;
        let mut names = vec![AlternativeName::from(self.spec.spec.endpoint.as_str())];
        names.extend(service_names("kubernetes", "default", &network.domain));
        names.extend(["localhost".into(), LOOPBACK.into(), network.kubernetes_service().into()]);
        names.extend(self.virtual_address());
        names.extend(machine_names(self.spec.load_balancers()));
        names.extend(machine_names(self.spec.control_planes()));
        unique(names)
    }
}

/// The names of servers that listen on loopback alone: the machines' own would make each new control plane renew them.
fn loopback_names() -> Vec<AlternativeName> {
    vec!["localhost".into(), LOOPBACK.into()]
}

/// A Service's DNS names, from the shortest to the fully qualified one.
fn service_names(service: &str, namespace: &str, domain: &str) -> Vec<AlternativeName> {
    [
        service.to_owned(),
        format!("{service}.{namespace}"),
        format!("{service}.{namespace}.svc"),
        format!("{service}.{namespace}.svc.{domain}"),
    ]
    .into_iter()
    .map(AlternativeName::Dns)
    .collect()
}

fn machine_names<'a>(machines: impl IntoIterator<Item = &'a Machine>) -> Vec<AlternativeName> {
    machines.into_iter().flat_map(|machine| [machine.name.as_str().into(), machine.address.into()]).collect()
}

/// Drops repetitions: a machine may be called as the endpoint is.
fn unique(names: Vec<AlternativeName>) -> Vec<AlternativeName> {
    let mut kept: Vec<AlternativeName> = Vec::with_capacity(names.len());
    for name in names {
        if !kept.contains(&name) {
            kept.push(name);
        }
    }
    kept
}
