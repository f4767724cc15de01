//! What hardway sets of a node, noted on the node itself.

use std::collections::BTreeSet;

use hardway_spec::Taint;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Keys of labels, and taints, that are hardway's among a node's.
///
/// A node is its kubelet's and Kubernetes' controllers' too, and its taints are one list to the API: what hardway set
/// before must be known for it to be taken away, and nothing else.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NodeRecord {
    pub labels: BTreeSet<String>,
    pub taints: Vec<Taint>,
}

impl NodeRecord {
    /// The annotation that holds it, as JSON.
    pub const ANNOTATION: &str = "hardway/node-settings";

    /// What a node has noted; nothing where it has no annotation, or one that is not hardway's.
    pub fn of(node: &Value) -> Self {
        let annotation = node["metadata"]["annotations"][Self::ANNOTATION].as_str();
        annotation.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
    }

    /// The annotation's value; None where nothing is to be noted.
    pub fn text(&self) -> Option<String> {
        let text = || serde_json::to_string(self).expect("a record has string keys only");
        (*self != Self::default()).then(text)
    }
}
