//! DNS: CoreDNS answers pods at the spec's address, from more than one node.

use std::collections::BTreeSet;
use std::net::IpAddr;

use serde_json::Value;

use crate::Part;
use crate::fault::{Expecting, Fault, Verdict, ensure};
use crate::inside;
use crate::probe::Probe;
use crate::scene::Scene;
use crate::testbed::TestPod;

const PART: Part = Part::Dns;

const HINT: &str = "hardway kubectl -- -n kube-system logs deployment/coredns";

pub(crate) fn probes<'a>(scene: Scene<'a>) -> Vec<Probe<'a>> {
    let network = &scene.cluster().spec.network;
    let title = format!("the cluster's DNS Service is at {}", network.dns);
    let mut probes = vec![Probe::new(PART, title, is_at_its_address(scene))];
    for pod in &scene.bed.pods {
        let title = format!("nslookup kubernetes in {} on {} resolves", pod.name, pod.node);
        probes.push(Probe::new(PART, title, resolves(scene, pod)));
    }
    let title = "CoreDNS' replicas are ready, on different nodes";
    let nodes: BTreeSet<_> = scene.bed.pods.iter().map(|pod| &pod.node).collect();
    probes.push(match nodes.len() {
        0 => Probe::not_applicable(PART, title, "the spec has no node that runs workloads"),
        1 => Probe::not_applicable(PART, title, "the spec has one node that runs workloads"),
        _ => Probe::new(PART, title, is_spread(scene)),
    });
    probes
}

async fn is_at_its_address(scene: Scene<'_>) -> Verdict {
    let expected = "a Service of that address";
    let path = "/api/v1/namespaces/kube-system/services?labelSelector=k8s-app=kube-dns";
    let list = scene.live().get_json(path).await.expecting(expected, "hardway apply")?;
    let found = list.pointer("/items/0/spec/clusterIP").and_then(Value::as_str).unwrap_or("no Service");
    ensure(found == scene.cluster().spec.network.dns.to_string(), || found.to_owned(), expected, "hardway apply")
}

async fn resolves(scene: Scene<'_>, pod: &TestPod) -> Verdict {
    let network = &scene.cluster().spec.network;
    let wanted = network.kubernetes_service();
    let expected = format!("{wanted} from {}", network.dns);
    pod.address().await?;
    // The text's own command, but for its patience: a lost packet of a pod's first moments costs 5 s otherwise.
    let answer = inside::until(scene, pod, &["nslookup", "-timeout=1", "kubernetes"], &expected, HINT).await?;
    let found = Answer::parse(&answer);
    ensure(found.server == Some(network.dns) && found.addresses == [wanted], || found.to_string(), expected, HINT)
}

/// What BIND's nslookup printed.
#[derive(Debug, PartialEq, Eq)]
struct Answer {
    server: Option<IpAddr>,
    addresses: Vec<IpAddr>,
}

impl Answer {
    /// The server comes first, as `Address: IP#PORT`; after it, an `Address: IP` per answer.
    fn parse(text: &str) -> Self {
        let mut addresses = text.lines().filter_map(|line| line.strip_prefix("Address:")).map(str::trim);
        let server = addresses.next().and_then(|it| it.split('#').next()?.parse().ok());
        Self { server, addresses: addresses.filter_map(|address| address.parse().ok()).collect() }
    }
}

impl std::fmt::Display for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let addresses: Vec<_> = self.addresses.iter().map(ToString::to_string).collect();
        let server = self.server.map_or("no server".to_owned(), |server| server.to_string());
        write!(f, "[{}] from {server}", addresses.join(", "))
    }
}

async fn is_spread(scene: Scene<'_>) -> Verdict {
    let expected = "at least two ready replicas on different nodes";
    let path = "/api/v1/namespaces/kube-system/pods?labelSelector=k8s-app=kube-dns";
    let pods = scene.live().get_json(path).await.expecting(expected, HINT)?;
    let homes = homes(&pods);
    let found = homes.iter().copied().collect::<Vec<_>>().join(", ");
    if homes.len() >= 2 {
        return Ok(());
    }
    let found =
        if found.is_empty() { "no ready replica".to_owned() } else { format!("ready replicas on {found} only") };
    Err(Fault::new(found, expected, "hardway kubectl -- -n kube-system rollout restart deployment/coredns"))
}

/// The nodes of ready pods.
fn homes(pods: &Value) -> BTreeSet<&str> {
    let is_ready = |pod: &&Value| {
        let conditions = pod.pointer("/status/conditions").and_then(Value::as_array);
        conditions.into_iter().flatten().any(|it| it["type"] == "Ready" && it["status"] == "True")
    };
    let items = pods["items"].as_array().map(Vec::as_slice).unwrap_or_default();
    items.iter().filter(is_ready).filter_map(|pod| pod.pointer("/spec/nodeName")?.as_str()).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_server_is_told_from_its_answers() {
        let text = "Server:\t\t10.32.0.10\nAddress:\t10.32.0.10#53\n\n\
                    Name:\tkubernetes.default.svc.cluster.local\nAddress: 10.32.0.1\n\n";
        let answer = Answer::parse(text);
        assert_eq!(answer.server, Some("10.32.0.10".parse().unwrap()));
        assert_eq!(answer.addresses, ["10.32.0.1".parse::<IpAddr>().unwrap()]);
        assert_eq!(answer.to_string(), "[10.32.0.1] from 10.32.0.10");
    }

    #[test]
    fn an_answer_without_addresses_has_none() {
        let answer = Answer::parse("Server:\t\t10.32.0.10\nAddress:\t10.32.0.10#53\n\n*** no answer\n");
        assert!(answer.addresses.is_empty());
        assert_eq!(Answer::parse("").to_string(), "[] from no server");
    }

    #[test]
    fn replicas_that_are_not_ready_have_no_home() {
        let pod = |node: &str, ready: &str| json!({"spec": {"nodeName": node}, "status": {"conditions": [{"type": "Ready", "status": ready}]}});
        let pods = json!({"items": [pod("w1", "True"), pod("w2", "False"), pod("w1", "True")]});
        assert_eq!(homes(&pods), BTreeSet::from(["w1"]));
    }
}
