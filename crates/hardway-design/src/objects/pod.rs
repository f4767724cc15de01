//! The parts of pods that several components share.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{
    Capabilities, Container, ContainerPort, EnvVar, ExecAction, HTTPGetAction, HostPathVolumeSource,
    PodSecurityContext, Probe, ResourceRequirements, SeccompProfile, SecretVolumeSource, SecurityContext, Toleration,
    Volume, VolumeMount,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use crate::paths::LOCAL_API_PORT;
use crate::{DesignError, Inputs};

/// How long pods stay bound to a node that went silent, in seconds. Kubernetes' own default is 300; these are few,
/// cheap to start elsewhere, and everything else leans on them.
const UNREACHABLE_SECONDS: i64 = 30;

/// Pods need this long from the kubelet's first try in the worst case: a machine that imports images meanwhile.
const START_SECONDS: i32 = 300;

/// A container of the artifact `image`, which is never pulled: its group has waited until the node has it.
pub(super) fn container(inputs: &Inputs<'_>, name: &str, image: &str) -> Result<Container, DesignError> {
    Ok(Container {
        name: name.to_owned(),
        image: Some(inputs.image_artifact(image)?.reference.clone()),
        image_pull_policy: Some("Never".to_owned()),
        ..Container::default()
    })
}

pub(super) fn variable(name: &str, value: impl ToString) -> EnvVar {
    EnvVar { name: name.to_owned(), value: Some(value.to_string()), ..EnvVar::default() }
}

/// Leads client-go to the node's own balancer, for pods in the host's network: they start before kube-proxy has
/// made the `kubernetes` Service reachable, and work while it is not.
pub(super) fn api_variables() -> Vec<EnvVar> {
    vec![variable("KUBERNETES_SERVICE_HOST", "127.0.0.1"), variable("KUBERNETES_SERVICE_PORT", LOCAL_API_PORT)]
}

/// What a component without any privilege of its own runs with.
pub(super) fn confined(capabilities: &[&str]) -> SecurityContext {
    SecurityContext {
        allow_privilege_escalation: Some(false),
        read_only_root_filesystem: Some(true),
        capabilities: Some(Capabilities {
            add: Some(capabilities.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>())
                .filter(|names| !names.is_empty()),
            drop: Some(vec!["ALL".to_owned()]),
        }),
        ..SecurityContext::default()
    }
}

/// A user without a name, who owns nothing but the pod's volumes.
pub(super) fn user(id: i64) -> PodSecurityContext {
    PodSecurityContext {
        run_as_non_root: Some(true),
        run_as_user: Some(id),
        run_as_group: Some(id),
        fs_group: Some(id),
        seccomp_profile: Some(SeccompProfile { type_: "RuntimeDefault".to_owned(), ..SeccompProfile::default() }),
        ..PodSecurityContext::default()
    }
}

/// Moves the pod away soon when its node goes silent.
pub(super) fn leaves_silent_nodes() -> Toleration {
    Toleration {
        key: Some("node.kubernetes.io/unreachable".to_owned()),
        operator: Some("Exists".to_owned()),
        effect: Some("NoExecute".to_owned()),
        toleration_seconds: Some(UNREACHABLE_SECONDS),
        ..Toleration::default()
    }
}

/// Lets the pod start while its node still waits for the pod network.
pub(super) fn starts_before_the_network() -> Toleration {
    Toleration {
        key: Some("node.kubernetes.io/not-ready".to_owned()),
        operator: Some("Exists".to_owned()),
        effect: Some("NoSchedule".to_owned()),
        ..Toleration::default()
    }
}

/// A request of the kubelet; `host` where the pod is in the host's network and listens on loopback.
pub(super) fn http(scheme: &str, host: Option<&str>, port: i32, path: &str) -> Probe {
    Probe {
        http_get: Some(HTTPGetAction {
            scheme: Some(scheme.to_owned()),
            host: host.map(str::to_owned),
            port: IntOrString::Int(port),
            path: Some(path.to_owned()),
            ..HTTPGetAction::default()
        }),
        ..Probe::default()
    }
}

pub(super) fn command(arguments: &[&str]) -> Probe {
    let command = arguments.iter().map(|argument| (*argument).to_owned()).collect();
    Probe { exec: Some(ExecAction { command: Some(command) }), ..Probe::default() }
}

/// The probe, asked every `seconds`. The kubelet's own default of 10 s delays what waits for the pod by as much.
pub(super) fn every(seconds: i32, probe: Probe) -> Probe {
    Probe { period_seconds: Some(seconds), timeout_seconds: Some(seconds.max(5)), ..probe }
}

/// Asks every second until the pod is up; then the other probes take over at their own pace.
pub(super) fn at_start(probe: Probe) -> Probe {
    Probe { failure_threshold: Some(START_SECONDS), ..every(1, probe) }
}

pub(super) fn port(name: &str, number: i32, protocol: &str) -> ContainerPort {
    ContainerPort {
        name: Some(name.to_owned()),
        container_port: number,
        protocol: Some(protocol.to_owned()),
        ..ContainerPort::default()
    }
}

pub(super) fn requests(cpu: &str, memory: &str) -> ResourceRequirements {
    let amounts = [("cpu", cpu), ("memory", memory)];
    ResourceRequirements {
        requests: Some(
            amounts
                .iter()
                .map(|(name, amount)| ((*name).to_owned(), Quantity((*amount).to_owned())))
                .collect::<BTreeMap<_, _>>(),
        ),
        ..ResourceRequirements::default()
    }
}

pub(super) fn mount(volume: &str, path: &str, read_only: bool) -> VolumeMount {
    VolumeMount {
        name: volume.to_owned(),
        mount_path: path.to_owned(),
        read_only: read_only.then_some(true),
        ..VolumeMount::default()
    }
}

pub(super) fn host_path(name: &str, path: &str, kind: &str) -> Volume {
    Volume {
        name: name.to_owned(),
        host_path: Some(HostPathVolumeSource { path: path.to_owned(), type_: Some(kind.to_owned()) }),
        ..Volume::default()
    }
}

/// A Secret's values as files, readable by the pod's user alone.
pub(super) fn secret(name: &str, secret: &str) -> Volume {
    Volume {
        name: name.to_owned(),
        secret: Some(SecretVolumeSource {
            secret_name: Some(secret.to_owned()),
            default_mode: Some(0o440),
            ..SecretVolumeSource::default()
        }),
        ..Volume::default()
    }
}
