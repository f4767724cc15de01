//! The aggregated metrics API, which metrics-server serves.

use serde_json::Value;

use crate::{Error, Live};

/// What a node uses, as `kubectl top nodes` shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeMetrics {
    pub name: String,
    /// A Kubernetes quantity of CPUs: `104533186n`.
    pub cpu: String,
    /// A Kubernetes quantity of bytes: `912348Ki`.
    pub memory: String,
}

impl Live {
    /// The nodes' usage. A node that was not scraped yet is absent.
    ///
    /// # Errors
    /// [`Error::Refused`] with 503 while metrics-server is not reached, or no answer.
    pub async fn node_metrics(&self) -> Result<Vec<NodeMetrics>, Error> {
        let list = self.get_json("/apis/metrics.k8s.io/v1beta1/nodes").await?;
        Ok(node_metrics(&list))
    }
}

fn node_metrics(list: &Value) -> Vec<NodeMetrics> {
    let text = |item: &Value, pointer: &str| item.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    let items = list["items"].as_array().map(Vec::as_slice).unwrap_or_default();
    items
        .iter()
        .filter_map(|item| {
            Some(NodeMetrics {
                name: text(item, "/metadata/name")?,
                cpu: text(item, "/usage/cpu")?,
                memory: text(item, "/usage/memory")?,
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_node_without_usage_is_left_out() {
        let list = json!({"items": [
            {"metadata": {"name": "w1"}, "usage": {"cpu": "5n", "memory": "7Ki"}},
            {"metadata": {"name": "w2"}},
        ]});
        let expected = NodeMetrics { name: "w1".to_owned(), cpu: "5n".to_owned(), memory: "7Ki".to_owned() };
        assert_eq!(node_metrics(&list), [expected]);
    }
}
