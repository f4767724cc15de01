//! When a cluster is whole again: what can be asked cheaply and often.

use std::time::Duration;

use hardway_cluster::{Access, Error, Live};
use jiff::Timestamp;
use serde_json::Value;
use tokio::runtime::Runtime;

use super::record::now;
use super::{etcd, scene};
use crate::support::LabWorkspace;

/// Until then it comes back by itself or never: seven machines that start side by side on two cores take a minute.
const LIMIT: Duration = Duration::from_secs(300);

pub(crate) struct Whole<'l> {
    runtime: &'l Runtime,
    lab: &'l LabWorkspace,
    live: Live,
    /// Every load balancer and every API server, by its machine.
    doors: Vec<(String, Live)>,
}

impl<'l> Whole<'l> {
    pub(crate) fn new(runtime: &'l Runtime, lab: &'l LabWorkspace) -> Self {
        let (access, administrator) = (scene::access(lab), scene::administrator(lab));
        let connect = |access| Live::connect(&access, &administrator).expect("the certificate can be used");
        let _inside = runtime.enter();
        let spec = scene::spec(lab);
        let doors = spec.load_balancers().chain(spec.control_planes()).map(|machine| {
            let server = (machine.address, access.server.port()).into();
            (machine.name.to_string(), connect(Access { server, ..access.clone() }))
        });
        Self { runtime, lab, doors: doors.collect(), live: connect(access.clone()) }
    }

    /// Waits until every API server and load balancer answers, every etcd member is healthy, and every node and pod is
    /// Ready, by what was said of those on the machines `restarted` since `struck`: before, it says what was.
    pub(crate) fn wait(&self, restarted: &[String], struck: Timestamp) {
        let end = now() + LIMIT;
        loop {
            let missing = self.runtime.block_on(self.missing(restarted, struck));
            let mut missing = missing.unwrap_or_else(|error| vec![error.to_string()]);
            if missing.is_empty() && !etcd::is_healthy(self.lab) {
                missing.push("a member of etcd".to_owned());
            }
            if missing.is_empty() {
                return;
            }
            let missing = missing.join(", ");
            eprintln!("the cluster is not whole: {missing}");
            assert!(now() < end, "after {LIMIT:?} still not: {missing}");
            std::thread::sleep(Duration::from_millis(500));
        }
    }

    async fn missing(&self, restarted: &[String], struck: Timestamp) -> Result<Vec<String>, Error> {
        let mut missing = Vec::new();
        for (machine, live) in &self.doors {
            if live.get_text("/readyz").await.is_err() {
                missing.push(format!("the API through {machine}"));
            }
        }
        let is_old = |text: &Value| {
            let time = text.as_str().and_then(|text| text.parse::<Timestamp>().ok());
            // Times of the API are whole seconds.
            time.is_none_or(|time| time.as_second() < struck.as_second())
        };
        let list = async |path: &str| -> Result<Vec<Value>, Error> {
            Ok(self.live.get_json(path).await?["items"].as_array().cloned().unwrap_or_default())
        };
        let leases = list("/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases").await?;
        let silent = leases.iter().filter(|lease| is_old(&lease["spec"]["renewTime"]));
        missing.extend(silent.map(|lease| format!("node {}", lease["metadata"]["name"])));
        let nodes = list("/api/v1/nodes").await?;
        if nodes.len() < scene::spec(self.lab).nodes().count() {
            missing.push("a node".to_owned());
        }
        let mut objects = nodes;
        for namespace in ["kube-system", scene::NAMESPACE] {
            let pods = list(&format!("/api/v1/namespaces/{namespace}/pods")).await?;
            let old = pods.iter().filter(|pod| {
                let containers = pod["status"]["containerStatuses"].as_array().into_iter().flatten();
                let is_there = |name: &String| pod["spec"]["nodeName"] == name.as_str();
                restarted.iter().any(is_there)
                    && containers.into_iter().any(|container| is_old(&container["state"]["running"]["startedAt"]))
            });
            missing.extend(old.map(|pod| format!("pod {} as it was", pod["metadata"]["name"])));
            objects.extend(pods);
        }
        let unready = objects.iter().filter(|object| !is_ready(object));
        missing.extend(unready.map(|object| format!("{} is not Ready", object["metadata"]["name"])));
        Ok(missing)
    }
}

fn is_ready(object: &Value) -> bool {
    let conditions = object["status"]["conditions"].as_array();
    conditions.into_iter().flatten().any(|condition| condition["type"] == "Ready" && condition["status"] == "True")
}
