//! Following one object through list and watch until something holds of it.

use std::error::Error as _;
use std::ops::ControlFlow;
use std::time::Duration;

use futures::TryStreamExt;
use kube::api::{ListParams, WatchEvent, WatchParams};
use serde_json::Value;
use tokio::time::{Instant, sleep, timeout_at};

use crate::{Error, Live, kind};

/// Between a watch that ended and the next list, and between two questions of an API that is not up yet:
/// short, for it delays what waits, and long enough not to load a starting API server.
pub(crate) const PAUSE: Duration = Duration::from_millis(75);

/// A watch is begun anew after this many seconds, so that a connection that died silently costs no more.
const WATCH_SECONDS: u32 = 20;

/// One object, by name.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Target<'a> {
    pub(crate) api_version: &'a str,
    pub(crate) kind: &'a str,
    pub(crate) namespace: Option<&'a str>,
    pub(crate) name: &'a str,
}

impl Live {
    /// Waits until `judge` breaks; what it continues with is the description of the state that it saw.
    /// It is asked with `None` where the object does not exist.
    pub(crate) async fn until<T>(
        &self,
        target: Target<'_>,
        awaited: &str,
        deadline: Instant,
        judge: impl Fn(Option<&Value>) -> ControlFlow<T, String>,
    ) -> Result<T, Error> {
        let begun = Instant::now();
        let mut last = "nothing".to_owned();
        match timeout_at(deadline, self.follow(target, &judge, &mut last)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(Error::NotInTime { awaited: awaited.to_owned(), waited: begun.elapsed(), last }),
        }
    }

    async fn follow<T>(
        &self,
        target: Target<'_>,
        judge: &impl Fn(Option<&Value>) -> ControlFlow<T, String>,
        last: &mut String,
    ) -> Result<T, Error> {
        loop {
            match self.watch_once(target, judge, last).await {
                Ok(Some(value)) => return Ok(value),
                Ok(None) => {}
                Err(error) if error.is_passing() => *last = chain(&error),
                Err(error) => return Err(error),
            }
            sleep(PAUSE).await;
        }
    }

    /// Lists, then watches from there. `None` where the watch ended first.
    async fn watch_once<T>(
        &self,
        target: Target<'_>,
        judge: &impl Fn(Option<&Value>) -> ControlFlow<T, String>,
        last: &mut String,
    ) -> Result<Option<T>, Error> {
        let call = format!("watch {} {}", target.kind, target.name);
        let selector = format!("metadata.name={}", target.name);
        let collection = kind::collection(target.api_version, target.kind, target.namespace)?;

        let list: Value = self.json(&call, collection.list(&ListParams::default().fields(&selector))).await?;
        match judge(list.pointer("/items/0")) {
            ControlFlow::Break(value) => return Ok(Some(value)),
            ControlFlow::Continue(seen) => *last = seen,
        }

        let version = list.pointer("/metadata/resourceVersion").and_then(Value::as_str).unwrap_or_default();
        let params = WatchParams::default().fields(&selector).timeout(WATCH_SECONDS).disable_bookmarks();
        let request = collection
            .watch(&params, version)
            .map_err(|error| self.explain(&call, kube::Error::BuildRequest(error)))?;
        let ends = Instant::now() + Duration::from_secs(WATCH_SECONDS.into()) + PAUSE;
        let watching = async {
            let mut events = Box::pin(self.client.request_events::<Value>(request).await?);
            while let Some(event) = events.try_next().await? {
                let seen = match &event {
                    WatchEvent::Added(object) | WatchEvent::Modified(object) => judge(Some(object)),
                    WatchEvent::Deleted(_) => judge(None),
                    WatchEvent::Bookmark(_) => continue,
                    // Most often the version is too old by now: a new list gives a new one.
                    WatchEvent::Error(_) => return Ok(None),
                };
                match seen {
                    ControlFlow::Break(value) => return Ok(Some(value)),
                    ControlFlow::Continue(seen) => *last = seen,
                }
            }
            Ok(None)
        };
        match timeout_at(ends, watching).await {
            Ok(outcome) => outcome.map_err(|error| self.explain(&call, error)),
            Err(_) => Ok(None),
        }
    }
}

/// An error and its causes in one line.
pub(crate) fn chain(error: &Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use hardway_design::Await;
    use serde_json::json;

    use super::*;
    use crate::fake;

    fn node(ready: &str) -> Value {
        let condition = json!({"type": "Ready", "status": ready, "message": "no network yet", "reason": "NotReady"});
        json!({"kind": "Node", "status": {"conditions": [condition]}})
    }

    fn node_ready() -> Await {
        Await::NodeReady("w1".to_owned())
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_ends_with_the_event_that_it_waited_for() {
        let (live, asked) = fake::live(vec![fake::list(&[node("False")]), fake::watch(&[node("False"), node("True")])]);
        live.wait(&node_ready(), Instant::now() + Duration::from_secs(60)).await.unwrap();
        let asked = asked.lock().unwrap();
        assert!(asked[1].contains("watch=true") && asked[1].contains("resourceVersion=1"), "{}", asked[1]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_watch_that_breaks_off_is_begun_anew_from_a_list() {
        let (live, asked) = fake::live(vec![
            fake::refusal(503, "starting"),
            fake::list(&[]),
            fake::watch(&[]),
            fake::list(&[node("True")]),
        ]);
        live.wait(&node_ready(), Instant::now() + Duration::from_secs(60)).await.unwrap();
        assert_eq!(asked.lock().unwrap().len(), 4);
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_in_vain_tells_the_state_that_it_last_saw() {
        let answers = (0..40).flat_map(|_| [fake::list(&[node("False")]), fake::watch(&[])]).collect();
        let (live, _) = fake::live(answers);
        let error = live.wait(&node_ready(), Instant::now() + Duration::from_secs(2)).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "waited 2 s until node w1 is Ready; last seen: Ready is False: no network yet (NotReady)"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_refusal_that_cannot_pass_ends_the_wait() {
        let (live, _) = fake::live(vec![fake::refusal(401, "unauthorized")]);
        let error = live.wait(&node_ready(), Instant::now() + Duration::from_secs(60)).await.unwrap_err();
        assert_eq!(error.code(), Some(401));
    }
}
