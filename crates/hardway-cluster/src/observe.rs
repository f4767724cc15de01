//! The live state of the design's objects, beside what applying them would make of it.

use std::collections::BTreeMap;

use futures::{TryStreamExt, stream};
use hardway_design::{Object, Observation, Resource, ResourceId};
use kube::api::GetParams;
use serde_json::Value;

use crate::kind::{collection_of, title};
use crate::normalise::normalise;
use crate::{Error, Live, foreign, node_settings};

/// Each call in flight holds a connection of its own (HTTP/1.1), whose handshake costs an RSA signature
/// on a machine that may be busy starting a cluster.
const IN_FLIGHT: usize = 8;

impl Live {
    /// The object as it is and as a dry run of [`Live::apply`] would leave it; `None` where it does not exist.
    ///
    /// Both are without the server's own metadata and status, and a Secret's values are digests.
    ///
    /// # Errors
    /// The API's refusal, or no answer.
    pub async fn observe(&self, object: &Object) -> Result<Option<Observation>, Error> {
        let Some(live) = self.get(object).await? else { return Ok(None) };
        let dry_run = if node_settings::is_node(object) {
            node_settings::settled(&live, &object.value)
        } else {
            let dry_run = self.patch(object, true).await?;
            foreign::without(&dry_run).unwrap_or(dry_run)
        };
        Ok(Some(Observation::Object { live: normalise(live), dry_run: normalise(dry_run) }))
    }

    /// Observes many objects side by side. Those that do not exist are absent from the map.
    ///
    /// # Errors
    /// The first object's that fails. [`Error::is_unreachable`] tells a cluster that is not there from one
    /// that refuses.
    pub async fn observe_all<'a>(
        &self,
        objects: impl IntoIterator<Item = &'a Object>,
    ) -> Result<BTreeMap<ResourceId, Observation>, Error> {
        stream::iter(objects.into_iter().cloned().map(Ok))
            .map_ok(|object: Object| async move {
                let observation = self.observe(&object).await?;
                Ok::<_, Error>(observation.map(|observation| (Resource::Object(object).id(), observation)))
            })
            .try_buffer_unordered(IN_FLIGHT)
            .try_filter_map(|entry| async move { Ok(entry) })
            .try_collect()
            .await
    }

    async fn get(&self, object: &Object) -> Result<Option<Value>, Error> {
        let request = collection_of(object)?.get(object.name(), &GetParams::default());
        match self.json(&format!("get {}", title(object)), request).await {
            Ok(live) => Ok(Some(live)),
            Err(error) if error.code() == Some(404) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::fake;

    fn config_map() -> Object {
        let metadata = json!({"name": "x", "namespace": "a"});
        Object { value: json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}) }
    }

    #[tokio::test]
    async fn what_does_not_exist_is_not_dry_run() {
        let (live, asked) = fake::live(vec![fake::refusal(404, "not found")]);
        assert_eq!(live.observe(&config_map()).await.unwrap(), None);
        assert_eq!(asked.lock().unwrap().len(), 1);
    }

    #[tokio::test]
    async fn what_somebody_else_added_is_a_difference() {
        let object = json!({
            "kind": "ConfigMap", "data": {"extra": "x"},
            "metadata": {"managedFields": [{"manager": "kubectl-edit", "fieldsV1": {"f:data": {".": {}, "f:extra": {}}}}]},
        });
        let (api, _) = fake::live(vec![(200, object.to_string()), (200, object.to_string())]);
        let Some(Observation::Object { live, dry_run }) = api.observe(&config_map()).await.unwrap() else {
            panic!("it exists")
        };
        assert_eq!((live.get("data"), dry_run.get("data")), (Some(&json!({"extra": "x"})), None));
    }

    #[tokio::test]
    async fn live_and_dry_run_differ_in_intent_alone() {
        let object = |version: &str, data: &str| {
            json!({
                "kind": "ConfigMap", "data": {"key": data},
                "metadata": {"name": "x", "resourceVersion": version, "managedFields": [{"time": version}]},
            })
        };
        let seen = |live: Value, dry_run: Value| async move {
            let (api, _) = fake::live(vec![(200, live.to_string()), (200, dry_run.to_string())]);
            match api.observe(&config_map()).await.unwrap() {
                Some(Observation::Object { live, dry_run }) => live == dry_run,
                other => panic!("{other:?}"),
            }
        };
        assert!(seen(object("1", "same"), object("2", "same")).await);
        assert!(!seen(object("1", "old"), object("1", "new")).await);
    }
}
