//! The front proxy: the API server passes requests on to metrics-server, each trusting the other's certificate.

use std::time::Duration;

use hardway_pki::Identity;
use jiff::Timestamp;
use serde_json::Value;
use tokio::time::{Instant, sleep};

use crate::fault::{Expecting, Fault, Verdict, ensure};
use crate::probe::Probe;
use crate::scene::Scene;
use crate::{Outcome, Part};

const PART: Part = Part::FrontProxy;

const API_SERVICE: &str = "v1beta1.metrics.k8s.io";
const HINT: &str = "hardway kubectl -- -n kube-system logs deployment/metrics-server";
const USAGE: &str = "usage of every node";

/// metrics-server looks at nodes every 10 s, gives a node's usage after its second look, and answers not at all
/// before; with its start and the aggregator's own pace, when it and a node are older than this there is no excuse.
const YOUNG: Duration = Duration::from_secs(45);

/// Between two questions for what appears every 10 s at most.
const PAUSE: Duration = Duration::from_millis(500);

pub(crate) fn probes<'a>(scene: Scene<'a>) -> Vec<Probe<'a>> {
    let mut probes = vec![Probe::new(PART, "extension API servers are told the front proxy's CA", is_announced(scene))];
    let trusts = "the API server verifies metrics-server's certificate";
    let metrics = "the metrics API has every node's usage, as kubectl top nodes shows it";
    if scene.cluster().spec.addons.metrics_server {
        probes.push(Probe::new(PART, trusts, is_verified(scene)));
        probes.push(Probe::judging(PART, metrics, has_metrics(scene)));
    } else {
        for title in [trusts, metrics] {
            probes.push(Probe::not_applicable(PART, title, "the spec has no metrics-server"));
        }
    }
    probes
}

async fn is_announced(scene: Scene<'_>) -> Verdict {
    let expected = "the front proxy's CA in ConfigMap kube-system/extension-apiserver-authentication";
    let hint = "look at --requestheader-client-ca-file of kube-apiserver";
    let path = "/api/v1/namespaces/kube-system/configmaps/extension-apiserver-authentication";
    let map = scene.live().get_json(path).await.expecting(expected, hint)?;
    let found = map.pointer("/data/requestheader-client-ca-file").and_then(Value::as_str).unwrap_or_default();
    let wanted = &scene.key_pair(&Identity::FrontProxyAuthority)?.certificate;
    ensure(found.trim() == wanted.trim(), || "another CA, or none".to_owned(), expected, hint)
}

async fn is_verified(scene: Scene<'_>) -> Verdict {
    let expected = "an APIService with the cluster's CA and without insecureSkipTLSVerify";
    let path = format!("/apis/apiregistration.k8s.io/v1/apiservices/{API_SERVICE}");
    let service = scene.live().get_json(&path).await.expecting(expected, "hardway apply")?;
    judge(&service).map_err(|found| Fault::new(found, expected, "hardway apply"))
}

fn judge(service: &Value) -> Result<(), &'static str> {
    if service.pointer("/spec/insecureSkipTLSVerify") == Some(&Value::Bool(true)) {
        return Err("insecureSkipTLSVerify: true");
    }
    match service.pointer("/spec/caBundle").and_then(Value::as_str) {
        Some(bundle) if !bundle.is_empty() => Ok(()),
        _ => Err("no caBundle"),
    }
}

async fn has_metrics(scene: Scene<'_>) -> Outcome {
    let deadline = Instant::now() + scene.options.patience;
    loop {
        let (fault, lacking) = match nodes_without_metrics(scene).await {
            Ok(lacking) if lacking.is_empty() => return Outcome::Passed,
            Ok(lacking) => (Fault::new(format!("none of {}", lacking.join(", ")), USAGE, HINT), lacking),
            Err(fault) => (fault, Vec::new()),
        };
        let age = match age(scene, &lacking).await {
            Ok(age) => age,
            // The API does not answer at all: metrics are not what is missing.
            Err(_) => return Outcome::Failed(fault),
        };
        // What is old gains nothing by waiting.
        let may_come = age.is_none_or(|age| age < YOUNG);
        if may_come && Instant::now() + PAUSE < deadline {
            sleep(PAUSE).await;
            continue;
        }
        return match age {
            Some(age) if age < YOUNG => Outcome::NotApplicable {
                why: format!(
                    "metrics-server, or a node, is there for {} s only, and usage is given after a second look",
                    age.as_secs()
                ),
            },
            _ => Outcome::Failed(fault),
        };
    }
}

async fn nodes_without_metrics(scene: Scene<'_>) -> Verdict<Vec<&str>> {
    let metrics = scene.live().node_metrics().await.expecting(USAGE, HINT)?;
    let lacks = |name: &&str| !metrics.iter().any(|metrics| metrics.name == *name);
    Ok(scene.cluster().nodes().map(|node| node.name.as_str()).filter(lacks).collect())
}

/// For how long there have been a metrics-server and all of these nodes; `None` without a metrics-server.
async fn age(scene: Scene<'_>, nodes: &[&str]) -> Result<Option<Duration>, hardway_cluster::Error> {
    let path = "/api/v1/namespaces/kube-system/pods?labelSelector=k8s-app=metrics-server";
    let Some(mut youngest) = last_start(&scene.live().get_json(path).await?) else { return Ok(None) };
    for name in nodes {
        let node = scene.live().get_json(&format!("/api/v1/nodes/{name}")).await?;
        youngest = youngest.max(ready_since(&node).unwrap_or(youngest));
    }
    // A machine's clock that is ahead makes it newborn.
    Ok(Some(Duration::try_from(Timestamp::now().duration_since(youngest)).unwrap_or_default()))
}

fn last_start(pods: &Value) -> Option<Timestamp> {
    let pods = pods["items"].as_array()?.iter();
    pods.filter_map(|pod| pod.pointer("/status/containerStatuses/0/state/running/startedAt")?.as_str()?.parse().ok())
        .max()
}

fn ready_since(node: &Value) -> Option<Timestamp> {
    let conditions = node.pointer("/status/conditions")?.as_array()?;
    let ready = conditions.iter().find(|condition| condition["type"] == "Ready" && condition["status"] == "True")?;
    ready["lastTransitionTime"].as_str()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_api_service_needs_a_ca_and_no_exception() {
        assert_eq!(judge(&json!({"spec": {"caBundle": "LS0t"}})), Ok(()));
        assert_eq!(judge(&json!({"spec": {"insecureSkipTLSVerify": true}})), Err("insecureSkipTLSVerify: true"));
        assert_eq!(judge(&json!({"spec": {}})), Err("no caBundle"));
    }

    #[test]
    fn the_youngest_running_container_counts() {
        let pod = |state: Value| json!({"status": {"containerStatuses": [{"state": state}]}});
        let pods = json!({"items": [
            pod(json!({"running": {"startedAt": "2026-11-23T10:00:00Z"}})),
            pod(json!({"running": {"startedAt": "2026-11-23T11:00:00Z"}})),
            pod(json!({"waiting": {}})),
        ]});
        assert_eq!(last_start(&pods), Some("2026-11-23T11:00:00Z".parse().unwrap()));
        assert_eq!(last_start(&json!({"items": []})), None);
    }

    #[test]
    fn a_node_is_there_since_it_is_ready() {
        let node = |status: &str| {
            let time = "2026-11-23T10:00:00Z";
            json!({"status": {"conditions": [
                {"type": "DiskPressure", "status": "True", "lastTransitionTime": "2026-11-23T11:00:00Z"},
                {"type": "Ready", "status": status, "lastTransitionTime": time},
            ]}})
        };
        assert_eq!(ready_since(&node("True")), Some("2026-11-23T10:00:00Z".parse().unwrap()));
        assert_eq!(ready_since(&node("Unknown")), None);
    }
}
