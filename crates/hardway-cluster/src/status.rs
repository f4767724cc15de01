//! The cluster's health as the API tells it: nodes, leader election, readiness checks.

use k8s_openapi::api::coordination::v1;
use k8s_openapi::api::core::v1::Node;
use kube::Api;
use kube::api::ListParams;
use serde::Serialize;

use crate::live::CALL_TIMEOUT;
use crate::{Error, Live};

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NodeStatus {
    pub name: String,
    pub ready: bool,
    /// The Ready condition's message: why it is not ready, or what the kubelet posts.
    pub message: String,
    /// `status.nodeInfo.kubeletVersion`: `v1.37.2`.
    pub kubelet_version: String,
    /// `containerd://2.4.2`.
    pub container_runtime: String,
    pub os_image: String,
    pub internal_address: Option<String>,
    pub unschedulable: bool,
}

/// Who leads a component's replicas.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Lease {
    /// `cp1_4f0e…`: the host name and a number of the process's own.
    pub holder: Option<String>,
    /// Seconds since the Unix epoch of the last renewal.
    pub renewed: Option<i64>,
    /// Seconds after which others may take it.
    pub duration: Option<i32>,
}

/// A line of `/readyz?verbose`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HealthCheck {
    pub name: String,
    pub ok: bool,
}

impl Live {
    /// Every registered node.
    ///
    /// # Errors
    /// The API's refusal, or no answer.
    pub async fn nodes(&self) -> Result<Vec<NodeStatus>, Error> {
        let nodes: Api<Node> = Api::all(self.client.clone());
        let params = ListParams::default();
        let nodes = self.within(CALL_TIMEOUT, "list the nodes", nodes.list(&params)).await?;
        Ok(nodes.items.into_iter().map(node_status).collect())
    }

    /// The leader election lease of `kube-controller-manager` or `kube-scheduler`; `None` where there is none.
    ///
    /// # Errors
    /// The API's refusal, or no answer.
    pub async fn lease(&self, component: &str) -> Result<Option<Lease>, Error> {
        let leases: Api<v1::Lease> = Api::namespaced(self.client.clone(), "kube-system");
        let call = format!("get the lease of {component}");
        let spec = self.within(CALL_TIMEOUT, &call, leases.get_opt(component)).await?.and_then(|lease| lease.spec);
        Ok(spec.map(|spec| Lease {
            holder: spec.holder_identity.filter(|holder| !holder.is_empty()),
            renewed: spec.renew_time.map(|time| time.0.as_second()),
            duration: spec.lease_duration_seconds,
        }))
    }

    /// The API server's own readiness checks, also where one of them fails.
    ///
    /// # Errors
    /// Where the API does not answer, or not with checks.
    pub async fn readiness(&self) -> Result<Vec<HealthCheck>, Error> {
        match self.get_text("/readyz?verbose").await {
            Ok(text) => Ok(health_checks(&text)),
            Err(Error::Refused { code: 500, message, .. }) => Ok(health_checks(&message)),
            Err(error) => Err(error),
        }
    }
}

fn node_status(node: Node) -> NodeStatus {
    let status = node.status.unwrap_or_default();
    let ready = status.conditions.into_iter().flatten().find(|condition| condition.type_ == "Ready");
    let info = status.node_info.unwrap_or_default();
    let addresses = status.addresses.into_iter().flatten();
    NodeStatus {
        name: node.metadata.name.unwrap_or_default(),
        ready: ready.as_ref().is_some_and(|condition| condition.status == "True"),
        message: ready.and_then(|condition| condition.message).unwrap_or_default(),
        kubelet_version: info.kubelet_version,
        container_runtime: info.container_runtime_version,
        os_image: info.os_image,
        internal_address: addresses
            .into_iter()
            .find(|address| address.type_ == "InternalIP")
            .map(|address| address.address),
        unschedulable: node.spec.and_then(|spec| spec.unschedulable).unwrap_or(false),
    }
}

/// Reads `[+]etcd ok` and `[-]etcd failed: reason withheld`; other lines are the summary.
fn health_checks(text: &str) -> Vec<HealthCheck> {
    text.lines()
        .filter_map(|line| {
            let (ok, rest) = match (line.strip_prefix("[+]"), line.strip_prefix("[-]")) {
                (Some(rest), _) => (true, rest),
                (_, Some(rest)) => (false, rest),
                _ => return None,
            };
            let name = rest.split_whitespace().next()?;
            Some(HealthCheck { name: name.to_owned(), ok })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failed_checks_are_told_from_good_ones() {
        let text = "[+]ping ok\n[-]poststarthook/rbac/bootstrap-roles failed: reason withheld\nreadyz check failed\n";
        let check = |name: &str, ok| HealthCheck { name: name.to_owned(), ok };
        assert_eq!(health_checks(text), [check("ping", true), check("poststarthook/rbac/bootstrap-roles", false)]);
    }
}
