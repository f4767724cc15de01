//! Kinds and the paths they are served at.

use hardway_design::Object;
use kube::Resource;
use kube::api::{ApiResource, DynamicObject};
use kube::core::Request;

use crate::Error;

/// Every kind that the design uses, with its resource name as the API server's discovery has it.
const KINDS: &[(&str, &str, &str)] = &[
    ("v1", "Namespace", "namespaces"),
    ("v1", "Node", "nodes"),
    ("v1", "Pod", "pods"),
    ("v1", "Event", "events"),
    ("v1", "ConfigMap", "configmaps"),
    ("v1", "Secret", "secrets"),
    ("v1", "Service", "services"),
    ("v1", "ServiceAccount", "serviceaccounts"),
    ("apps/v1", "DaemonSet", "daemonsets"),
    ("apps/v1", "Deployment", "deployments"),
    ("admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicy", "validatingadmissionpolicies"),
    ("admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicyBinding", "validatingadmissionpolicybindings"),
    ("apiregistration.k8s.io/v1", "APIService", "apiservices"),
    ("coordination.k8s.io/v1", "Lease", "leases"),
    ("networking.k8s.io/v1", "NetworkPolicy", "networkpolicies"),
    ("policy/v1", "PodDisruptionBudget", "poddisruptionbudgets"),
    ("rbac.authorization.k8s.io/v1", "ClusterRole", "clusterroles"),
    ("rbac.authorization.k8s.io/v1", "ClusterRoleBinding", "clusterrolebindings"),
    ("rbac.authorization.k8s.io/v1", "Role", "roles"),
    ("rbac.authorization.k8s.io/v1", "RoleBinding", "rolebindings"),
];

/// The path of a kind's collection, in a namespace where there is one.
pub(crate) fn collection(api_version: &str, kind: &str, namespace: Option<&str>) -> Result<Request, Error> {
    let Some((_, _, plural)) = KINDS.iter().find(|entry| entry.0 == api_version && entry.1 == kind) else {
        return Err(Error::UnknownKind { api_version: api_version.to_owned(), kind: kind.to_owned() });
    };
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    let resource = ApiResource {
        group: group.to_owned(),
        version: version.to_owned(),
        api_version: api_version.to_owned(),
        kind: kind.to_owned(),
        plural: (*plural).to_owned(),
    };
    Ok(Request::new(DynamicObject::url_path(&resource, namespace)))
}

pub(crate) fn collection_of(object: &Object) -> Result<Request, Error> {
    collection(object.api_version(), object.kind(), object.namespace())
}

/// `Deployment kube-system/coredns`, `ClusterRole calico-node`.
pub(crate) fn title(object: &Object) -> String {
    match object.namespace() {
        Some(namespace) => format!("{} {namespace}/{}", object.kind(), object.name()),
        None => format!("{} {}", object.kind(), object.name()),
    }
}

#[cfg(test)]
mod tests {
    use kube::api::GetParams;

    use super::*;

    fn path(api_version: &str, kind: &str, namespace: Option<&str>) -> String {
        let request = collection(api_version, kind, namespace).unwrap().get("x", &GetParams::default()).unwrap();
        request.uri().path().to_owned()
    }

    #[test]
    fn core_kinds_are_below_api_and_the_others_below_apis() {
        assert_eq!(path("v1", "Secret", Some("kube-system")), "/api/v1/namespaces/kube-system/secrets/x");
        assert_eq!(path("apps/v1", "DaemonSet", Some("a")), "/apis/apps/v1/namespaces/a/daemonsets/x");
        assert_eq!(
            path("apiregistration.k8s.io/v1", "APIService", None),
            "/apis/apiregistration.k8s.io/v1/apiservices/x"
        );
    }

    #[test]
    fn a_kind_outside_the_table_is_named() {
        let Err(error) = collection("example.com/v1", "Gizmo", None) else { panic!("a path for an unknown kind") };
        assert_eq!(error.to_string(), "example.com/v1 Gizmo is no kind that hardway knows the path of");
    }
}
