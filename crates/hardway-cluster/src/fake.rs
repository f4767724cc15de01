//! An API made of canned answers, for tests.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use http::{Request, Response, StatusCode};
use kube::Client;
use kube::client::Body;
use serde_json::{Value, json};

use crate::{Access, Live};

/// A status code and a body, in the order in which requests come.
pub(crate) type Answers = Vec<(u16, String)>;

/// A client whose requests get `answers` in their order, and the paths that it asked for.
/// One request too many fails the test.
pub(crate) fn live(answers: Answers) -> (Live, Arc<Mutex<Vec<String>>>) {
    let answers = Arc::new(Mutex::new(VecDeque::from(answers)));
    let asked = Arc::new(Mutex::new(Vec::new()));
    let seen = asked.clone();
    let service = tower::service_fn(move |request: Request<Body>| {
        seen.lock().unwrap().push(format!("{} {}", request.method(), request.uri()));
        let (code, body) = answers.lock().unwrap().pop_front().expect("an answer for every request");
        let response = Response::builder().status(StatusCode::from_u16(code).unwrap());
        let response = response.body(Body::from(body.into_bytes())).unwrap();
        async move { Ok::<_, Infallible>(response) }
    });
    let access =
        Access { server: ([127, 0, 0, 1], 6443).into(), server_name: "api".to_owned(), authority: String::new() };
    (Live { client: Client::new(service, "default"), access }, asked)
}

pub(crate) fn refusal(code: u16, message: &str) -> (u16, String) {
    let status = json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "message": message});
    (code, status.to_string())
}

/// A list with these items, at version 1.
pub(crate) fn list(items: &[Value]) -> (u16, String) {
    (200, json!({"kind": "List", "metadata": {"resourceVersion": "1"}, "items": items}).to_string())
}

/// A watch that sends these objects as modified, and ends.
pub(crate) fn watch(objects: &[Value]) -> (u16, String) {
    let events = objects.iter().map(|object| format!("{}\n", json!({"type": "MODIFIED", "object": object})));
    (200, events.collect())
}
