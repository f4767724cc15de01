//! calico-node: routes, tunnels and policy on every node.

use hardway_spec::{Calico, Encapsulation};
use k8s_openapi::api::apps::v1::{DaemonSet, DaemonSetSpec, DaemonSetUpdateStrategy, RollingUpdateDaemonSet};
use k8s_openapi::api::core::v1::{
    Container, EnvVar, EnvVarSource, ExecAction, Lifecycle, LifecycleHandler, ObjectFieldSelector, PodSpec,
    PodTemplateSpec, Probe, SecurityContext, Toleration,
};
use k8s_openapi::api::rbac::v1::PolicyRule;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::{FOLDER, SECRET, certificate_annotation, datastore_variables};
use crate::objects::metadata::{namespaced, object, pod_metadata, selector};
use crate::objects::pod::{
    api_variables, at_start, command, container, every, host_path, http, mount, requests, secret, variable,
};
use crate::objects::rbac::{Who, cluster_role, cluster_role_binding, rule, service_account};
use crate::{DesignError, Inputs, Resource};

pub(crate) const NAME: &str = "calico-node";

/// Felix's health endpoint, on loopback (`HealthPort` in felix/config/config_params.go).
const HEALTH_PORT: i32 = 9099;

pub(super) fn resources(inputs: &Inputs<'_>, calico: &Calico) -> Result<[Resource; 4], DesignError> {
    Ok([
        service_account(NAME),
        cluster_role(NAME, rules(calico)),
        cluster_role_binding(NAME, NAME, Who::ServiceAccount(NAME)),
        object(DaemonSet {
            metadata: namespaced(NAME, NAME),
            spec: DaemonSetSpec {
                selector: selector(NAME),
                update_strategy: Some(DaemonSetUpdateStrategy {
                    type_: Some("RollingUpdate".to_owned()),
                    rolling_update: Some(RollingUpdateDaemonSet {
                        max_unavailable: Some(IntOrString::Int(1)),
                        ..RollingUpdateDaemonSet::default()
                    }),
                }),
                template: PodTemplateSpec {
                    metadata: Some(pod_metadata(NAME, &[certificate_annotation(inputs)?])),
                    spec: Some(pod(inputs, calico)?),
                },
                ..DaemonSetSpec::default()
            },
            ..DaemonSet::default()
        }),
    ])
}

/// Its own node's address, and the node's NetworkUnavailable condition; BGP also announces Services.
fn rules(calico: &Calico) -> Vec<PolicyRule> {
    let mut rules = vec![rule(&[""], &["nodes"], &["get"]), rule(&[""], &["nodes/status"], &["patch"])];
    if speaks_bgp(calico) {
        rules.push(rule(&[""], &["services", "endpoints"], &["list", "watch"]));
    }
    rules
}

fn pod(inputs: &Inputs<'_>, calico: &Calico) -> Result<PodSpec, DesignError> {
    Ok(PodSpec {
        host_network: Some(true),
        service_account_name: Some(NAME.to_owned()),
        priority_class_name: Some("system-node-critical".to_owned()),
        // The kernel keeps all routes and rules while it restarts; a long goodbye would only delay that.
        termination_grace_period_seconds: Some(5),
        // A node without it has no network, whatever else is wrong with the node.
        tolerations: Some(vec![Toleration { operator: Some("Exists".to_owned()), ..Toleration::default() }]),
        containers: vec![Container {
            env: Some(environment(inputs, calico)?),
            resources: Some(requests("100m", "128Mi")),
            security_context: Some(SecurityContext { privileged: Some(true), ..SecurityContext::default() }),
            // Tells the scheduler that the node's network is about to go.
            lifecycle: Some(Lifecycle {
                pre_stop: Some(LifecycleHandler {
                    exec: Some(ExecAction { command: Some(vec!["calico-node".to_owned(), "-shutdown".to_owned()]) }),
                    ..LifecycleHandler::default()
                }),
                ..Lifecycle::default()
            }),
            startup_probe: Some(at_start(readiness(calico))),
            readiness_probe: Some(every(2, readiness(calico))),
            liveness_probe: Some(Probe { failure_threshold: Some(6), ..every(10, liveness(calico)) }),
            volume_mounts: Some(vec![
                mount("lib-modules", "/lib/modules", true),
                mount("xtables-lock", "/run/xtables.lock", false),
                mount("var-run-calico", "/var/run/calico", false),
                mount("var-lib-calico", "/var/lib/calico", false),
                mount("etcd-certs", FOLDER, true),
            ]),
            ..container(inputs, NAME, NAME)?
        }],
        volumes: Some(vec![
            host_path("lib-modules", "/lib/modules", "DirectoryOrCreate"),
            host_path("xtables-lock", "/run/xtables.lock", "FileOrCreate"),
            host_path("var-run-calico", "/var/run/calico", "DirectoryOrCreate"),
            host_path("var-lib-calico", "/var/lib/calico", "DirectoryOrCreate"),
            secret("etcd-certs", SECRET),
        ]),
        ..PodSpec::default()
    })
}

/// Felix answers for itself over HTTP, which costs nothing. BIRD can only be asked by running a program.
fn readiness(calico: &Calico) -> Probe {
    if speaks_bgp(calico) {
        command(&["calico-node", "-felix-ready", "-bird-ready"])
    } else {
        http("HTTP", Some("127.0.0.1"), HEALTH_PORT, "/readiness")
    }
}

fn liveness(calico: &Calico) -> Probe {
    if speaks_bgp(calico) {
        command(&["calico-node", "-felix-live", "-bird-live"])
    } else {
        http("HTTP", Some("127.0.0.1"), HEALTH_PORT, "/liveness")
    }
}

/// VXLAN needs no routing protocol; without it, nodes tell each other their routes through BIRD.
fn speaks_bgp(calico: &Calico) -> bool {
    calico.encapsulation != Encapsulation::Vxlan
}

fn environment(inputs: &Inputs<'_>, calico: &Calico) -> Result<Vec<EnvVar>, DesignError> {
    let (vxlan, ipip) = match calico.encapsulation {
        Encapsulation::Vxlan => ("Always", "Never"),
        Encapsulation::Ipip => ("Never", "Always"),
        Encapsulation::None => ("Never", "Never"),
    };
    let (backend, cluster_type) = if speaks_bgp(calico) { ("bird", "k8s,bgp") } else { ("vxlan", "k8s") };

    let node_name = EnvVarSource {
        field_ref: Some(ObjectFieldSelector {
            field_path: "spec.nodeName".to_owned(),
            ..ObjectFieldSelector::default()
        }),
        ..EnvVarSource::default()
    };
    let from_node =
        |name: &str| EnvVar { name: name.to_owned(), value_from: Some(node_name.clone()), ..EnvVar::default() };

    let mut variables = api_variables();
    variables.extend(datastore_variables(inputs));
    variables.extend([
        // It exits when etcd is not there at once, and the kubelet would wait before it starts it again.
        variable("WAIT_FOR_DATASTORE", "true"),
        from_node("NODENAME"),
        from_node("CALICO_K8S_NODE_REF"),
        variable("CLUSTER_TYPE", cluster_type),
        variable("CALICO_NETWORKING_BACKEND", backend),
        // The CNI plugin's files are hardway's.
        variable("CALICO_MANAGE_CNI", "false"),
        variable("CALICO_DISABLE_FILE_LOGGING", "true"),
        variable("IP", "autodetect"),
        // The address that the kubelet registered, so that other interfaces of the machine don't matter.
        variable("IP_AUTODETECTION_METHOD", "kubernetes-internal-ip"),
        variable("CALICO_IPV4POOL_CIDR", inputs.cluster.spec.network.pods),
        variable("CALICO_IPV4POOL_VXLAN", vxlan),
        variable("CALICO_IPV4POOL_IPIP", ipip),
        variable("FELIX_HEALTHENABLED", "true"),
        variable("FELIX_HEALTHHOST", "127.0.0.1"),
        variable("FELIX_HEALTHPORT", HEALTH_PORT),
        // The image brings iptables on nf_tables alone, which also gets along with kube-proxy's nftables.
        variable("FELIX_IPTABLESBACKEND", "NFT"),
        variable("FELIX_DEFAULTENDPOINTTOHOSTACTION", "ACCEPT"),
        variable("FELIX_IPV6SUPPORT", "false"),
        // Would need a BPF file system from the host, for a gain that only policies on host endpoints have.
        variable("FELIX_XDPENABLED", "false"),
        variable("FELIX_USAGEREPORTINGENABLED", "false"),
    ]);
    Ok(variables)
}
