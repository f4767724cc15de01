//! Clusters to test with.

use std::collections::BTreeMap;

use hardway_design::example::supplied;
use hardway_design::{Catalog, CgroupVersion, Design, EncryptionKey, Inputs, MachineFacts, PackageArchive, design};
use hardway_pki::{Bundle, FormerNames, complete};
use hardway_spec::{
    Addons, ApiVersion, Artifacts, Bridge, Calico, Cluster, ClusterSpec, Cni, Component, ControlPlane, Encapsulation,
    KeyAlgorithm, Kind, LoadBalancer, Machine, MachineName, Metadata, Network, Pki, ProxyMode, Removal, Role, Roles,
    Ssh, Taint, TaintEffect,
};

/// A spec with all that its design is made from.
pub(crate) struct Example {
    pub(crate) cluster: Cluster,
    bundle: Bundle,
    encryption_key: EncryptionKey,
    catalog: Catalog,
    facts: BTreeMap<MachineName, MachineFacts>,
}

impl Example {
    /// A load balancer, a control plane and a worker.
    pub(crate) fn small() -> Self {
        Self::new(cluster(&[
            ("lb", "172.30.1.10", Role::LoadBalancer),
            ("cp1", "172.30.1.11", Role::ControlPlane),
            ("w1", "172.30.1.21", Role::Worker),
        ]))
    }

    /// The small one, on machines without a network: their packages come from an archive.
    pub(crate) fn closed() -> Self {
        let mut closed = Self::small();
        let archive = PackageArchive { sha256: digest("packages"), size: 1 << 20 };
        closed.catalog.packages = Some(BTreeMap::from([("debian-12".to_owned(), archive)]));
        closed
    }

    /// Examples that have between them all that a design can hold.
    pub(crate) fn of_every_shape() -> Vec<Self> {
        let mut bare = cluster(&[
            ("lb", "172.30.1.10", Role::LoadBalancer),
            ("cp1", "172.30.1.11", Role::ControlPlane),
            ("w1", "172.30.1.21", Role::Worker),
            ("w2", "172.30.1.22", Role::Worker),
        ]);
        bare.spec.control_plane = ControlPlane { node: false };
        bare.spec.addons = Addons { metrics_server: false };
        bare.spec.network.kube_proxy = ProxyMode::Iptables;
        bare.spec.network.cni = Cni::Bridge(Bridge {});

        let ipip = Cluster {
            spec: ClusterSpec {
                network: Network {
                    cni: Cni::Calico(Calico { encapsulation: Encapsulation::Ipip }),
                    ..Network::default()
                },
                ..cluster(&[
                    ("cp1", "172.30.1.11", Role::ControlPlane),
                    ("cp2", "172.30.1.12", Role::ControlPlane),
                    ("cp3", "172.30.1.13", Role::ControlPlane),
                    ("w1", "172.30.1.21", Role::Worker),
                ])
                .spec
            },
            ..Self::small().cluster
        };

        let mut systemd = Self::small();
        for facts in systemd.facts.values_mut() {
            facts.cgroup = CgroupVersion::V2;
            facts.systemd_cgroups = true;
            facts.can_lower_oom_score = true;
        }
        let mut apart = cluster(&[
            ("lb", "172.30.1.10", Role::LoadBalancer),
            ("e1", "172.30.1.31", Role::Etcd),
            ("cp1", "172.30.1.11", Role::ControlPlane),
            ("w1", "172.30.1.21", Role::Worker),
            ("w2", "172.30.1.22", Role::Worker),
        ]);
        apart.spec.machines[4].removed = Some(Removal::default());
        let mut settings = Self::small().cluster;
        let flags = |name: &str, value: &str| BTreeMap::from([(name.to_owned(), value.to_owned())]);
        settings.spec.roles.worker.extra_args = BTreeMap::from([(Component::Kubelet, flags("max-pods", "200"))]);
        settings.spec.roles.worker.labels = flags("tier", "general");
        let effect = TaintEffect::PreferNoSchedule;
        settings.spec.roles.worker.taints =
            vec![Taint { key: "dedicated".to_owned(), value: "batch".to_owned(), effect }];
        let mut shared = cluster(&[
            ("lb", "172.30.1.10", Role::LoadBalancer),
            ("lb2", "172.30.1.9", Role::LoadBalancer),
            ("cp1", "172.30.1.11", Role::ControlPlane),
        ]);
        shared.spec.load_balancer.virtual_address = Some([172, 30, 1, 2].into());
        let single = cluster(&[("one", "172.30.1.11", Role::ControlPlane)]);
        vec![
            Self::small(),
            Self::new(bare),
            Self::new(ipip),
            systemd,
            Self::new(apart),
            Self::new(shared),
            Self::closed(),
            Self::new(settings),
            Self::new(single),
        ]
    }

    fn new(cluster: Cluster) -> Self {
        let mut bundle = Bundle::default();
        let now = "2026-01-01T00:00:00Z".parse().unwrap();
        complete(&cluster, &mut bundle, FormerNames::Kept, now).unwrap();
        let facts = cluster.spec.machines.iter().map(|machine| (machine.name.clone(), facts(machine))).collect();
        let mut example = Self {
            cluster,
            bundle,
            encryption_key: EncryptionKey::from_bytes(&[7; 32]),
            catalog: Catalog::default(),
            facts,
        };
        example.catalog = supplied(&example.inputs(), digest, 1 << 20).unwrap().0;
        example
    }

    pub(crate) fn has_extra_args(&self) -> bool {
        let arguments = |machine| Component::ALL.map(|component| self.cluster.extra_args(machine, component));
        self.cluster.spec.machines.iter().flat_map(arguments).any(|flags| !flags.is_empty())
    }

    pub(crate) fn inputs(&self) -> Inputs<'_> {
        Inputs {
            cluster: &self.cluster,
            bundle: &self.bundle,
            encryption_key: &self.encryption_key,
            catalog: &self.catalog,
            facts: &self.facts,
        }
    }

    pub(crate) fn design(&self) -> Design {
        design(&self.inputs()).unwrap()
    }
}

/// 64 digits that look like a digest and tell names apart.
fn digest(name: &str) -> String {
    hardway_design::Content::text(name).sha256()
}

fn cluster(machines: &[(&str, &str, Role)]) -> Cluster {
    Cluster {
        api_version: ApiVersion::V1Alpha1,
        kind: Kind::Cluster,
        metadata: Metadata { name: "drewbernetes".to_owned() },
        spec: ClusterSpec {
            kubernetes: Default::default(),
            endpoint: "k8s.hardway.test".to_owned(),
            network: Network::default(),
            // RSA keys would take the tests seconds.
            pki: Pki { algorithm: KeyAlgorithm::EcdsaP256, ..Pki::default() },
            control_plane: ControlPlane::default(),
            addons: Addons::default(),
            load_balancer: LoadBalancer::default(),
            artifacts: Artifacts::default(),
            roles: Roles::default(),
            ssh: Ssh::default(),
            machines: machines
                .iter()
                .map(|(name, address, role)| Machine::new(*name, address.parse().unwrap(), vec![*role]))
                .collect(),
        },
    }
}

/// A container on a host with cgroup v1.
fn facts(machine: &Machine) -> MachineFacts {
    MachineFacts {
        cgroup: CgroupVersion::V1,
        systemd_cgroups: false,
        can_lower_oom_score: false,
        ..hardway_design::example::facts(machine.name.as_str())
    }
}
