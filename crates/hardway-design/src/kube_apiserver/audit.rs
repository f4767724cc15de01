//! What the audit log holds: <https://kubernetes.io/docs/tasks/debug/debug-cluster/audit/>.

use serde::Serialize;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Policy {
    api_version: &'static str,
    kind: &'static str,
    omit_stages: Vec<&'static str>,
    rules: Vec<Rule>,
}

#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Rule {
    level: Level,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    users: Vec<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    user_groups: Vec<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    verbs: Vec<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    resources: Vec<GroupResources>,
    #[serde(rename = "nonResourceURLs", skip_serializing_if = "Vec::is_empty")]
    non_resource_urls: Vec<&'static str>,
}

#[derive(Serialize)]
struct GroupResources {
    group: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    resources: Vec<&'static str>,
}

#[derive(Default, Serialize)]
enum Level {
    None,
    #[default]
    Metadata,
    Request,
}

/// The first rule that matches decides: noise is dropped, bodies that may hold secrets are never written.
pub(super) fn policy() -> Policy {
    Policy {
        api_version: "audit.k8s.io/v1",
        kind: "Policy",
        omit_stages: vec!["RequestReceived"],
        rules: vec![
            Rule {
                level: Level::None,
                non_resource_urls: vec!["/healthz*", "/livez*", "/readyz*", "/version"],
                ..Rule::default()
            },
            // Heartbeats: many a second, and who holds a lease stands in the lease.
            Rule {
                level: Level::None,
                verbs: vec!["get", "update"],
                resources: vec![GroupResources { group: "coordination.k8s.io", resources: vec!["leases"] }],
                ..Rule::default()
            },
            Rule {
                level: Level::None,
                resources: vec![
                    GroupResources { group: "", resources: vec!["events"] },
                    GroupResources { group: "events.k8s.io", resources: vec!["events"] },
                ],
                ..Rule::default()
            },
            Rule {
                level: Level::None,
                users: vec!["system:kube-proxy"],
                verbs: vec!["get", "list", "watch"],
                ..Rule::default()
            },
            Rule {
                level: Level::None,
                user_groups: vec!["system:nodes"],
                verbs: vec!["get", "list", "watch"],
                resources: vec![GroupResources { group: "", resources: vec!["nodes", "nodes/status", "pods"] }],
                ..Rule::default()
            },
            Rule {
                resources: vec![
                    GroupResources { group: "", resources: vec!["secrets", "configmaps", "serviceaccounts/token"] },
                    GroupResources { group: "authentication.k8s.io", resources: vec!["tokenreviews"] },
                ],
                ..Rule::default()
            },
            // Who was given which rights.
            Rule {
                level: Level::Request,
                verbs: vec!["create", "update", "patch", "delete", "deletecollection"],
                resources: vec![GroupResources { group: "rbac.authorization.k8s.io", resources: vec![] }],
                ..Rule::default()
            },
            Rule::default(),
        ],
    }
}
