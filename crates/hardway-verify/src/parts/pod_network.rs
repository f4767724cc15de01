//! The pod network: pods reach each other across machines, policies bite, Calico's key opens Calico's part of etcd.

use hardway_design::Object;
use hardway_pki::Identity;
use hardway_spec::{Cni, MachineName};
use serde_json::json;
use tokio::time::{Duration, Instant};

use crate::Part;
use crate::etcd;
use crate::fault::{Expecting, Verdict, ensure};
use crate::inside;
use crate::parts::workers::{authority, fetch, reaches_service};
use crate::probe::Probe;
use crate::scene::Scene;
use crate::shell::complaint;
use crate::testbed::{PORT, SECOND_PORT, TestPod, labels};

const PART: Part = Part::PodNetwork;

/// Where Calico keeps its data, and where Kubernetes does.
const CALICO: &str = "/calico/";
const KUBERNETES: &str = "/registry/";

const POLICY: &str = "first-port-only";
const POLICY_HINT: &str = "hardway kubectl -- -n kube-system logs daemonset/calico-node";

/// For an object, which a ready API accepts within milliseconds.
const OBJECT_LIMIT: Duration = Duration::from_secs(10);

pub(crate) fn probes<'a>(scene: Scene<'a>) -> Vec<Probe<'a>> {
    let calico = matches!(scene.cluster().spec.network.cni, Cni::Calico(_));
    let mut probes = between_machines(scene);
    probes.push(policy(scene, calico));
    let titles = ["Calico's key reaches its own data in etcd", "etcd refuses Calico's key Kubernetes' data"];
    match scene.cluster().etcd_members().next() {
        Some(member) if calico => {
            let [own, others] = titles;
            probes.push(Probe::new(PART, own, reaches_its_own(scene, &member.name)));
            probes.push(Probe::new(PART, others, is_refused_the_rest(scene, &member.name)));
        }
        _ => probes.extend(titles.map(|title| Probe::not_applicable(PART, title, "the pod network is not Calico's"))),
    }
    probes
}

fn between_machines<'a>(scene: Scene<'a>) -> Vec<Probe<'a>> {
    let mut probes = Vec::new();
    for (index, pod) in scene.bed.pods.iter().enumerate() {
        let other = scene.bed.neighbour(index);
        if pod.node == other.node {
            continue;
        }
        let title = format!("a pod on {} reaches one on {} by its address", pod.node, other.node);
        probes.push(Probe::new(PART, title, reaches_address(scene, pod, other)));
        let title = format!("a pod on {} reaches one on {} by its Service", pod.node, other.node);
        probes.push(Probe::new(PART, title, reaches_service(scene, pod, other)));
    }
    if probes.is_empty() {
        let why = "the spec has fewer than two nodes that run workloads";
        probes.push(Probe::not_applicable(PART, "pods reach each other across machines", why));
    }
    probes
}

async fn reaches_address(scene: Scene<'_>, pod: &TestPod, other: &TestPod) -> Verdict {
    let (from, to) = futures::join!(pod.address(), other.address());
    from?;
    fetch(scene, pod, &format!("http://{}/", authority(to?, PORT)), other).await
}

fn policy<'a>(scene: Scene<'a>, calico: bool) -> Probe<'a> {
    let title = "a NetworkPolicy that denies bites, and is lifted";
    match &scene.bed.pods[..] {
        _ if !calico => Probe::not_applicable(PART, title, "the bridge plugin knows no NetworkPolicy"),
        [from, to, ..] => Probe::new(PART, title, policy_bites(scene, from, to)),
        _ => Probe::not_applicable(PART, title, "the spec has no node that runs workloads"),
    }
}

/// Denies everything but the port that other checks use meanwhile.
async fn policy_bites(scene: Scene<'_>, from: &TestPod, to: &TestPod) -> Verdict {
    let (started, address) = futures::join!(from.address(), to.address());
    started?;
    let url = format!("http://{}/", authority(address?, SECOND_PORT));
    // Denied packets are dropped, so a refusal is silence: a neighbour's answer takes a few milliseconds.
    let ask = ["timeout", "0.5", "wget", "-q", "-O", "-", &url];
    inside::until(scene, from, &ask, "an answer before there is a policy", POLICY_HINT).await?;

    let policy = deny(&scene.bed.namespace, &to.name);
    let expected = "the API takes a NetworkPolicy";
    scene.live().apply(&policy, Instant::now() + OBJECT_LIMIT).await.expecting(expected, POLICY_HINT)?;
    let bitten = inside::until_not(scene, from, &ask, "silence under the policy", POLICY_HINT).await;
    scene.live().delete(&policy).await.expecting("the policy can be deleted", POLICY_HINT)?;
    bitten?;
    inside::until(scene, from, &ask, "an answer once the policy is gone", POLICY_HINT).await.map(drop)
}

fn deny(namespace: &str, pod: &str) -> Object {
    Object {
        value: json!({
            "apiVersion": "networking.k8s.io/v1",
            "kind": "NetworkPolicy",
            "metadata": {"name": POLICY, "namespace": namespace, "labels": labels(None)},
            "spec": {
                "podSelector": {"matchLabels": labels(Some(pod))},
                "policyTypes": ["Ingress"],
                "ingress": [{"ports": [{"protocol": "TCP", "port": PORT}]}],
            },
        }),
    }
}

/// An `etcdctl` command that finds one key below a prefix.
fn look(prefix: &str) -> String {
    format!("get {prefix} --prefix --limit=1 --keys-only")
}

async fn reaches_its_own(scene: Scene<'_>, member: &MachineName) -> Verdict {
    let expected = format!("a key below {CALICO}");
    let hint = "hardway apply";
    let output = etcd::as_guest(scene, member, &Identity::EtcdCalico, &look(CALICO)).await?;
    ensure(output.success(), || complaint(&output), &expected, hint)?;
    let found = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    ensure(found.starts_with(CALICO), || format!("{found:?}"), expected, hint)
}

async fn is_refused_the_rest(scene: Scene<'_>, member: &MachineName) -> Verdict {
    let expected = format!("permission denied for {KUBERNETES}");
    let output = etcd::as_guest(scene, member, &Identity::EtcdCalico, &look(KUBERNETES)).await?;
    let said = complaint(&output);
    let is_denied = !output.success() && said.contains("permission denied");
    let found = || if output.success() { "it was let in".to_owned() } else { said };
    ensure(is_denied, found, expected, "hardway apply turns on etcd's authentication")
}
