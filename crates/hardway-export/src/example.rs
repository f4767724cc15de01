//! Clusters to test with.

use std::collections::BTreeMap;

use hardway_design::{
    BinaryArtifact, Catalog, CgroupVersion, Design, DesignError, EncryptionKey, ImageArtifact, Inputs, MachineFacts,
    OperatingSystem, design,
};
use hardway_pki::{Bundle, complete};
use hardway_spec::{
    Addons, ApiVersion, Bridge, Calico, Cluster, ClusterSpec, Cni, ControlPlane, Encapsulation, KeyAlgorithm, Kind,
    Machine, MachineName, Metadata, Network, Pki, ProxyMode, Role, Ssh,
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
        let apart = cluster(&[
            ("lb", "172.30.1.10", Role::LoadBalancer),
            ("e1", "172.30.1.31", Role::Etcd),
            ("cp1", "172.30.1.11", Role::ControlPlane),
            ("w1", "172.30.1.21", Role::Worker),
        ]);
        let single = cluster(&[("one", "172.30.1.11", Role::ControlPlane)]);
        vec![Self::small(), Self::new(bare), Self::new(ipip), systemd, Self::new(apart), Self::new(single)]
    }

    fn new(cluster: Cluster) -> Self {
        let mut bundle = Bundle::default();
        let now = "2026-01-01T00:00:00Z".parse().unwrap();
        complete(&cluster, &mut bundle, now).unwrap();
        let facts = cluster.spec.machines.iter().map(|machine| (machine.name.clone(), facts(machine))).collect();
        let mut example = Self {
            cluster,
            bundle,
            encryption_key: EncryptionKey::from_bytes(&[7; 32]),
            catalog: Catalog::default(),
            facts,
        };
        example.fill_catalog();
        example
    }

    /// Adds artifacts until the design asks for no more.
    fn fill_catalog(&mut self) {
        loop {
            let missing = design(&self.inputs());
            match missing {
                Err(DesignError::MissingBinary { name }) => {
                    let artifact = BinaryArtifact { version: "1.2.3".to_owned(), sha256: digest(&name), size: 1 << 20 };
                    self.catalog.binaries.insert(name, artifact);
                }
                Err(DesignError::MissingImage { name }) => {
                    let artifact = ImageArtifact {
                        reference: format!("hardway.local/{name}:1.2.3"),
                        version: "1.2.3".to_owned(),
                        sha256: digest(&name),
                        manifest_digest: format!("sha256:{}", digest(&name)),
                        size: 1 << 20,
                    };
                    self.catalog.images.insert(name, artifact);
                }
                Ok(_) => return,
                Err(error) => panic!("{error}"),
            }
        }
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
            ssh: Ssh::default(),
            machines: machines
                .iter()
                .map(|(name, address, role)| Machine {
                    name: MachineName::from(*name),
                    address: address.parse().unwrap(),
                    roles: vec![*role],
                })
                .collect(),
        },
    }
}

fn facts(machine: &Machine) -> MachineFacts {
    MachineFacts {
        hostname: machine.name.to_string(),
        os: OperatingSystem {
            id: "debian".to_owned(),
            version: "12".to_owned(),
            pretty_name: "Debian GNU/Linux 12 (bookworm)".to_owned(),
        },
        architecture: "x86_64".to_owned(),
        kernel: "6.18.0".to_owned(),
        cgroup: CgroupVersion::V1,
        systemd_cgroups: false,
        cpus: 2,
        memory: 4 << 30,
        disk_total: 40 << 30,
        disk_free: 20 << 30,
        clock_offset_ms: 0,
        root: true,
        can_lower_oom_score: false,
        listening: BTreeMap::new(),
        resolv_conf: "/etc/resolv.conf".to_owned(),
    }
}
