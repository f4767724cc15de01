//! Who may do what: the roles that Kubernetes does not bring itself.

use hardway_spec::Cni;
use k8s_openapi::api::core::v1::ServiceAccount;
use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding, PolicyRule, RoleBinding, RoleRef, Subject};

use super::NAMESPACE;
use super::metadata::{cluster_wide, namespaced, object};
use crate::{Await, Group, GroupId, Inputs, Resource, haproxy, keepalived, kube_apiserver};

pub(super) const GROUP: &str = "rbac";

/// The name in the certificate by which kube-apiserver calls kubelets.
const API_SERVER: &str = "kube-apiserver-kubelet-client";
/// The name in the certificate of Calico's CNI plugin.
const CALICO_CNI: &str = "calico-cni";
const API_GROUP: &str = "rbac.authorization.k8s.io";

/// Somebody whom a role is bound to.
pub(super) enum Who<'a> {
    /// The common name of a client certificate.
    User(&'a str),
    ServiceAccount(&'a str),
}

pub(super) fn group(inputs: &Inputs<'_>) -> Group {
    let mut resources = vec![
        Resource::Await(Await::ApiReady),
        // The kubelet's finer checks fall back to nodes/proxy, which exec, logs and port-forward need in any case
        // (GetRequestAttributes in pkg/kubelet/server/auth.go). The kubelet knows no methods but GET and POST.
        cluster_role(
            "system:kube-apiserver-to-kubelet",
            vec![rule(
                &[""],
                &[
                    "nodes/proxy",
                    "nodes/stats",
                    "nodes/log",
                    "nodes/spec",
                    "nodes/metrics",
                    "nodes/pods",
                    "nodes/healthz",
                    "nodes/configz",
                ],
                &["get", "create"],
            )],
        ),
        cluster_role_binding(
            "system:kube-apiserver-to-kubelet",
            "system:kube-apiserver-to-kubelet",
            Who::User(API_SERVER),
        ),
    ];
    if matches!(inputs.cluster.spec.network.cni, Cni::Calico(_)) {
        resources.extend([
            cluster_role(CALICO_CNI, vec![rule(&[""], &["pods", "nodes", "namespaces"], &["get"])]),
            cluster_role_binding(CALICO_CNI, CALICO_CNI, Who::User(CALICO_CNI)),
        ]);
    }
    let mut after = kube_apiserver::started(inputs.cluster);
    after.extend(haproxy::load_balancer::started(inputs.cluster));
    after.extend(keepalived::started(inputs.cluster));
    Group { id: GroupId::in_cluster(GROUP), after, resources }
}

pub(super) fn rule(groups: &[&str], resources: &[&str], verbs: &[&str]) -> PolicyRule {
    let owned = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    PolicyRule {
        api_groups: Some(owned(groups)),
        resources: Some(owned(resources)),
        verbs: owned(verbs),
        ..PolicyRule::default()
    }
}

pub(super) fn cluster_role(name: &str, rules: Vec<PolicyRule>) -> Resource {
    object(ClusterRole { metadata: cluster_wide(name), rules: Some(rules), ..ClusterRole::default() })
}

pub(super) fn cluster_role_binding(name: &str, role: &str, who: Who<'_>) -> Resource {
    object(ClusterRoleBinding {
        metadata: cluster_wide(name),
        role_ref: role_ref("ClusterRole", role),
        subjects: Some(vec![subject(who)]),
    })
}

/// Binds a role of the same namespace.
pub(super) fn role_binding(name: &str, app: &str, role: &str, who: Who<'_>) -> Resource {
    object(RoleBinding {
        metadata: namespaced(name, app),
        role_ref: role_ref("Role", role),
        subjects: Some(vec![subject(who)]),
    })
}

/// A service account of component `app`, of the same name.
pub(super) fn service_account(app: &str) -> Resource {
    object(ServiceAccount { metadata: namespaced(app, app), ..ServiceAccount::default() })
}

fn role_ref(kind: &str, name: &str) -> RoleRef {
    RoleRef { api_group: Some(API_GROUP.to_owned()), kind: kind.to_owned(), name: name.to_owned() }
}

fn subject(who: Who<'_>) -> Subject {
    match who {
        Who::User(name) => Subject {
            api_group: Some(API_GROUP.to_owned()),
            kind: "User".to_owned(),
            name: name.to_owned(),
            namespace: None,
        },
        Who::ServiceAccount(name) => Subject {
            api_group: None,
            kind: "ServiceAccount".to_owned(),
            name: name.to_owned(),
            namespace: Some(NAMESPACE.to_owned()),
        },
    }
}
