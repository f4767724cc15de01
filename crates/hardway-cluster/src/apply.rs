//! Server-side apply and deletion.

use std::time::Duration;

use hardway_design::Object;
use kube::api::{DeleteParams, Patch, PatchParams, PostParams, ValidationDirective};
use serde_json::Value;
use tokio::time::{Instant, sleep};

use crate::kind::{collection_of, title};
use crate::{Error, Live, MANAGER, foreign, node_settings};

/// Pauses between tries. The first are short, since most often a new API server is a few hundred
/// milliseconds from ready; none is long, since each is on the critical path of a new cluster.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

impl Live {
    /// Applies an object server-side as field manager [`MANAGER`], taking over fields that others set, and takes away
    /// what others added to it. Of a node, only labels and taints are changed.
    ///
    /// Tries again until `deadline` where the cause may pass: an API that just came up refuses
    /// connections, lacks its RBAC roles, or does not serve a group yet.
    ///
    /// # Errors
    /// The last try's, when the deadline has passed; at once what cannot pass.
    pub async fn apply(&self, object: &Object, deadline: Instant) -> Result<(), Error> {
        let mut pause = FIRST_PAUSE;
        loop {
            match self.apply_once(object).await {
                Ok(()) => return Ok(()),
                Err(error) if error.is_passing() && Instant::now() + pause < deadline => {}
                Err(error) => return Err(error),
            }
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    async fn apply_once(&self, object: &Object) -> Result<(), Error> {
        if node_settings::is_node(object) {
            return self.settle_node(object).await;
        }
        let stored = self.patch(object, false).await?;
        let Some(clean) = foreign::without(&stored) else { return Ok(()) };
        let params = PostParams { dry_run: false, field_manager: Some(MANAGER.to_owned()) };
        let request = collection_of(object)?.replace(object.name(), &params, clean.to_string().into_bytes());
        self.json::<Value>(&format!("replace {}", title(object)), request).await.map(drop)
    }

    /// The object as the API server stores it, or would store it.
    pub(crate) async fn patch(&self, object: &Object, dry_run: bool) -> Result<Value, Error> {
        let params = PatchParams {
            dry_run,
            force: true,
            field_manager: Some(MANAGER.to_owned()),
            field_validation: Some(ValidationDirective::Strict),
        };
        let verb = if dry_run { "dry-run apply" } else { "apply" };
        let request = collection_of(object)?.patch(object.name(), &params, &Patch::Apply(&object.value));
        self.json(&format!("{verb} {}", title(object)), request).await
    }

    /// Deletes an object and, in the background, what it owns. One that is absent is not an error.
    ///
    /// # Errors
    /// The API's refusal, or no answer.
    pub async fn delete(&self, object: &Object) -> Result<(), Error> {
        let request = collection_of(object)?.delete(object.name(), &DeleteParams::background());
        match self.json::<Value>(&format!("delete {}", title(object)), request).await {
            Err(error) if error.code() == Some(404) => Ok(()),
            other => other.map(drop),
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

    fn in_a_minute() -> Instant {
        Instant::now() + Duration::from_secs(60)
    }

    #[tokio::test(start_paused = true)]
    async fn an_apply_is_repeated_while_the_api_comes_up() {
        let (live, asked) = fake::live(vec![
            fake::refusal(503, "starting"),
            fake::refusal(403, "roles are not written yet"),
            fake::refusal(404, "namespaces \"a\" not found"),
            (200, "{}".to_owned()),
        ]);
        live.apply(&config_map(), in_a_minute()).await.unwrap();
        let asked = asked.lock().unwrap();
        assert_eq!(asked.len(), 4);
        assert!(asked[0].starts_with("PATCH /api/v1/namespaces/a/configmaps/x?"), "{}", asked[0]);
        for parameter in ["force=true", "fieldManager=hardway", "fieldValidation=Strict"] {
            assert!(asked[0].contains(parameter), "{}", asked[0]);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_others_added_is_taken_away() {
        let stored = json!({
            "kind": "ConfigMap", "data": {"extra": "x"},
            "metadata": {"managedFields": [{"manager": "kubectl-edit", "fieldsV1": {"f:data": {".": {}, "f:extra": {}}}}]},
        });
        let (live, asked) = fake::live(vec![(200, stored.to_string()), (200, "{}".to_owned())]);
        live.apply(&config_map(), in_a_minute()).await.unwrap();
        let asked = asked.lock().unwrap();
        assert!(asked[1].starts_with("PUT /api/v1/namespaces/a/configmaps/x?"), "{}", asked[1]);
    }

    #[tokio::test(start_paused = true)]
    async fn what_cannot_pass_is_not_repeated() {
        let (live, _) = fake::live(vec![fake::refusal(422, "field is immutable")]);
        let error = live.apply(&config_map(), in_a_minute()).await.unwrap_err();
        assert_eq!(error.to_string(), "apply ConfigMap a/x: field is immutable (HTTP 422)");
    }

    #[tokio::test(start_paused = true)]
    async fn the_deadline_ends_the_tries_with_the_last_error() {
        let (live, _) = fake::live(vec![fake::refusal(429, "later"); 200]);
        let begun = Instant::now();
        let error = live.apply(&config_map(), in_a_minute()).await.unwrap_err();
        assert_eq!(error.code(), Some(429));
        assert!(begun.elapsed() <= Duration::from_secs(60));
    }

    #[tokio::test(start_paused = true)]
    async fn deleting_what_is_gone_succeeds() {
        let (live, _) = fake::live(vec![fake::refusal(404, "not found")]);
        live.delete(&config_map()).await.unwrap();
    }
}
