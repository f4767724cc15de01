//! calico-kube-controllers: copies namespaces, service accounts and policies into Calico's store.
//!
//! Until it has written a namespace's profile, Calico drops all traffic of the namespace's new pods: a cluster's
//! first pod that talks waits for this one.

use k8s_openapi::api::apps::v1::{Deployment, DeploymentSpec, DeploymentStrategy};
use k8s_openapi::api::core::v1::{Container, EmptyDirVolumeSource, PodSpec, PodTemplateSpec, Probe, Volume};

use super::{FOLDER, GROUP, SECRET, certificate_annotation, datastore_variables};
use crate::objects::metadata::{namespaced, object, pod_metadata, selector};
use crate::objects::pod::{
    api_variables, at_start, command, confined, container, every, leaves_silent_nodes, mount, requests, secret,
    starts_before_the_network, user, variable,
};
use crate::objects::rbac::{Who, cluster_role, cluster_role_binding, rule, service_account};
use crate::objects::{NAMESPACE, after_image};
use crate::{Await, DesignError, Group, GroupId, Inputs, Resource};

pub(super) const NAME: &str = "calico-kube-controllers";

/// The user that upstream's image names.
const USER: i64 = 999;

pub(super) fn group(inputs: &Inputs<'_>) -> Result<Group, DesignError> {
    let mut after = after_image(inputs.cluster, NAME);
    after.push(GroupId::in_cluster(GROUP));
    let resources = vec![
        service_account(NAME),
        cluster_role(
            NAME,
            vec![
                rule(&[""], &["pods", "nodes", "namespaces", "serviceaccounts"], &["get", "list", "watch"]),
                rule(&["networking.k8s.io"], &["networkpolicies"], &["list", "watch"]),
            ],
        ),
        cluster_role_binding(NAME, NAME, Who::ServiceAccount(NAME)),
        object(Deployment {
            metadata: namespaced(NAME, NAME),
            spec: DeploymentSpec {
                replicas: Some(1),
                selector: selector(NAME),
                // Two at a time would undo each other's work.
                strategy: Some(DeploymentStrategy { type_: Some("Recreate".to_owned()), ..Default::default() }),
                template: PodTemplateSpec {
                    metadata: Some(pod_metadata(NAME, &[certificate_annotation(inputs)?])),
                    spec: Some(pod(inputs)?),
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
    Ok(Group { id: GroupId::in_cluster(NAME), after, resources })
}

fn pod(inputs: &Inputs<'_>) -> Result<PodSpec, DesignError> {
    let mut environment = api_variables();
    environment.extend(datastore_variables(inputs));
    environment.extend([
        variable("ENABLED_CONTROLLERS", "policy,namespace,serviceaccount,workloadendpoint,node"),
        // kube-apiserver compacts the same etcd.
        variable("COMPACTION_PERIOD", "0"),
    ]);
    let ready = || command(&["/usr/bin/check-status", "-r"]);
    Ok(PodSpec {
        // Policy can't cut it off from what it needs to lift the policy.
        host_network: Some(true),
        service_account_name: Some(NAME.to_owned()),
        priority_class_name: Some("system-cluster-critical".to_owned()),
        tolerations: Some(vec![starts_before_the_network(), leaves_silent_nodes()]),
        security_context: Some(user(USER)),
        containers: vec![Container {
            env: Some(environment),
            resources: Some(requests("50m", "64Mi")),
            security_context: Some(confined(&[])),
            startup_probe: Some(at_start(ready())),
            readiness_probe: Some(every(2, ready())),
            liveness_probe: Some(Probe {
                failure_threshold: Some(6),
                ..every(10, command(&["/usr/bin/check-status", "-l"]))
            }),
            volume_mounts: Some(vec![mount("etcd-certs", FOLDER, true), mount("status", "/status", false)]),
            ..container(inputs, NAME, NAME)?
        }],
        volumes: Some(vec![
            secret("etcd-certs", SECRET),
            Volume { name: "status".to_owned(), empty_dir: Some(EmptyDirVolumeSource::default()), ..Volume::default() },
        ]),
        ..PodSpec::default()
    })
}
