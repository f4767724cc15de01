//! Clusters to design, with everything that a design is made from.

use std::collections::BTreeMap;

use hardway_design::example::facts;
use hardway_design::{
    BinaryArtifact, Catalog, CgroupVersion, Design, EncryptionKey, ImageArtifact, Inputs, MachineFacts, design,
};
use hardway_pki::{Bundle, Identity, KeyPair};
use hardway_spec::{
    ApiVersion, Bridge, Calico, Cluster, ClusterSpec, Cni, Component, Encapsulation, Kind, Machine, MachineName,
    Metadata, ProxyMode, Removal, Role, Taint, TaintEffect,
};

/// What a design is made from, owned.
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    pub(crate) cluster: Cluster,
    pub(crate) bundle: Bundle,
    pub(crate) encryption_key: EncryptionKey,
    pub(crate) catalog: Catalog,
    pub(crate) facts: BTreeMap<MachineName, MachineFacts>,
}

impl Scenario {
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

    fn new(name: &'static str, machines: Vec<Machine>, change: impl FnOnce(&mut Cluster)) -> Self {
        let mut cluster = Cluster {
            api_version: ApiVersion::V1Alpha1,
            kind: Kind::Cluster,
            metadata: Metadata { name: "drewbernetes".to_owned() },
            spec: ClusterSpec {
                kubernetes: Default::default(),
                endpoint: "k8s.hardway.test".to_owned(),
                load_balancer: Default::default(),
                network: Default::default(),
                pki: Default::default(),
                control_plane: Default::default(),
                addons: Default::default(),
                artifacts: Default::default(),
                roles: Default::default(),
                ssh: Default::default(),
                machines,
            },
        };
        change(&mut cluster);
        Self {
            name,
            bundle: bundle(&cluster),
            encryption_key: EncryptionKey::from_bytes(&[7; 32]),
            catalog: catalog(),
            facts: cluster
                .spec
                .machines
                .iter()
                .map(|machine| (machine.name.clone(), facts(machine.name.as_str())))
                .collect(),
            cluster,
        }
    }
}

/// The lab's cluster: what the other scenarios are compared with.
pub(crate) fn plain() -> Scenario {
    Scenario::new("plain", lab(1, 2), |_| {})
}

pub(crate) fn all() -> Vec<Scenario> {
    let mut container = Scenario::new("container-on-cgroup-v1", lab(1, 2), |_| {});
    for facts in container.facts.values_mut() {
        facts.cgroup = CgroupVersion::V1;
        facts.systemd_cgroups = false;
        facts.can_lower_oom_score = false;
    }
    vec![
        plain(),
        container,
        Scenario::new("three-control-planes", lab(3, 1), |_| {}),
        Scenario::new("bridge", lab(1, 2), |cluster| cluster.spec.network.cni = Cni::Bridge(Bridge {})),
        Scenario::new("control-plane-is-no-node", lab(1, 1), |cluster| cluster.spec.control_plane.node = false),
        Scenario::new("iptables", lab(1, 1), |cluster| cluster.spec.network.kube_proxy = ProxyMode::Iptables),
        Scenario::new("ipip", lab(1, 1), |cluster| {
            cluster.spec.network.cni = Cni::Calico(Calico { encapsulation: Encapsulation::Ipip });
        }),
        Scenario::new("removed-worker", lab(1, 2), |cluster| {
            cluster.spec.machines[3].removed = Some(Removal::default());
        }),
        Scenario::new(
            "virtual-address",
            vec![
                machine("lb", 10, &[Role::LoadBalancer]),
                machine("lb2", 9, &[Role::LoadBalancer]),
                machine("cp1", 11, &[Role::ControlPlane]),
                machine("w1", 21, &[Role::Worker]),
            ],
            |cluster| cluster.spec.load_balancer.virtual_address = Some([172, 30, 1, 2].into()),
        ),
        Scenario::new("single-machine", vec![machine("solo", 11, &[Role::ControlPlane])], |_| {}),
        Scenario::new(
            "etcd-apart",
            vec![
                machine("lb", 10, &[Role::LoadBalancer]),
                machine("cp1", 11, &[Role::ControlPlane]),
                machine("e1", 31, &[Role::Etcd]),
                machine("w1", 21, &[Role::Worker]),
            ],
            |_| {},
        ),
        Scenario::new("settings", lab(1, 2), settings),
    ]
}

/// Everything that an operator can set of roles and machines.
fn settings(cluster: &mut Cluster) {
    let pairs = |pairs: &[(&str, &str)]| {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect::<BTreeMap<_, _>>()
    };
    let taint = |key: &str, value: &str, effect| Taint { key: key.to_owned(), value: value.to_owned(), effect };
    let roles = &mut cluster.spec.roles;
    roles.control_plane.labels = pairs(&[("example.com/rack", "1")]);
    roles.control_plane.extra_args = BTreeMap::from([
        (Component::Etcd, pairs(&[("quota-backend-bytes", "4294967296")])),
        (
            Component::KubeApiserver,
            pairs(&[("audit-log-maxage", "7"), ("enable-admission-plugins", "AlwaysPullImages"), ("v", "3")]),
        ),
        (Component::KubeControllerManager, pairs(&[("kube-api-qps", "50"), ("node-monitor-grace-period", "20s")])),
        (Component::KubeScheduler, pairs(&[("leader-elect-lease-duration", "30s")])),
    ]);
    roles.worker.labels = pairs(&[("tier", "general"), ("example.com/disk", "hdd")]);
    roles.worker.taints = vec![taint("busy", "", TaintEffect::PreferNoSchedule)];
    roles.worker.extra_args = BTreeMap::from([
        (Component::Kubelet, pairs(&[("max-pods", "200"), ("system-reserved", "cpu=100m,memory=200Mi")])),
        (Component::KubeProxy, pairs(&[("v", "2")])),
        (Component::Containerd, pairs(&[("log-level", "warn")])),
    ]);
    let machine = cluster.spec.machines.iter_mut().find(|machine| machine.name.as_str() == "w2").unwrap();
    machine.labels = pairs(&[("example.com/disk", "ssd")]);
    machine.taints = vec![taint("dedicated", "batch", TaintEffect::NoSchedule)];
    machine.extra_args = BTreeMap::from([(Component::Kubelet, pairs(&[("max-pods", "50")]))]);
}

fn lab(control_planes: u8, workers: u8) -> Vec<Machine> {
    let mut machines = vec![machine("lb", 10, &[Role::LoadBalancer])];
    machines
        .extend((1..=control_planes).map(|number| machine(&format!("cp{number}"), 10 + number, &[Role::ControlPlane])));
    machines.extend((1..=workers).map(|number| machine(&format!("w{number}"), 20 + number, &[Role::Worker])));
    machines
}

fn machine(name: &str, host: u8, roles: &[Role]) -> Machine {
    Machine::new(name, [172, 30, 1, host].into(), roles.to_vec())
}

/// Stand-ins that name their identity: what matters here is which goes where.
fn bundle(cluster: &Cluster) -> Bundle {
    let pem = |kind: &str, identity: &Identity| format!("-----BEGIN {kind}-----\n{identity}\n-----END {kind}-----\n");
    let key_pairs = hardway_pki::table(cluster)
        .into_iter()
        .map(|profile| {
            let pair = KeyPair {
                certificate: pem("CERTIFICATE", &profile.identity),
                key: pem("PRIVATE KEY", &profile.identity).into(),
            };
            (profile.identity, pair)
        })
        .collect();
    Bundle { key_pairs }
}

fn catalog() -> Catalog {
    let binaries = [
        "etcd",
        "etcdctl",
        "etcdutl",
        "kube-apiserver",
        "kube-controller-manager",
        "kube-scheduler",
        "kubectl",
        "kubelet",
        "kube-proxy",
        "containerd",
        "containerd-shim-runc-v2",
        "ctr",
        "runc",
        "bridge",
        "host-local",
        "loopback",
        "portmap",
        "bandwidth",
        "calico",
    ]
    .map(|name| {
        let artifact = BinaryArtifact { version: "1.0.0".to_owned(), sha256: format!("sha256-of-{name}"), size: 1 };
        (name.to_owned(), artifact)
    });
    let images =
        ["pause", "calico-node", "calico-kube-controllers", "coredns", "metrics-server", "dnsutils"].map(|name| {
            let artifact = ImageArtifact {
                reference: format!("hardway.local/{name}:1.0.0"),
                version: "1.0.0".to_owned(),
                sha256: format!("sha256-of-{name}"),
                manifest_digest: format!("sha256:of-{name}"),
                size: 1,
            };
            (name.to_owned(), artifact)
        });
    Catalog { binaries: binaries.into(), images: images.into(), packages: None }
}
