//! CoreDNS: names inside the cluster, at the address that the spec gives.
//!
//! Plugins: <https://coredns.io/plugins/>.

use hardway_spec::{Cni, Machine};
use k8s_openapi::api::apps::v1::{Deployment, DeploymentSpec, DeploymentStrategy, RollingUpdateDeployment};
use k8s_openapi::api::core::v1::{
    ConfigMap, ConfigMapVolumeSource, Container, PodSpec, PodTemplateSpec, Probe, Service, ServicePort, ServiceSpec,
    TopologySpreadConstraint, Volume,
};
use k8s_openapi::api::policy::v1::{PodDisruptionBudget, PodDisruptionBudgetSpec};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::metadata::{namespaced, object, pod_metadata, pods_of, selector};
use super::pod::{confined, container, every, http, leaves_silent_nodes, mount, port, requests, user};
use super::rbac::{Who, cluster_role, cluster_role_binding, rule, service_account};
use super::{NAMESPACE, after_image, calico};
use crate::{Await, DesignError, Group, GroupId, Inputs, Resource, containerd};

const NAME: &str = "coredns";
/// The name that Kubernetes' own tools look for, from the time of CoreDNS' predecessor.
const APP: &str = "kube-dns";

/// The user of the image.
const USER: i64 = 65532;

const DNS: i32 = 53;
const METRICS: i32 = 9153;
const HEALTH: i32 = 8080;
const READY: i32 = 8181;

/// Two survive a node's loss; more serve only clusters far larger than a dozen nodes.
const REPLICAS: usize = 2;

pub(super) fn group(inputs: &Inputs<'_>) -> Result<Group, DesignError> {
    let cluster = inputs.cluster;
    let is_home = |machine: &&Machine| containerd::runs_pods(cluster, machine) && !cluster.keeps_pods_off(machine);
    let homes = cluster.machines().filter(is_home).count();
    let replicas = homes.clamp(1, REPLICAS) as i32;
    let resources = vec![
        service_account(NAME),
        cluster_role(
            "system:coredns",
            vec![
                rule(&[""], &["services", "namespaces"], &["list", "watch"]),
                rule(&["discovery.k8s.io"], &["endpointslices"], &["list", "watch"]),
            ],
        ),
        cluster_role_binding("system:coredns", "system:coredns", Who::ServiceAccount(NAME)),
        object(ConfigMap {
            metadata: namespaced(NAME, APP),
            data: Some([("Corefile".to_owned(), corefile(&cluster.spec.network.domain))].into()),
            ..ConfigMap::default()
        }),
        service(inputs),
        object(PodDisruptionBudget {
            metadata: namespaced(NAME, APP),
            spec: Some(PodDisruptionBudgetSpec {
                max_unavailable: Some(IntOrString::Int(1)),
                selector: Some(selector(APP)),
                // A replica that does not answer anyway must not keep a node from being drained.
                unhealthy_pod_eviction_policy: Some("AlwaysAllow".to_owned()),
                ..PodDisruptionBudgetSpec::default()
            }),
            ..PodDisruptionBudget::default()
        }),
        object(Deployment {
            metadata: namespaced(NAME, APP),
            spec: DeploymentSpec {
                replicas: Some(replicas),
                selector: selector(APP),
                strategy: Some(DeploymentStrategy {
                    type_: Some("RollingUpdate".to_owned()),
                    rolling_update: Some(RollingUpdateDeployment {
                        max_unavailable: Some(IntOrString::Int(0)),
                        max_surge: Some(IntOrString::Int(1)),
                    }),
                }),
                template: PodTemplateSpec {
                    metadata: Some(pod_metadata(APP, &[])),
                    spec: Some(pod(inputs, replicas)?),
                },
                ..DeploymentSpec::default()
            },
            ..Deployment::default()
        }),
        Resource::Await(Await::RolledOut {
            kind: "Deployment".to_owned(),
            namespace: NAMESPACE.to_owned(),
            name: NAME.to_owned(),
        }),
    ];
    let mut after = after_image(cluster, NAME);
    if matches!(cluster.spec.network.cni, Cni::Calico(_)) {
        // Before, Calico drops its first questions to the API, and TCP asks again only after one, two and four seconds.
        after.push(GroupId::in_cluster(calico::CONTROLLERS));
    }
    Ok(Group { id: GroupId::in_cluster(NAME), after, resources })
}

fn corefile(domain: &str) -> String {
    format!(
        ".:{DNS} {{
    errors
    health :{HEALTH} {{
        lameduck 3s
    }}
    ready :{READY}
    kubernetes {domain} in-addr.arpa ip6.arpa {{
        pods disabled
        fallthrough in-addr.arpa ip6.arpa
        ttl 30
    }}
    prometheus :{METRICS}
    forward . /etc/resolv.conf {{
        max_concurrent 1000
    }}
    cache 30
    loop
    reload
    loadbalance
}}
"
    )
}

fn service(inputs: &Inputs<'_>) -> Resource {
    let port = |name: &str, port, protocol: &str| ServicePort {
        name: Some(name.to_owned()),
        port,
        protocol: Some(protocol.to_owned()),
        target_port: Some(IntOrString::Int(port)),
        ..ServicePort::default()
    };
    object(Service {
        metadata: namespaced(APP, APP),
        spec: Some(ServiceSpec {
            cluster_ip: Some(inputs.cluster.spec.network.dns.to_string()),
            // A node with a replica of its own asks no other: for most of a minute, others may be of a node that is lost.
            // <https://www.kubernetes.dev/resources/keps/3015/>
            traffic_distribution: Some("PreferSameNode".to_owned()),
            selector: Some(pods_of(APP)),
            ports: Some(vec![port("dns", DNS, "UDP"), port("dns-tcp", DNS, "TCP"), port("metrics", METRICS, "TCP")]),
            ..ServiceSpec::default()
        }),
        ..Service::default()
    })
}

fn pod(inputs: &Inputs<'_>, replicas: i32) -> Result<PodSpec, DesignError> {
    // Never two on one node, also while only the first node has registered: the other one waits for the next.
    let spread = TopologySpreadConstraint {
        max_skew: 1,
        min_domains: Some(replicas),
        topology_key: "kubernetes.io/hostname".to_owned(),
        when_unsatisfiable: "DoNotSchedule".to_owned(),
        label_selector: Some(selector(APP)),
        // A new version's pods are spread among themselves, so that a rollout does not wait for the old ones.
        match_label_keys: Some(vec!["pod-template-hash".to_owned()]),
        ..TopologySpreadConstraint::default()
    };
    Ok(PodSpec {
        service_account_name: Some(NAME.to_owned()),
        priority_class_name: Some("system-cluster-critical".to_owned()),
        // The node's own name servers: asking the cluster's for them would go round in circles.
        dns_policy: Some("Default".to_owned()),
        tolerations: Some(vec![leaves_silent_nodes()]),
        topology_spread_constraints: (replicas > 1).then(|| vec![spread]),
        security_context: Some(user(USER)),
        containers: vec![Container {
            args: Some(vec!["-conf".to_owned(), "/etc/coredns/Corefile".to_owned()]),
            resources: Some(requests("100m", "70Mi")),
            security_context: Some(confined(&["NET_BIND_SERVICE"])),
            ports: Some(vec![port("dns", DNS, "UDP"), port("dns-tcp", DNS, "TCP"), port("metrics", METRICS, "TCP")]),
            readiness_probe: Some(every(1, http("HTTP", None, READY, "/ready"))),
            liveness_probe: Some(Probe {
                initial_delay_seconds: Some(30),
                failure_threshold: Some(5),
                ..every(10, http("HTTP", None, HEALTH, "/health"))
            }),
            volume_mounts: Some(vec![mount("config", "/etc/coredns", true)]),
            ..container(inputs, NAME, NAME)?
        }],
        volumes: Some(vec![Volume {
            name: "config".to_owned(),
            config_map: Some(ConfigMapVolumeSource { name: NAME.to_owned(), ..ConfigMapVolumeSource::default() }),
            ..Volume::default()
        }]),
        ..PodSpec::default()
    })
}
