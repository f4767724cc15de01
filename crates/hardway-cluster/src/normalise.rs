//! Objects without what the API server keeps for itself, so that two of them can be compared.

use serde_json::Value;
use sha2::{Digest, Sha256};

/// Metadata that the API server writes and that says nothing of the operator's intent.
const SERVER_METADATA: &[&str] =
    &["managedFields", "resourceVersion", "generation", "uid", "creationTimestamp", "selfLink"];

/// Drops the server's metadata and the status, and puts digests in place of a Secret's values: what
/// comes out may be printed.
pub(crate) fn normalise(mut object: Value) -> Value {
    let is_secret = object["kind"] == "Secret";
    let Some(fields) = object.as_object_mut() else { return object };
    fields.remove("status");
    if let Some(metadata) = fields.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.retain(|name, _| !SERVER_METADATA.contains(&name.as_str()));
    }
    if is_secret && let Some(data) = fields.get_mut("data").and_then(Value::as_object_mut) {
        for value in data.values_mut() {
            let text = value.as_str().unwrap_or_default();
            *value = Value::String(format!("sha256:{}", hex::encode(Sha256::digest(text))));
        }
    }
    object
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_the_server_keeps_for_itself_is_dropped() {
        let live = json!({
            "apiVersion": "v1", "kind": "ConfigMap", "data": {"a": "b"}, "status": {},
            "metadata": {
                "name": "x", "labels": {"l": "v"}, "uid": "u", "resourceVersion": "7", "generation": 2,
                "creationTimestamp": "2026-11-23T00:00:00Z", "managedFields": [{"manager": "hardway"}],
            },
        });
        let expected = json!({
            "apiVersion": "v1", "kind": "ConfigMap", "data": {"a": "b"},
            "metadata": {"name": "x", "labels": {"l": "v"}},
        });
        assert_eq!(normalise(live), expected);
    }

    #[test]
    fn the_values_of_a_secret_are_told_apart_without_being_shown() {
        let secret = |value: &str| normalise(json!({"kind": "Secret", "data": {"key": value}}));
        assert_ne!(secret("aGlkZGVu"), secret("b3RoZXI="));
        assert!(!secret("aGlkZGVu").to_string().contains("aGlkZGVu"));
    }
}
