//! Nodes that are emptied: cordoned, and their pods asked to leave, as `kubectl drain` does it.

use std::time::Duration;

use hardway_design::{Drain, Manner};
use k8s_openapi::api::core::v1::{Node, Pod};
use k8s_openapi::api::policy::v1::Eviction;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{DeleteOptions, ObjectMeta};
use kube::Api;
use kube::api::{DeleteParams, GetParams, ListParams};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::event::chain;
use crate::kind::collection;
use crate::live::CALL_TIMEOUT;
use crate::nodes::{CORDONED, belongs_to_node, on_node};
use crate::{Error, Live};

/// Between two looks at what is left. A pod that a budget holds back may leave once another is Ready, which takes
/// seconds; kubectl asks again after five.
const PAUSE: Duration = Duration::from_secs(1);

/// Of the pods that do not leave, so many are named.
const NAMED: usize = 5;

impl Live {
    /// Makes the node take no more pods and marks it as hardway's doing, unless it takes none already.
    ///
    /// # Errors
    /// The API's refusal, or no answer.
    pub async fn cordon(&self, node: &str) -> Result<(), Error> {
        let unschedulable = self.get_node(node).await?.and_then(|node| node.spec).and_then(|spec| spec.unschedulable);
        if unschedulable == Some(true) {
            return Ok(());
        }
        let change = json!({"metadata": {"annotations": {CORDONED: ""}}, "spec": {"unschedulable": true}});
        self.patch_node(&format!("cordon node {node}"), node, &change).await
    }

    /// Lets the node take pods again, if it was [`Live::cordon`] that stopped it; whether it was.
    ///
    /// # Errors
    /// The API's refusal, or no answer.
    pub async fn uncordon(&self, node: &str) -> Result<bool, Error> {
        let annotations = self.get_node(node).await?.and_then(|node| node.metadata.annotations);
        if !annotations.is_some_and(|annotations| annotations.contains_key(CORDONED)) {
            return Ok(false);
        }
        let change = json!({"metadata": {"annotations": {CORDONED: null}}, "spec": {"unschedulable": null}});
        self.patch_node(&format!("uncordon node {node}"), node, &change).await.map(|()| true)
    }

    async fn get_node(&self, name: &str) -> Result<Option<Node>, Error> {
        let request = collection("v1", "Node", None)?.get(name, &GetParams::default());
        match self.json(&format!("get node {name}"), request).await {
            Err(error) if error.code() == Some(404) => Ok(None),
            other => other.map(Some),
        }
    }

    /// Ends the pods of a node, and returns when they are gone.
    ///
    /// # Errors
    /// [`Error::NotInTime`] with the pods that are left and why, where they are only asked; else the API's refusal, or
    /// no answer.
    pub async fn drain(&self, drain: &Drain) -> Result<(), Error> {
        if drain.manner == Manner::Forget {
            return self.forget(drain).await;
        }
        let begun = Instant::now();
        loop {
            let over = begun.elapsed() + PAUSE >= drain.limit;
            let last = match self.ask(drain).await {
                Ok(left) if left.is_empty() => return Ok(()),
                // What still ends is ended with the machine.
                Ok(_) if over && drain.manner == Manner::Insist => return Ok(()),
                Ok(left) => left,
                Err(error) if error.is_passing() => vec![chain(&error)],
                Err(error) => return Err(error),
            };
            if over {
                let others = last.len().saturating_sub(NAMED);
                let mut named = last.into_iter().take(NAMED).collect::<Vec<_>>().join("; ");
                if others > 0 {
                    named.push_str(&format!("; and {others} more"));
                }
                let awaited = format!("the pods of {} have left", drain.node);
                return Err(Error::NotInTime { awaited, waited: begun.elapsed(), last: named });
            }
            sleep(PAUSE).await;
        }
    }

    /// Asks every pod once that is not leaving yet; what is still there, and why.
    async fn ask(&self, drain: &Drain) -> Result<Vec<String>, Error> {
        let mut left = Vec::new();
        for pod in self.pods_on(&drain.node).await?.iter().filter(|pod| !belongs_to_node(pod)) {
            let name = Named::of(pod);
            if pod.metadata.deletion_timestamp.is_some() {
                left.push(format!("{name} is ending"));
                continue;
            }
            let outcome = match self.evict(&name, drain.grace_period).await {
                Err(error) if drain.manner == Manner::Insist && error.code() != Some(404) => {
                    self.delete_pod(&name, drain.grace_period).await
                }
                outcome => outcome,
            };
            match outcome {
                Ok(()) => left.push(format!("{name} is ending")),
                Err(error) if error.code() == Some(404) => {}
                Err(Error::Refused { code: 429, message, .. }) => left.push(format!("{name}: {message}")),
                Err(error) if error.is_passing() => left.push(chain(&error)),
                Err(error) => return Err(error),
            }
        }
        Ok(left)
    }

    /// Deletes the records of all pods of a node whose machine is gone: no kubelet will say that they ended.
    async fn forget(&self, drain: &Drain) -> Result<(), Error> {
        for pod in self.pods_on(&drain.node).await? {
            match self.delete_pod(&Named::of(&pod), Some(Duration::ZERO)).await {
                Err(error) if error.code() != Some(404) => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }

    async fn pods_on(&self, node: &str) -> Result<Vec<Pod>, Error> {
        let pods: Api<Pod> = Api::all(self.client.clone());
        let params = ListParams::default().fields(&on_node(node));
        Ok(self.within(CALL_TIMEOUT, &format!("list the pods of {node}"), pods.list(&params)).await?.items)
    }

    /// By hand: kube's own request names the options as the API does not, so that they are without effect.
    async fn evict(&self, pod: &Named, grace: Option<Duration>) -> Result<(), Error> {
        let eviction = Eviction {
            metadata: ObjectMeta {
                name: Some(pod.name.clone()),
                namespace: Some(pod.namespace.clone()),
                ..ObjectMeta::default()
            },
            delete_options: Some(DeleteOptions {
                grace_period_seconds: grace.map(|grace| i64::try_from(grace.as_secs()).unwrap_or(i64::MAX)),
                ..DeleteOptions::default()
            }),
        };
        let path = collection("v1", "Pod", Some(&pod.namespace))?.url_path;
        let body = serde_json::to_vec(&eviction).expect("an API type has string keys and finite numbers only");
        let request = http::Request::post(format!("{path}/{}/eviction", pod.name))
            .header(http::header::CONTENT_TYPE, "application/json")
            .body(body);
        self.text(&format!("evict {pod}"), request.map_err(kube::Error::HttpError)).await.map(drop)
    }

    async fn delete_pod(&self, pod: &Named, grace: Option<Duration>) -> Result<(), Error> {
        let params = DeleteParams {
            grace_period_seconds: grace.map(|grace| u32::try_from(grace.as_secs()).unwrap_or(u32::MAX)),
            ..DeleteParams::default()
        };
        let request = collection("v1", "Pod", Some(&pod.namespace))?.delete(&pod.name, &params);
        self.json::<Value>(&format!("delete {pod}"), request).await.map(drop)
    }
}

/// A pod by its name.
struct Named {
    namespace: String,
    name: String,
}

impl Named {
    fn of(pod: &Pod) -> Self {
        let text = |field: &Option<String>| field.clone().unwrap_or_default();
        Self { namespace: text(&pod.metadata.namespace), name: text(&pod.metadata.name) }
    }
}

impl std::fmt::Display for Named {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "pod {}/{}", self.namespace, self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake;

    fn pod(name: &str, change: Value) -> Value {
        let mut pod = json!({"metadata": {"name": name, "namespace": "a"}, "status": {"phase": "Running"}});
        for (path, value) in change.as_object().unwrap() {
            pod["metadata"][path] = value.clone();
        }
        pod
    }

    fn plain(name: &str) -> Value {
        pod(name, json!({}))
    }

    fn drain(manner: Manner) -> Drain {
        let grace_period = Some(Duration::from_secs(7));
        Drain { node: "w1".to_owned(), manner, grace_period, limit: Duration::from_secs(10) }
    }

    fn done() -> (u16, String) {
        (201, json!({"kind": "Status", "status": "Success"}).to_string())
    }

    fn budget() -> (u16, String) {
        fake::refusal(429, "Cannot evict pod as it would violate the pod's disruption budget.")
    }

    fn paths(asked: &std::sync::Mutex<Vec<String>>) -> Vec<String> {
        let path = |line: &String| line.split('?').next().unwrap().to_owned();
        asked.lock().unwrap().iter().map(path).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn what_a_budget_holds_back_is_asked_again_until_it_may_leave() {
        let (live, asked) = fake::live(vec![
            fake::list(&[plain("p")]),
            budget(),
            fake::list(&[plain("p")]),
            done(),
            fake::list(&[pod("p", json!({"deletionTimestamp": "2026-11-23T00:00:00Z"}))]),
            fake::list(&[]),
        ]);
        live.drain(&drain(Manner::Ask)).await.unwrap();
        let evict = "POST /api/v1/namespaces/a/pods/p/eviction";
        let list = "GET /api/v1/pods";
        assert_eq!(paths(&asked), [list, evict, list, evict, list, list]);
        assert!(asked.lock().unwrap()[0].contains("spec.nodeName%3Dw1"));
    }

    #[tokio::test(start_paused = true)]
    async fn pods_that_belong_to_the_node_stay() {
        let mirror = pod("static", json!({"annotations": {"kubernetes.io/config.mirror": "x"}}));
        let owner =
            json!([{"apiVersion": "apps/v1", "kind": "DaemonSet", "name": "d", "uid": "u", "controller": true}]);
        let (live, asked) = fake::live(vec![fake::list(&[mirror, pod("d", json!({"ownerReferences": owner}))])]);
        live.drain(&drain(Manner::Ask)).await.unwrap();
        assert_eq!(asked.lock().unwrap().len(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_drain_in_vain_names_the_pods_and_what_holds_them() {
        let answers = (0..20).flat_map(|_| [fake::list(&[plain("p")]), budget()]).collect();
        let (live, _) = fake::live(answers);
        let error = live.drain(&drain(Manner::Ask)).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "waited 9 s until the pods of w1 have left; last seen: pod a/p: Cannot evict pod as it would violate the \
             pod's disruption budget."
        );
        assert!(!error.is_passing());
    }

    #[tokio::test(start_paused = true)]
    async fn who_insists_deletes_what_may_not_be_evicted() {
        let (live, asked) =
            fake::live(vec![fake::list(&[plain("p")]), budget(), (200, "{}".to_owned()), fake::list(&[])]);
        live.drain(&drain(Manner::Insist)).await.unwrap();
        assert_eq!(paths(&asked)[2], "DELETE /api/v1/namespaces/a/pods/p");
    }

    #[tokio::test(start_paused = true)]
    async fn of_a_lost_machine_every_record_goes_and_nothing_is_waited_for() {
        let owner =
            json!([{"apiVersion": "apps/v1", "kind": "DaemonSet", "name": "d", "uid": "u", "controller": true}]);
        let (live, asked) = fake::live(vec![
            fake::list(&[plain("p"), pod("d", json!({"ownerReferences": owner}))]),
            (200, "{}".to_owned()),
            fake::refusal(404, "not found"),
        ]);
        live.drain(&drain(Manner::Forget)).await.unwrap();
        let [_, first, second] = paths(&asked).try_into().unwrap();
        assert_eq!(first, "DELETE /api/v1/namespaces/a/pods/p");
        assert_eq!(second, "DELETE /api/v1/namespaces/a/pods/d");
    }

    #[tokio::test]
    async fn a_node_that_somebody_else_cordoned_is_left_alone() {
        let cordoned = json!({"metadata": {"name": "w1"}, "spec": {"unschedulable": true}}).to_string();
        let (live, asked) = fake::live(vec![(200, cordoned.clone()), (200, cordoned)]);
        live.cordon("w1").await.unwrap();
        assert!(!live.uncordon("w1").await.unwrap());
        assert!(paths(&asked).iter().all(|line| line.starts_with("GET ")), "{asked:?}");
    }

    #[tokio::test]
    async fn what_was_cordoned_here_is_uncordoned_here() {
        let node = |node: Value| (200, node.to_string());
        let free = json!({"metadata": {"name": "w1"}, "spec": {}});
        let ours = json!({"metadata": {"name": "w1", "annotations": {CORDONED: ""}}, "spec": {"unschedulable": true}});
        let (live, asked) = fake::live(vec![node(free), node(ours.clone()), node(ours.clone()), node(ours)]);
        live.cordon("w1").await.unwrap();
        assert!(live.uncordon("w1").await.unwrap());
        let patches = paths(&asked).into_iter().filter(|line| line == "PATCH /api/v1/nodes/w1").count();
        assert_eq!(patches, 2);
    }
}
