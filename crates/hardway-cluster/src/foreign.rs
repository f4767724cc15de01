//! Fields that somebody else set in an object of ours: server-side apply alone would leave them there.
//!
//! The API server keeps who set what (<https://kubernetes.io/docs/reference/using-api/server-side-apply/#field-management>).
//! Only what an object is for is looked at: not its metadata, which all may annotate, and not its status.

use serde_json::{Map, Value, json};

use crate::MANAGER;

/// Parts of an object that say what it is for; a service account's tokens, for one, are not among them.
const INTENT: [&str; 7] = ["spec", "data", "binaryData", "rules", "subjects", "roleRef", "aggregationRule"];

/// Field managers of Kubernetes itself, which complete objects in their duty.
const KUBERNETES: [&str; 4] = ["kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet"];

/// The object without what others set in it, where there is anything.
pub(crate) fn without(object: &Value) -> Option<Value> {
    let entries = object.pointer("/metadata/managedFields")?.as_array()?;
    let (mut ours, mut others) = (Map::new(), Map::new());
    for entry in entries.iter().filter(|entry| entry["subresource"].as_str().is_none_or(str::is_empty)) {
        let manager = entry["manager"].as_str().unwrap_or_default();
        let fields = if manager == MANAGER { &mut ours } else { &mut others };
        if let Some(owned) = entry["fieldsV1"].as_object().filter(|_| !KUBERNETES.contains(&manager)) {
            merge(fields, owned);
        }
    }
    let mut clean = object.clone();
    let mut removed = false;
    for part in INTENT {
        let key = format!("f:{part}");
        if let Some(fields) = others.get(&key) {
            removed |= remove(&mut clean, &Map::from_iter([(key, fields.clone())]), &ours);
        }
    }
    removed.then_some(clean)
}

/// Joins two sets of fields.
fn merge(into: &mut Map<String, Value>, fields: &Map<String, Value>) {
    for (key, value) in fields {
        match (into.get_mut(key).and_then(Value::as_object_mut), value.as_object()) {
            (Some(present), Some(value)) => merge(present, value),
            _ => _ = into.insert(key.clone(), value.clone()),
        }
    }
}

/// Takes from `value` what `others` set and `ours` did not; whether there was anything.
fn remove(value: &mut Value, others: &Map<String, Value>, ours: &Map<String, Value>) -> bool {
    let mut removed = false;
    for (key, fields) in others.iter().filter(|(key, _)| *key != "." && *key != "f:metadata") {
        match (ours.get(key).and_then(Value::as_object), fields.as_object()) {
            // All of it is ours, or of it nothing below is set apart.
            (Some(ours), _) if ours.is_empty() => {}
            (Some(ours), Some(fields)) => {
                removed |= child(value, key).is_some_and(|child| remove(child, fields, ours));
            }
            _ => removed |= take(value, key),
        }
    }
    removed
}

/// The field `f:NAME`, or the item `k:{"KEY":VALUE}` of a list.
fn child<'v>(value: &'v mut Value, key: &str) -> Option<&'v mut Value> {
    match key.split_once(':')? {
        ("f", name) => value.get_mut(name),
        ("k", keys) => {
            let keys: Map<String, Value> = serde_json::from_str(keys).ok()?;
            value.as_array_mut()?.iter_mut().find(|item| has(item, &keys))
        }
        _ => None,
    }
}

fn take(value: &mut Value, key: &str) -> bool {
    match key.split_once(':') {
        Some(("f", name)) => value.as_object_mut().is_some_and(|fields| fields.remove(name).is_some()),
        Some(("k", keys)) => {
            let Ok(keys) = serde_json::from_str::<Map<String, Value>>(keys) else { return false };
            drop_items(value, |item| has(item, &keys))
        }
        Some(("v", text)) => {
            serde_json::from_str(text).is_ok_and(|wanted: Value| drop_items(value, |item| *item == wanted))
        }
        _ => false,
    }
}

fn drop_items(list: &mut Value, unwanted: impl Fn(&Value) -> bool) -> bool {
    let Some(items) = list.as_array_mut() else { return false };
    let before = items.len();
    items.retain(|item| !unwanted(item));
    items.len() < before
}

/// A key that the item leaves out has its default, which the API server writes into both.
fn has(item: &Value, keys: &Map<String, Value>) -> bool {
    keys.iter().all(|(name, value)| item.get(name).unwrap_or(&json!(null)) == value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deployment(manager: &str, fields: &Value) -> Value {
        json!({
            "kind": "Deployment",
            "metadata": {
                "labels": {"seen": "yes"},
                "managedFields": [
                    {"manager": "hardway", "operation": "Apply", "fieldsV1": {"f:spec": {
                        "f:replicas": {},
                        "f:template": {"f:spec": {"f:containers": {"k:{\"name\":\"dns\"}": {
                            ".": {}, "f:name": {}, "f:image": {},
                        }}}},
                    }}},
                    {"manager": manager, "operation": "Update", "fieldsV1": fields},
                    {"manager": manager, "operation": "Update", "subresource": "status", "fieldsV1": {"f:spec": {}}},
                ],
            },
            "spec": {
                "replicas": 2,
                "paused": true,
                "template": {
                    "metadata": {"annotations": {"restartedAt": "now"}},
                    "spec": {"containers": [
                        {"name": "dns", "image": "i", "env": [{"name": "X", "value": "1"}]},
                        {"name": "sidecar", "image": "evil"},
                    ]},
                },
            },
        })
    }

    fn spec_without(manager: &str, fields: &Value) -> Option<Value> {
        without(&deployment(manager, fields)).map(|object| object["spec"].clone())
    }

    #[test]
    fn what_others_added_goes_and_what_is_ours_stays() {
        let fields = json!({"f:spec": {
            "f:paused": {},
            "f:replicas": {},
            "f:template": {"f:spec": {"f:containers": {
                "k:{\"name\":\"dns\"}": {"f:env": {".": {}, "k:{\"name\":\"X\"}": {".": {}, "f:name": {}}}, "f:image": {}},
                "k:{\"name\":\"sidecar\"}": {".": {}, "f:name": {}, "f:image": {}},
            }}},
        }});
        let spec = spec_without("kubectl-edit", &fields).unwrap();
        assert_eq!(spec["template"]["spec"]["containers"], json!([{"name": "dns", "image": "i"}]));
        assert_eq!((&spec["replicas"], spec.get("paused")), (&json!(2), None));
    }

    #[test]
    fn a_key_of_a_config_map_is_as_good_as_a_field() {
        let object = json!({
            "kind": "ConfigMap", "data": {"Corefile": "c", "extra": "x"},
            "metadata": {"managedFields": [
                {"manager": "hardway", "fieldsV1": {"f:data": {"f:Corefile": {}}}},
                {"manager": "kubectl-patch", "fieldsV1": {"f:data": {"f:Corefile": {}, "f:extra": {}}}},
            ]},
        });
        assert_eq!(without(&object).unwrap()["data"], json!({"Corefile": "c"}));
    }

    #[test]
    fn annotations_and_what_kubernetes_itself_completes_are_nobodys_drift() {
        let annotation = json!({"f:metadata": {"f:labels": {"f:seen": {}}}, "f:spec": {"f:template": {
            "f:metadata": {"f:annotations": {".": {}, "f:restartedAt": {}}},
        }}});
        assert_eq!(spec_without("kubectl-rollout", &annotation), None);
        assert_eq!(spec_without("kube-controller-manager", &json!({"f:spec": {"f:paused": {}}})), None);
        assert_eq!(without(&json!({"kind": "ConfigMap", "metadata": {}})), None);
    }
}
