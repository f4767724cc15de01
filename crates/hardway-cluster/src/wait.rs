//! Waiting for the states of the live cluster that the design names.

use std::ops::ControlFlow;
use std::time::Duration;

use hardway_design::Await;
use serde_json::Value;
use tokio::time::{Instant, sleep, timeout};

use crate::event::{PAUSE, Target, chain};
use crate::{Error, Live};

/// A healthy API server answers `/readyz` within milliseconds; one that takes this long is asked anew.
const READY_ANSWER: Duration = Duration::from_secs(2);

impl Live {
    /// Waits until `condition` holds.
    ///
    /// # Errors
    /// [`Error::NotInTime`] with the state last seen, once `deadline` has passed; at once what cannot pass.
    pub async fn wait(&self, condition: &Await, deadline: Instant) -> Result<(), Error> {
        let awaited = condition.title();
        match condition {
            Await::ApiReady => self.wait_ready(&awaited, deadline).await,
            Await::NodeReady(name) => {
                let target = Target { api_version: "v1", kind: "Node", namespace: None, name };
                self.until(target, &awaited, deadline, |node| has_condition(node, "Ready", "not registered")).await
            }
            Await::ServiceAccount { namespace } => {
                let target =
                    Target { api_version: "v1", kind: "ServiceAccount", namespace: Some(namespace), name: "default" };
                self.until(target, &awaited, deadline, exists).await
            }
            Await::RolledOut { kind, namespace, name } => {
                let target = Target { api_version: "apps/v1", kind, namespace: Some(namespace), name };
                match self.until(target, &awaited, deadline, |workload| rolled_out(kind, workload)).await {
                    Err(Error::NotInTime { awaited, waited, last }) => {
                        let pods = self.explain_workload(namespace, kind, name).await;
                        let last = [last].into_iter().chain(pods).collect::<Vec<_>>().join("; ");
                        Err(Error::NotInTime { awaited, waited, last })
                    }
                    outcome => outcome,
                }
            }
        }
    }

    async fn wait_ready(&self, awaited: &str, deadline: Instant) -> Result<(), Error> {
        let begun = Instant::now();
        loop {
            let last = match timeout(READY_ANSWER, self.get_text("/readyz")).await {
                Ok(Ok(_)) => return Ok(()),
                Ok(Err(error)) => chain(&error),
                Err(_) => format!("no answer in {} s", READY_ANSWER.as_secs()),
            };
            if Instant::now() + PAUSE >= deadline {
                return Err(Error::NotInTime { awaited: awaited.to_owned(), waited: begun.elapsed(), last });
            }
            sleep(PAUSE).await;
        }
    }
}

fn exists(object: Option<&Value>) -> ControlFlow<(), String> {
    match object {
        Some(_) => ControlFlow::Break(()),
        None => ControlFlow::Continue("absent".to_owned()),
    }
}

/// Whether a condition of `status.conditions` is true.
pub(crate) fn has_condition(object: Option<&Value>, name: &str, absent: &str) -> ControlFlow<(), String> {
    let Some(object) = object else { return ControlFlow::Continue(absent.to_owned()) };
    let conditions = object.pointer("/status/conditions").and_then(Value::as_array);
    let Some(condition) = conditions.into_iter().flatten().find(|condition| condition["type"] == name) else {
        return ControlFlow::Continue(format!("condition {name} is not set"));
    };
    match condition["status"].as_str().unwrap_or_default() {
        "True" => ControlFlow::Break(()),
        status => {
            let text = |field: &str| condition[field].as_str().unwrap_or("no reason given").to_owned();
            ControlFlow::Continue(format!("{name} is {status}: {} ({})", text("message"), text("reason")))
        }
    }
}

/// Whether a Deployment's or DaemonSet's newest generation is the only one and available; the rules are those of
/// `kubectl rollout status`. The kind comes from the caller: items of a list do not bear it.
fn rolled_out(kind: &str, object: Option<&Value>) -> ControlFlow<(), String> {
    let Some(object) = object else { return ControlFlow::Continue("absent".to_owned()) };
    let number = |pointer: &str| object.pointer(pointer).and_then(Value::as_i64).unwrap_or(0);
    if number("/status/observedGeneration") < number("/metadata/generation") {
        return ControlFlow::Continue("its newest generation is not observed yet".to_owned());
    }
    let (wanted, total) = if kind == "DaemonSet" {
        let wanted = number("/status/desiredNumberScheduled");
        (wanted, wanted)
    } else {
        (object.pointer("/spec/replicas").and_then(Value::as_i64).unwrap_or(1), number("/status/replicas"))
    };
    let (updated, available) = if kind == "DaemonSet" {
        (number("/status/updatedNumberScheduled"), number("/status/numberAvailable"))
    } else {
        (number("/status/updatedReplicas"), number("/status/availableReplicas"))
    };
    if updated >= wanted && total <= updated && available >= wanted {
        ControlFlow::Break(())
    } else {
        ControlFlow::Continue(format!("{available} of {wanted} pods available, {updated} up to date"))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_deployment_whose_old_pods_still_run_is_not_rolled_out() {
        let deployment = |replicas| {
            let workload = json!({
                "metadata": {"generation": 2},
                "spec": {"replicas": 2},
                "status": {
                    "observedGeneration": 2, "replicas": replicas, "updatedReplicas": 2, "availableReplicas": 2,
                },
            });
            rolled_out("Deployment", Some(&workload))
        };
        assert!(deployment(3).is_continue());
        assert!(deployment(2).is_break());
    }

    #[test]
    fn a_status_of_an_older_generation_counts_for_nothing() {
        let daemon_set = json!({
            "metadata": {"generation": 2},
            "status": {
                "observedGeneration": 1, "desiredNumberScheduled": 1, "updatedNumberScheduled": 1, "numberAvailable": 1,
            },
        });
        assert_eq!(
            rolled_out("DaemonSet", Some(&daemon_set)),
            ControlFlow::Continue("its newest generation is not observed yet".to_owned())
        );
    }

    #[test]
    fn a_daemon_set_waits_for_every_node() {
        let daemon_set = json!({
            "metadata": {"generation": 1},
            "status": {
                "observedGeneration": 1, "desiredNumberScheduled": 2, "updatedNumberScheduled": 2, "numberAvailable": 1,
            },
        });
        assert_eq!(
            rolled_out("DaemonSet", Some(&daemon_set)),
            ControlFlow::Continue("1 of 2 pods available, 2 up to date".to_owned())
        );
    }

    #[test]
    fn a_node_that_is_not_ready_says_why() {
        let node = json!({"status": {"conditions": [
            {"type": "Ready", "status": "False", "reason": "KubeletNotReady", "message": "cni plugin not initialized"},
        ]}});
        assert_eq!(
            has_condition(Some(&node), "Ready", "not registered"),
            ControlFlow::Continue("Ready is False: cni plugin not initialized (KubeletNotReady)".to_owned())
        );
        assert_eq!(has_condition(None, "Ready", "not registered"), ControlFlow::Continue("not registered".to_owned()));
    }
}
