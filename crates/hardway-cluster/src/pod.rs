//! Pods: start one, run a command in it, read what it wrote, talk to its ports, and say why it does not run.

use std::ops::ControlFlow;
use std::time::Duration;

use futures::future::try_join3;
use hardway_design::Object;
use k8s_openapi::api::core::v1::{Event, Pod};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Status;
use kube::Api;
use kube::api::{AttachParams, ListParams, LogParams};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, timeout};

use crate::event::Target;
use crate::kind::title;
use crate::wait::has_condition;
use crate::{Error, Live};

/// For reads that serve an error message only.
const EXPLANATION: Duration = Duration::from_secs(5);

/// What a command in a container left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    pub stdout: String,
    pub stderr: String,
    pub exit_code: i32,
}

impl Live {
    /// Applies a pod and waits until it is Ready.
    ///
    /// # Errors
    /// [`Error::NotInTime`] with what keeps it from running, or the API's refusal.
    pub async fn start_pod(&self, pod: &Object, deadline: Instant) -> Result<(), Error> {
        self.apply(pod, deadline).await?;
        let namespace = pod.namespace().unwrap_or("default");
        let target = Target { api_version: "v1", kind: "Pod", namespace: Some(namespace), name: pod.name() };
        let awaited = format!("{} is Ready", title(pod));
        match self.until(target, &awaited, deadline, |pod| has_condition(pod, "Ready", "absent")).await {
            Err(Error::NotInTime { awaited, waited, last }) => {
                let events = self.warnings(namespace, pod.name()).await;
                let last = [last].into_iter().chain(events).collect::<Vec<_>>().join("; ");
                Err(Error::NotInTime { awaited, waited, last })
            }
            outcome => outcome,
        }
    }

    /// Deletes an object and waits until it is gone: for a namespace, everything in it too.
    ///
    /// # Errors
    /// [`Error::NotInTime`], or the API's refusal.
    pub async fn delete_and_wait(&self, object: &Object, deadline: Instant) -> Result<(), Error> {
        self.delete(object).await?;
        let target = Target {
            api_version: object.api_version(),
            kind: object.kind(),
            namespace: object.namespace(),
            name: object.name(),
        };
        self.until(target, &format!("{} is gone", title(object)), deadline, |object| match object {
            None => ControlFlow::Break(()),
            Some(object) => ControlFlow::Continue(what_remains(object)),
        })
        .await
    }

    /// Runs a command in a pod's only container (or the one that its annotation makes the default).
    ///
    /// # Errors
    /// Where it could not be run to its end within `limit`; a command that fails is an [`Output`].
    pub async fn exec(&self, namespace: &str, pod: &str, command: &[&str], limit: Duration) -> Result<Output, Error> {
        let call = format!("exec in {namespace}/{pod}");
        let pods: Api<Pod> = Api::namespaced(self.client.clone(), namespace);
        let params = AttachParams::default();
        let running = async {
            let mut process =
                pods.exec(pod, command.iter().copied(), &params).await.map_err(|error| self.explain(&call, error))?;
            let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
            let mut out = process.stdout().expect("attached by default");
            let mut err = process.stderr().expect("attached by default");
            let status = process.take_status().expect("taken once");
            let (_, _, status) =
                try_join3(out.read_to_end(&mut stdout), err.read_to_end(&mut stderr), async { Ok(status.await) })
                    .await
                    .map_err(|source| Error::Broken { call: call.clone(), source })?;
            let status = status.ok_or_else(|| Error::Broken {
                call: call.clone(),
                source: std::io::ErrorKind::UnexpectedEof.into(),
            })?;
            let exit_code = exit_code(&status).ok_or_else(|| Error::Refused {
                call: call.clone(),
                code: status.code.and_then(|code| code.try_into().ok()).unwrap_or_default(),
                message: status.message.clone().unwrap_or_default(),
            })?;
            let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
            Ok(Output { stdout: text(stdout), stderr: text(stderr), exit_code })
        };
        self.bounded(limit, &call, running).await
    }

    /// What a pod's only container has written so far.
    ///
    /// # Errors
    /// The API's refusal, or no answer; also where the API server does not reach the kubelet.
    pub async fn logs(&self, namespace: &str, pod: &str, limit: Duration) -> Result<String, Error> {
        let pods: Api<Pod> = Api::namespaced(self.client.clone(), namespace);
        let call = format!("logs of {namespace}/{pod}");
        self.within(limit, &call, pods.logs(pod, &LogParams::default())).await
    }

    /// Sends bytes to a pod's TCP port through the API, and gives what comes back until the pod closes.
    ///
    /// # Errors
    /// Where the connection fails, or does not end within `limit`.
    pub async fn port_forward(
        &self,
        namespace: &str,
        pod: &str,
        port: u16,
        request: &[u8],
        limit: Duration,
    ) -> Result<Vec<u8>, Error> {
        let call = format!("port-forward to {namespace}/{pod} port {port}");
        let pods: Api<Pod> = Api::namespaced(self.client.clone(), namespace);
        let talking = async {
            let mut forwarder = pods.portforward(pod, &[port]).await.map_err(|error| self.explain(&call, error))?;
            let mut stream = forwarder.take_stream(port).expect("asked for, taken once");
            let mut answer = Vec::new();
            let talk = async {
                stream.write_all(request).await?;
                stream.read_to_end(&mut answer).await
            };
            talk.await.map_err(|source| Error::Broken { call: call.clone(), source })?;
            Ok(answer)
        };
        self.bounded(limit, &call, talking).await
    }

    async fn bounded<T>(
        &self,
        limit: Duration,
        call: &str,
        operation: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        timeout(limit, operation).await.unwrap_or_else(|source| {
            Err(Error::TimedOut { call: call.to_owned(), server: self.access.server, limit, source })
        })
    }

    /// What keeps a workload's pods from being ready, a line each; nothing where that cannot be had.
    pub(crate) async fn explain_workload(&self, namespace: &str, kind: &str, name: &str) -> Vec<String> {
        let collecting = async {
            let workload = crate::kind::collection("apps/v1", kind, Some(namespace)).ok()?;
            let workload: Value = self.json("explain", workload.get(name, &Default::default())).await.ok()?;
            let labels = workload.pointer("/spec/selector/matchLabels")?.as_object()?;
            let selector = labels
                .iter()
                .map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default()))
                .collect::<Vec<_>>()
                .join(",");
            let pods: Api<Pod> = Api::namespaced(self.client.clone(), namespace);
            let pods = pods.list(&ListParams::default().labels(&selector)).await.ok()?;
            let mut lines = Vec::new();
            for pod in pods.items.iter().filter(|pod| !is_ready(pod)) {
                lines.extend(pod_troubles(pod));
                lines.extend(self.warnings(namespace, pod.metadata.name.as_deref().unwrap_or_default()).await);
            }
            Some(lines)
        };
        timeout(EXPLANATION, collecting).await.ok().flatten().unwrap_or_default()
    }

    /// The newest warning about a pod, if any.
    async fn warnings(&self, namespace: &str, pod: &str) -> Option<String> {
        let events: Api<Event> = Api::namespaced(self.client.clone(), namespace);
        let selector = format!("involvedObject.name={pod},type=Warning");
        let params = ListParams::default().fields(&selector);
        let listed = timeout(EXPLANATION, events.list(&params)).await.ok()?.ok()?;
        let newest = listed.items.into_iter().max_by_key(|event| event.last_timestamp.clone().map(|time| time.0))?;
        let text = |field: Option<String>| field.unwrap_or_default();
        Some(format!("pod {pod}: {}: {}", text(newest.reason), text(newest.message).trim()))
    }
}

/// Why an object that is being deleted is still there: a namespace says so in its conditions.
fn what_remains(object: &Value) -> String {
    let phase = object.pointer("/status/phase").and_then(Value::as_str).unwrap_or("still there");
    let conditions = object.pointer("/status/conditions").and_then(Value::as_array).into_iter().flatten();
    let reasons = conditions
        .filter(|condition| condition["status"] == "True")
        .filter_map(|condition| condition["message"].as_str().map(str::to_owned));
    [phase.to_owned()].into_iter().chain(reasons).collect::<Vec<_>>().join("; ")
}

fn is_ready(pod: &Pod) -> bool {
    let conditions = pod.status.iter().flat_map(|status| status.conditions.iter().flatten());
    conditions.into_iter().any(|condition| condition.type_ == "Ready" && condition.status == "True")
}

/// Where a pod is, and what its containers wait for or died of.
fn pod_troubles(pod: &Pod) -> Vec<String> {
    let name = pod.metadata.name.as_deref().unwrap_or_default();
    let node = pod.spec.as_ref().and_then(|spec| spec.node_name.as_deref()).unwrap_or("no node");
    let status = pod.status.iter().flat_map(|status| {
        status.init_container_statuses.iter().flatten().chain(status.container_statuses.iter().flatten())
    });
    status
        .filter(|container| !container.ready)
        .filter_map(|container| {
            let state = container.state.as_ref()?;
            let why = if let Some(waiting) = &state.waiting {
                waiting.reason.clone().unwrap_or_default()
            } else if let Some(ended) = &state.terminated {
                format!("ended with exit code {}", ended.exit_code)
            } else {
                "running, not ready".to_owned()
            };
            Some(format!("pod {name} on {node}: container {}: {why}", container.name))
        })
        .collect()
}

/// The exit code that the status channel of an exec carries (`v4.channel.k8s.io`): success has none, a command
/// that failed has it as the cause `ExitCode`, anything else was never a command's end.
fn exit_code(status: &Status) -> Option<i32> {
    if status.status.as_deref() == Some("Success") {
        return Some(0);
    }
    let mut causes = status.details.as_ref()?.causes.iter().flatten();
    causes.find(|cause| cause.reason.as_deref() == Some("ExitCode"))?.message.as_ref()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_status_channel_tells_a_failed_command_from_one_that_never_ran() {
        let status = |value| exit_code(&serde_json::from_value::<Status>(value).unwrap());
        assert_eq!(status(json!({"status": "Success"})), Some(0));
        let causes = json!([{"reason": "ExitCode", "message": "7"}]);
        assert_eq!(
            status(json!({"status": "Failure", "reason": "NonZeroExitCode", "details": {"causes": causes}})),
            Some(7)
        );
        assert_eq!(status(json!({"status": "Failure", "reason": "InternalError"})), None);
    }

    #[test]
    fn a_namespace_that_cannot_go_says_what_holds_it() {
        let namespace = json!({"status": {"phase": "Terminating", "conditions": [
            {"type": "NamespaceDeletionDiscoveryFailure", "status": "True", "message": "metrics.k8s.io/v1beta1: stale"},
            {"type": "NamespaceContentRemaining", "status": "False", "message": "all content removed"},
        ]}});
        assert_eq!(what_remains(&namespace), "Terminating; metrics.k8s.io/v1beta1: stale");
    }

    #[test]
    fn a_pod_that_waits_for_its_image_says_so() {
        let pod: Pod = serde_json::from_value(json!({
            "metadata": {"name": "coredns-1"},
            "spec": {"nodeName": "w1", "containers": []},
            "status": {"containerStatuses": [{
                "name": "coredns", "ready": false, "image": "", "imageID": "", "restartCount": 0,
                "state": {"waiting": {"reason": "ErrImageNeverPull"}},
            }]},
        }))
        .unwrap();
        assert_eq!(pod_troubles(&pod), ["pod coredns-1 on w1: container coredns: ErrImageNeverPull"]);
    }
}
