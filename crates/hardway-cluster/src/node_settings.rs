//! Labels and taints of nodes.
//!
//! A node is not applied as other objects are: its kubelet makes it, and the API takes its taints for one value, which
//! controllers change with the node's state (<https://kubernetes.io/docs/reference/labels-annotations-taints/>). So it
//! is read, and changed in what is hardway's: what the object says, and what the node's own record says of before.

use hardway_design::{NodeRecord, Object};
use hardway_spec::Taint;
use kube::api::GetParams;
use serde_json::{Map, Value, json};

use crate::kind::{collection_of, title};
use crate::{Error, Live};

pub(crate) fn is_node(object: &Object) -> bool {
    object.kind() == "Node"
}

impl Live {
    /// Brings a node to what the object says of it. Somebody else's change between reading and writing is refused by
    /// the API (409), as is a node that has not registered (404): both pass.
    pub(crate) async fn settle_node(&self, object: &Object) -> Result<(), Error> {
        let name = title(object);
        let request = collection_of(object)?.get(object.name(), &GetParams::default());
        let live: Value = self.json(&format!("get {name}"), request).await?;
        let Some(mut patch) = patch(&live, &object.value) else { return Ok(()) };
        patch["metadata"]["resourceVersion"] = live["metadata"]["resourceVersion"].clone();
        self.patch_node(&format!("change {name}"), object.name(), &patch).await
    }
}

/// The node as [`Live::settle_node`] would leave it.
pub(crate) fn settled(live: &Value, wanted: &Value) -> Value {
    let mut node = live.clone();
    if let Some(patch) = patch(live, wanted) {
        merge(&mut node, &patch);
    }
    node
}

/// What leads from the live node to the wanted one, as a merge patch (RFC 7386); None where nothing does.
fn patch(live: &Value, wanted: &Value) -> Option<Value> {
    let (before, after) = (NodeRecord::of(live), NodeRecord::of(wanted));
    let mut labels = Map::new();
    for key in before.labels.difference(&after.labels) {
        labels.insert(key.clone(), Value::Null);
    }
    labels.extend(wanted["metadata"]["labels"].as_object().cloned().unwrap_or_default());
    let annotation = wanted["metadata"]["annotations"][NodeRecord::ANNOTATION].clone();
    let mut patch = json!({"metadata": {"labels": labels, "annotations": {NodeRecord::ANNOTATION: annotation}}});
    let taints = taints(&live["spec"]["taints"], &before.taints, &after.taints);
    patch["spec"] = json!({ "taints": if taints.is_empty() { Value::Null } else { Value::Array(taints) } });
    differing(live, &patch)
}

/// The live taints, without those of before and with those of after. A taint is told by its key and effect.
fn taints(live: &Value, before: &[Taint], after: &[Taint]) -> Vec<Value> {
    let is =
        |value: &Value, taint: &Taint| value["key"] == taint.key.as_str() && value["effect"] == taint.effect.as_str();
    let is_one_of = |value: &Value, taints: &[Taint]| taints.iter().any(|taint| is(value, taint));
    let mut taints: Vec<Value> = live.as_array().cloned().unwrap_or_default();
    taints.retain(|value| is_one_of(value, after) || !is_one_of(value, before));
    for taint in after {
        let wanted = json!(taint);
        match taints.iter_mut().find(|value| is(value, taint)) {
            Some(value) if value.get("value") == wanted.get("value") => {}
            Some(value) => *value = wanted,
            None => taints.push(wanted),
        }
    }
    taints
}

/// The part of a merge patch that changes anything.
fn differing(value: &Value, patch: &Value) -> Option<Value> {
    match (value, patch) {
        (Value::Object(_) | Value::Null, Value::Object(fields)) => {
            let fields: Map<String, Value> = fields
                .iter()
                .filter_map(|(name, field)| {
                    Some((name.clone(), differing(value.get(name).unwrap_or(&Value::Null), field)?))
                })
                .collect();
            (!fields.is_empty()).then_some(Value::Object(fields))
        }
        _ => (value != patch).then(|| patch.clone()),
    }
}

/// RFC 7386, 2.
fn merge(value: &mut Value, patch: &Value) {
    let Value::Object(fields) = patch else {
        *value = patch.clone();
        return;
    };
    if !value.is_object() {
        *value = Value::Object(Map::new());
    }
    for (name, field) in fields {
        match field {
            Value::Null => _ = value.as_object_mut().and_then(|value| value.remove(name)),
            _ => merge(&mut value[name], field),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::Instant;

    use super::*;
    use crate::fake;

    fn taint(key: &str, value: &str) -> Value {
        let mut taint = json!({"key": key, "effect": "NoSchedule"});
        if !value.is_empty() {
            taint["value"] = value.into();
        }
        taint
    }

    fn wanted(labels: &Value, taints: &[Value]) -> Value {
        let keys: Vec<_> = labels.as_object().unwrap().keys().collect();
        let mut metadata = json!({"name": "w1", "labels": labels});
        if !keys.is_empty() || !taints.is_empty() {
            let record = json!({"labels": keys, "taints": taints}).to_string();
            metadata["annotations"] = json!({ NodeRecord::ANNOTATION: record });
        }
        json!({"apiVersion": "v1", "kind": "Node", "metadata": metadata})
    }

    /// As the kubelet and the controllers made it.
    fn registered() -> Value {
        json!({
            "kind": "Node",
            "metadata": {
                "name": "w1", "resourceVersion": "7",
                "labels": {"kubernetes.io/hostname": "w1"}, "annotations": {"volumes": "true"},
            },
            "spec": {"podCIDR": "10.0.0.0/24", "taints": [taint("node.kubernetes.io/not-ready", "")]},
        })
    }

    #[test]
    fn what_is_asked_for_comes_and_goes_and_others_labels_and_taints_stay() {
        let asked = wanted(&json!({"tier": "general", "disk": "ssd"}), &[taint("gpu", "a"), taint("slow", "")]);
        let first = settled(&registered(), &asked);
        assert_eq!(
            first["metadata"]["labels"],
            json!({"kubernetes.io/hostname": "w1", "tier": "general", "disk": "ssd"})
        );
        let others = taint("node.kubernetes.io/not-ready", "");
        assert_eq!(first["spec"]["taints"], json!([others, taint("gpu", "a"), taint("slow", "")]));
        assert_eq!(patch(&first, &asked), None);

        let changed = settled(&first, &wanted(&json!({"tier": "batch"}), &[taint("gpu", "b")]));
        assert_eq!(changed["metadata"]["labels"], json!({"kubernetes.io/hostname": "w1", "tier": "batch"}));
        assert_eq!(changed["spec"]["taints"], json!([others, taint("gpu", "b")]));

        assert_eq!(settled(&changed, &wanted(&json!({}), &[])), registered());
    }

    #[test]
    fn a_node_that_nothing_was_ever_set_of_is_left_alone() {
        let mut node = registered();
        node["metadata"]["labels"]["by-hand"] = "x".into();
        node["spec"]["unschedulable"] = true.into();
        assert_eq!(patch(&node, &wanted(&json!({}), &[])), None);
    }

    #[test]
    fn what_somebody_took_away_or_changed_is_put_back() {
        let asked = wanted(&json!({"tier": "general"}), &[taint("gpu", "a")]);
        let mut node = settled(&registered(), &asked);
        node["metadata"]["labels"]["tier"] = "mine".into();
        node["spec"]["taints"] = json!([]);
        let patch = patch(&node, &asked).unwrap();
        assert_eq!(
            patch,
            json!({"metadata": {"labels": {"tier": "general"}}, "spec": {"taints": [taint("gpu", "a")]}})
        );
    }

    #[test]
    fn the_last_taint_goes_with_its_list() {
        let mut node = registered();
        node["spec"]["taints"] = json!([]);
        let tainted = settled(&node, &wanted(&json!({}), &[taint("gpu", "")]));
        let free = settled(&tainted, &wanted(&json!({}), &[]));
        assert_eq!(free["spec"].get("taints"), None);
        assert_eq!(free["metadata"]["annotations"], json!({"volumes": "true"}));
    }

    #[tokio::test(start_paused = true)]
    async fn a_node_that_changed_meanwhile_is_read_again() {
        let (live, asked) = fake::live(vec![
            fake::refusal(404, "not found"),
            (200, registered().to_string()),
            fake::refusal(409, "the object has been modified"),
            (200, registered().to_string()),
            (200, "{}".to_owned()),
        ]);
        let object = Object { value: wanted(&json!({"tier": "general"}), &[]) };
        live.apply(&object, Instant::now() + Duration::from_secs(60)).await.unwrap();
        let asked = asked.lock().unwrap();
        let verbs: Vec<&str> = asked.iter().map(|request| request.split(' ').next().unwrap()).collect();
        assert_eq!(verbs, ["GET", "GET", "PATCH", "GET", "PATCH"]);
    }

    #[tokio::test]
    async fn a_node_is_observed_without_a_dry_run() {
        let (live, asked) = fake::live(vec![(200, registered().to_string())]);
        let object = Object { value: wanted(&json!({}), &[]) };
        let seen = live.observe(&object).await.unwrap();
        let Some(hardway_design::Observation::Object { live, dry_run }) = seen else { panic!("it exists") };
        assert_eq!(live, dry_run);
        assert_eq!(asked.lock().unwrap().len(), 1);
    }
}
