//! metrics-server: what nodes and pods use, as an API of its own behind the aggregation layer.
//!
//! Flags: `cmd/metrics-server/app/options` of sigs.k8s.io/metrics-server.

use hardway_pki::Identity;
use k8s_openapi::ByteString;
use k8s_openapi::api::apps::v1::{Deployment, DeploymentSpec, DeploymentStrategy, RollingUpdateDeployment};
use k8s_openapi::api::core::v1::{
    Container, PodSpec, PodTemplateSpec, Probe, Secret, Service, ServicePort, ServiceSpec,
};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use k8s_openapi::kube_aggregator::pkg::apis::apiregistration::v1::{APIService, APIServiceSpec, ServiceReference};

use super::metadata::{cluster_wide, labels, namespaced, object, pod_metadata, pods_of, selector};
use super::pod::{
    api_variables, confined, container, every, http, leaves_silent_nodes, mount, port, requests, secret,
    starts_before_the_network, user,
};
use super::rbac::{Who, cluster_role, cluster_role_binding, role_binding, rule, service_account};
use super::{NAMESPACE, after_image, nodes};
use crate::{DesignError, Group, GroupId, Inputs, Resource};

const NAME: &str = "metrics-server";
const API_SERVICE: &str = "v1beta1.metrics.k8s.io";
const SECRET: &str = "metrics-server-tls";
const FOLDER: &str = "/etc/metrics-server";

/// The user of the image.
const USER: i64 = 65534;

/// In the host's network, where the kubelet has 10250.
const PORT: i32 = 4443;

/// In seconds, and the least that it takes (`validate` in its options). It serves nothing before its second scrape.
const RESOLUTION: u32 = 10;
/// In seconds; must be under nine tenths of [`RESOLUTION`].
const KUBELET_TIMEOUT: u32 = 8;

pub(super) fn group(inputs: &Inputs<'_>) -> Result<Group, DesignError> {
    let resources = vec![
        service_account(NAME),
        cluster_role(
            "system:metrics-server",
            vec![rule(&[""], &["nodes/metrics"], &["get"]), rule(&[""], &["pods", "nodes"], &["get", "list", "watch"])],
        ),
        cluster_role_binding("system:metrics-server", "system:metrics-server", Who::ServiceAccount(NAME)),
        // It asks the API who its own clients are and what they may do.
        cluster_role_binding(
            "metrics-server:system:auth-delegator",
            "system:auth-delegator",
            Who::ServiceAccount(NAME),
        ),
        role_binding(
            "metrics-server-auth-reader",
            NAME,
            "extension-apiserver-authentication-reader",
            Who::ServiceAccount(NAME),
        ),
        reader(),
        tls(inputs)?,
        object(Service {
            metadata: namespaced(NAME, NAME),
            spec: Some(ServiceSpec {
                selector: Some(pods_of(NAME)),
                ports: Some(vec![ServicePort {
                    name: Some("https".to_owned()),
                    port: 443,
                    protocol: Some("TCP".to_owned()),
                    app_protocol: Some("https".to_owned()),
                    target_port: Some(IntOrString::Int(PORT)),
                    ..ServicePort::default()
                }]),
                ..ServiceSpec::default()
            }),
            ..Service::default()
        }),
        object(Deployment {
            metadata: namespaced(NAME, NAME),
            spec: DeploymentSpec {
                replicas: Some(1),
                selector: selector(NAME),
                // Its port is the host's: where there is one worker, the old one must go first.
                strategy: Some(DeploymentStrategy {
                    type_: Some("RollingUpdate".to_owned()),
                    rolling_update: Some(RollingUpdateDeployment {
                        max_unavailable: Some(IntOrString::Int(1)),
                        max_surge: Some(IntOrString::Int(0)),
                    }),
                }),
                template: PodTemplateSpec { metadata: Some(pod_metadata(NAME, &[])), spec: Some(pod(inputs)?) },
                ..DeploymentSpec::default()
            },
            ..Deployment::default()
        }),
        object(APIService {
            metadata: cluster_wide(API_SERVICE),
            spec: Some(APIServiceSpec {
                group: Some("metrics.k8s.io".to_owned()),
                version: Some("v1beta1".to_owned()),
                group_priority_minimum: 100,
                version_priority: 100,
                service: Some(ServiceReference {
                    name: Some(NAME.to_owned()),
                    namespace: Some(NAMESPACE.to_owned()),
                    port: Some(443),
                }),
                ca_bundle: Some(ByteString(
                    inputs.bundle.get(&Identity::ClusterAuthority)?.certificate.as_bytes().to_vec(),
                )),
                ..APIServiceSpec::default()
            }),
            ..APIService::default()
        }),
    ];
    // It serves a node's usage from the second scrape on: a node that joins just after the first costs RESOLUTION more.
    let mut after = after_image(inputs.cluster, NAME);
    after.push(GroupId::in_cluster(nodes::GROUP));
    Ok(Group { id: GroupId::in_cluster(NAME), after, resources })
}

/// Lets those who may read a namespace read its pods' usage too.
fn reader() -> Resource {
    let aggregate = |role: &str| format!("rbac.authorization.k8s.io/aggregate-to-{role}");
    let roles = ["view", "edit", "admin"].map(aggregate);
    let mut metadata = cluster_wide("system:aggregated-metrics-reader");
    metadata.labels = Some(labels(&roles.each_ref().map(|role| (role.as_str(), "true"))));
    object(k8s_openapi::api::rbac::v1::ClusterRole {
        metadata,
        rules: Some(vec![rule(&["metrics.k8s.io"], &["pods", "nodes"], &["get", "list", "watch"])]),
        ..Default::default()
    })
}

fn tls(inputs: &Inputs<'_>) -> Result<Resource, DesignError> {
    let pair = inputs.bundle.get(&Identity::MetricsServer)?;
    let data = [("tls.crt", pair.certificate.as_str()), ("tls.key", pair.key.as_str())];
    Ok(object(Secret {
        metadata: namespaced(SECRET, NAME),
        data: Some(
            data.iter().map(|(name, text)| ((*name).to_owned(), ByteString(text.as_bytes().to_vec()))).collect(),
        ),
        type_: Some("kubernetes.io/tls".to_owned()),
        ..Secret::default()
    }))
}

fn pod(inputs: &Inputs<'_>) -> Result<PodSpec, DesignError> {
    let arguments = vec![
        format!("--secure-port={PORT}"),
        format!("--tls-cert-file={FOLDER}/tls.crt"),
        format!("--tls-private-key-file={FOLDER}/tls.key"),
        "--tls-min-version=VersionTLS13".to_owned(),
        "--profiling=false".to_owned(),
        "--kubelet-preferred-address-types=InternalIP".to_owned(),
        "--kubelet-use-node-status-port".to_owned(),
        // Kubernetes gives every pod its own authority, which signs the kubelets' certificates too.
        "--kubelet-certificate-authority=/var/run/secrets/kubernetes.io/serviceaccount/ca.crt".to_owned(),
        format!("--kubelet-request-timeout={KUBELET_TIMEOUT}s"),
        format!("--metric-resolution={RESOLUTION}s"),
    ];
    Ok(PodSpec {
        // So control planes that are no nodes reach it, and it collects while the pod network still comes up.
        host_network: Some(true),
        service_account_name: Some(NAME.to_owned()),
        priority_class_name: Some("system-cluster-critical".to_owned()),
        tolerations: Some(vec![starts_before_the_network(), leaves_silent_nodes()]),
        security_context: Some(user(USER)),
        containers: vec![Container {
            args: Some(arguments),
            env: Some(api_variables()),
            resources: Some(requests("100m", "200Mi")),
            security_context: Some(confined(&[])),
            ports: Some(vec![port("https", PORT, "TCP")]),
            readiness_probe: Some(every(1, http("HTTPS", None, PORT, "/readyz"))),
            liveness_probe: Some(Probe {
                initial_delay_seconds: Some(30),
                ..every(10, http("HTTPS", None, PORT, "/livez"))
            }),
            volume_mounts: Some(vec![mount("tls", FOLDER, true)]),
            ..container(inputs, NAME, NAME)?
        }],
        volumes: Some(vec![secret("tls", SECRET)]),
        ..PodSpec::default()
    })
}
