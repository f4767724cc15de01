//! Server-side apply and deletion.

use std::time::Duration;

use hardway_design::Object;
use kube::api::{DeleteParams, Patch, PatchParams, ValidationDirective};
use serde_json::Value;
use tokio::time::{Instant, sleep};

use crate::kind::{collection_of, title};
use crate::{Error, Live, MANAGER};

/// Pauses between tries. The first are short, since most often a new API server is a few hundred
/// milliseconds from ready; none is long, since each is on the critical path of a new cluster.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

impl Live {
    /// Applies an object server-side as field manager [`MANAGER`], taking over fields that others set.
    ///
    /// Tries again until `deadline` where the cause may pass: an API that just came up refuses
    /// connections, lacks its RBAC roles, or does not serve a group yet.
    ///
    /// # Errors
    /// The last try's, when the deadline has passed; at once what cannot pass.
    pub async fn apply(&self, object: &Object, deadline: Instant) -> Result<(), Error> {
        let mut pause = FIRST_PAUSE;
        loop {
            match self.patch(object, false).await {
                Ok(_) => return Ok(()),
                Err(error) if error.is_passing() && Instant::now() + pause < deadline => {}
                Err(error) => return Err(error),
            }
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
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
