//! Machines that were removed stay out: a dead one that comes back with its disk has a kubelet with a valid certificate.
//!
//! There is no list of revoked certificates in Kubernetes, so its kubelet may call the API, and would register its node
//! again. A ValidatingAdmissionPolicy refuses what it would have to create for that: its node, its lease and its static
//! pods. Updates need no rule: once the node is deleted, there is nothing of it to update. So a machine that is about to
//! leave, and whose node exists, is not touched by it.
//! <https://kubernetes.io/docs/reference/access-authn-authz/validating-admission-policy/>

use hardway_spec::Cluster;
use k8s_openapi::api::admissionregistration::v1::{
    MatchCondition, MatchResources, NamedRuleWithOperations, ValidatingAdmissionPolicy,
    ValidatingAdmissionPolicyBinding, ValidatingAdmissionPolicyBindingSpec, ValidatingAdmissionPolicySpec, Validation,
};

use super::metadata::{cluster_wide, plain_object};
use super::rbac;
use crate::{Group, GroupId, Object, Resource};

pub(crate) const GROUP: &str = "removed-machines";

/// The policy, and its binding.
const NAME: &str = "hardway-removed-machines";

pub(super) fn group(cluster: &Cluster) -> Option<Group> {
    let users = users(cluster);
    let after = vec![GroupId::in_cluster(rbac::GROUP)];
    let resources = objects(&users).into_iter().map(Resource::Object).collect();
    (!users.is_empty()).then(|| Group { id: GroupId::in_cluster(GROUP), after, resources })
}

/// What is to go again once no machine leaves: the binding first, as nothing is refused without it.
pub(super) fn retired(cluster: &Cluster) -> Vec<Object> {
    if users(cluster).is_empty() { objects(&[]).into_iter().rev().collect() } else { Vec::new() }
}

/// As the kubelets' certificates name them.
fn users(cluster: &Cluster) -> Vec<String> {
    let nodes = cluster.leaving().filter(|machine| cluster.is_node(machine));
    nodes.map(|machine| format!("system:node:{}", machine.name)).collect()
}

fn objects(users: &[String]) -> [Object; 2] {
    let list = serde_json::to_string(users).expect("a list of texts is JSON, and CEL writes it the same way");
    let policy = ValidatingAdmissionPolicy {
        metadata: cluster_wide(NAME),
        spec: Some(ValidatingAdmissionPolicySpec {
            failure_policy: Some("Fail".to_owned()),
            match_constraints: Some(MatchResources {
                resource_rules: Some(vec![
                    creation_of("", &["nodes", "pods"]),
                    creation_of("coordination.k8s.io", &["leases"]),
                ]),
                ..MatchResources::default()
            }),
            match_conditions: Some(vec![MatchCondition {
                name: "removed-machine".to_owned(),
                expression: format!("request.userInfo.username in {list}"),
            }]),
            validations: Some(vec![Validation {
                expression: "false".to_owned(),
                message: Some(
                    "this machine was removed from the cluster: its entry in cluster.yaml says `removed`".to_owned(),
                ),
                ..Validation::default()
            }]),
            ..ValidatingAdmissionPolicySpec::default()
        }),
        ..ValidatingAdmissionPolicy::default()
    };
    let binding = ValidatingAdmissionPolicyBinding {
        metadata: cluster_wide(NAME),
        spec: ValidatingAdmissionPolicyBindingSpec {
            policy_name: NAME.to_owned(),
            validation_actions: vec!["Deny".to_owned()],
            ..ValidatingAdmissionPolicyBindingSpec::default()
        },
    };
    [plain_object(policy), plain_object(binding)]
}

fn creation_of(group: &str, resources: &[&str]) -> NamedRuleWithOperations {
    NamedRuleWithOperations {
        api_groups: Some(vec![group.to_owned()]),
        api_versions: Some(vec!["v1".to_owned()]),
        operations: Some(vec!["CREATE".to_owned()]),
        resources: Some(resources.iter().map(|resource| (*resource).to_owned()).collect()),
        ..NamedRuleWithOperations::default()
    }
}
