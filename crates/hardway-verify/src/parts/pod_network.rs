//! The pod network: pods reach each other across machines, policies bite, Calico's key opens Calico's part of etcd.

use hardway_pki::Identity;
use hardway_spec::{Cni, MachineName};

use crate::Part;
use crate::etcd;
use crate::fault::{Verdict, ensure};
use crate::inside;
use crate::parts::workers::{authority, fetch, reaches_service};
use crate::probe::Probe;
use crate::scene::Scene;
use crate::shell::complaint;
use crate::testbed::{DENIED_PORT, PORT, TestPod};

const PART: Part = Part::PodNetwork;

/// Where Calico keeps its data, and where Kubernetes does.
const CALICO: &str = "/calico/";
const KUBERNETES: &str = "/registry/";

const HINT: &str = "hardway kubectl -- -n kube-system logs daemonset/calico-node";

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
    match (&scene.bed.pods[..], scene.bed.policy()) {
        ([from, to, ..], Some(made)) => Probe::new(PART, title, async move {
            made.await?;
            policy_bites(scene, from, to).await
        }),
        _ if calico => Probe::not_applicable(PART, title, "the spec has no node that runs workloads"),
        _ => Probe::not_applicable(PART, title, "the bridge plugin knows no NetworkPolicy"),
    }
}

/// Succeeds where the first URL answers and the second does not, twice: denied packets are dropped, so silence tells.
const BITES: &str = "timeout 2 wget -q -O - \"$1\" || exit 1
for _ in 1 2; do
    if timeout 0.4 wget -q -O - \"$2\"; then exit 1; fi
done";

async fn policy_bites(scene: Scene<'_>, from: &TestPod, to: &TestPod) -> Verdict {
    let (started, address) = futures::join!(from.address(), to.address());
    started?;
    let address = address?;
    let [allowed, denied] = [PORT, DENIED_PORT].map(|port| format!("http://{}/", authority(address, port)));
    let ask = ["sh", "-c", BITES, "sh", &allowed, &denied];
    inside::until(scene, from, &ask, "an answer from the port allowed, none from that denied", HINT).await?;

    scene.bed.lift_policy().await?;
    let ask = ["timeout", "0.4", "wget", "-q", "-O", "-", &denied];
    inside::until(scene, from, &ask, "an answer once the policy is gone", HINT).await.map(drop)
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
