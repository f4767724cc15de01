//! From the API server to kubelets: logs, exec and port-forward work, and strangers get nothing.

use std::time::Duration;

use hardway_cluster::Credentials;
use hardway_pki::{Identity, table};
use hardway_spec::Machine;
use serde_json::Value;

use crate::Part;
use crate::fault::{Expecting, Fault, Verdict, chain, ensure};
use crate::probe::Probe;
use crate::scene::{Scene, connect};
use crate::testbed::{PORT, TestPod};

const PART: Part = Part::ApiServerToKubelet;

const ROLE: &str = "system:kube-apiserver-to-kubelet";
const KUBELET_PORT: u16 = 10250;

/// For a call that passes through the kubelet on a busy node.
const LIMIT: Duration = Duration::from_secs(20);

pub(crate) fn probes<'a>(scene: Scene<'a>) -> Vec<Probe<'a>> {
    let title = format!("ClusterRole {ROLE} is bound to kube-apiserver's client identity");
    let mut probes = vec![Probe::new(PART, title, is_bound(scene))];
    for pod in distinct(&scene.bed.pods) {
        let node = &pod.node;
        probes.push(Probe::new(PART, format!("logs of a pod on {node} can be read"), gives_logs(scene, pod)));
        probes.push(Probe::new(PART, format!("exec in a pod on {node} runs"), runs(scene, pod)));
        probes.push(Probe::new(PART, format!("port-forward to a pod on {node} answers"), forwards(scene, pod)));
    }
    for node in scene.cluster().nodes() {
        let title = format!("the kubelet on {} refuses strangers", node.name);
        probes.push(Probe::new(PART, title, refuses_strangers(scene, node)));
    }
    probes
}

/// The first pod of each node.
fn distinct(pods: &[TestPod]) -> impl Iterator<Item = &TestPod> {
    pods.iter()
        .enumerate()
        .filter(|(index, pod)| !pods[..*index].iter().any(|other| other.node == pod.node))
        .map(|(_, pod)| pod)
}

async fn is_bound(scene: Scene<'_>) -> Verdict {
    let group = "/apis/rbac.authorization.k8s.io/v1";
    let (role, binding) = (format!("{group}/clusterroles/{ROLE}"), format!("{group}/clusterrolebindings/{ROLE}"));
    let user = table(scene.cluster())
        .into_iter()
        .find(|profile| profile.identity == Identity::ApiServerKubeletClient)
        .map(|profile| profile.common_name)
        .unwrap_or_default();
    let expected = format!("the role, bound to user {user}");
    let (role, binding) = futures::join!(scene.live().get_json(&role), scene.live().get_json(&binding));
    role.expecting(&expected, "hardway apply")?;
    let binding = binding.expecting(&expected, "hardway apply")?;
    ensure(binds(&binding, &user), || "a binding to somebody else".to_owned(), expected, "hardway apply")
}

fn binds(binding: &Value, user: &str) -> bool {
    let subjects = binding["subjects"].as_array();
    binding.pointer("/roleRef/name").is_some_and(|name| name == ROLE)
        && subjects.into_iter().flatten().any(|subject| subject["kind"] == "User" && subject["name"] == user)
}

fn hint(pod: &TestPod) -> String {
    format!("hardway ssh {} -- journalctl -u kubelet", pod.node)
}

async fn gives_logs(scene: Scene<'_>, pod: &TestPod) -> Verdict {
    let expected = "the line that the pod wrote";
    pod.address().await?;
    let logs = scene.live().logs(&scene.bed.namespace, &pod.name, LIMIT).await.expecting(expected, hint(pod))?;
    ensure(logs.trim() == pod.name, || format!("{:?}", logs.trim()), expected, hint(pod))
}

async fn runs(scene: Scene<'_>, pod: &TestPod) -> Verdict {
    // An exit status of its own shows that the command's end is told, too.
    let expected = "the pod's host name, and the exit status 7";
    pod.address().await?;
    let command = ["sh", "-c", "hostname; exit 7"];
    let output = scene.live().exec(&scene.bed.namespace, &pod.name, &command, LIMIT).await;
    let output = output.expecting(expected, hint(pod))?;
    ensure(
        output.stdout.trim() == pod.name && output.exit_code == 7,
        || format!("{:?}, exit status {}", output.stdout.trim(), output.exit_code),
        expected,
        hint(pod),
    )
}

async fn forwards(scene: Scene<'_>, pod: &TestPod) -> Verdict {
    let expected = "the pod's answer over HTTP";
    pod.address().await?;
    let request = b"GET / HTTP/1.0\r\n\r\n";
    let answer = scene.live().port_forward(&scene.bed.namespace, &pod.name, PORT, request, LIMIT).await;
    let answer = answer.expecting(expected, hint(pod))?;
    let answer = String::from_utf8_lossy(&answer);
    ensure(
        answer.trim_end().ends_with(&pod.name),
        || format!("{} bytes of something else", answer.len()),
        expected,
        hint(pod),
    )
}

async fn refuses_strangers(scene: Scene<'_>, node: &Machine) -> Verdict {
    let expected = "HTTP 401 for a request without a certificate";
    let hint = format!("look at the kubelet's authentication.anonymous on {}", node.name);
    let access = hardway_cluster::Access {
        server: (node.address, KUBELET_PORT).into(),
        server_name: node.name.to_string(),
        authority: scene.key_pair(&Identity::ClusterAuthority)?.certificate.clone(),
    };
    let found = match connect(&access, &Credentials::Anonymous)?.get_text("/pods").await {
        Err(error) if error.code() == Some(401) => return Ok(()),
        Err(error) => chain(&error),
        Ok(_) => "its pods".to_owned(),
    };
    Err(Fault::new(found, expected, hint))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_binding_counts_for_its_user_and_role_only() {
        let binding = |role: &str, kind: &str| json!({"roleRef": {"name": role}, "subjects": [{"kind": kind, "name": "kube-apiserver-kubelet-client"}]});
        assert!(binds(&binding(ROLE, "User"), "kube-apiserver-kubelet-client"));
        assert!(!binds(&binding(ROLE, "Group"), "kube-apiserver-kubelet-client"));
        assert!(!binds(&binding("view", "User"), "kube-apiserver-kubelet-client"));
        assert!(!binds(&binding(ROLE, "User"), "kubernetes"));
    }
}
