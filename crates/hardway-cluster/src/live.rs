//! The connection to the API, and single calls over it.

use std::fmt;
use std::future::Future;
use std::time::Duration;

use kube::Client;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::time::timeout;

use crate::{Access, ConnectError, Credentials, Error};

/// The field manager that owns what hardway applies.
pub const MANAGER: &str = "hardway";

/// A call that takes longer has hung: the API server itself gives up on a request after 60 s, and on a
/// healthy one the slowest call here (the first apply after its start) takes under 2 s.
pub(crate) const CALL_TIMEOUT: Duration = Duration::from_secs(15);

/// The live cluster, as one identity sees it. Cheap to clone; clones share their connections.
#[derive(Clone)]
pub struct Live {
    pub(crate) client: Client,
    pub(crate) access: Access,
}

impl fmt::Debug for Live {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Live").field("access", &self.access).finish_non_exhaustive()
    }
}

impl Live {
    /// Prepares a client; connects when first used. Must be called inside a tokio runtime.
    ///
    /// # Errors
    /// Where the authority, certificate or key cannot be read.
    pub fn connect(access: &Access, credentials: &Credentials) -> Result<Self, ConnectError> {
        let client = Client::try_from(access.config(credentials)?)
            .map_err(|source| ConnectError::Credentials { server: access.server, source: Box::new(source) })?;
        Ok(Self { client, access: access.clone() })
    }

    /// The same API as somebody else.
    ///
    /// # Errors
    /// As [`Live::connect`].
    pub fn with_credentials(&self, credentials: &Credentials) -> Result<Self, ConnectError> {
        Self::connect(&self.access, credentials)
    }

    /// The body of a GET of any path the API serves: `/readyz?verbose`, `/version`.
    ///
    /// # Errors
    /// [`Error::Refused`] with the API's status code, or no answer.
    pub async fn get_text(&self, path: &str) -> Result<String, Error> {
        let request = http::Request::get(path).body(Vec::new());
        let call = format!("GET {path}");
        self.text(&call, request.map_err(kube::Error::HttpError)).await
    }

    /// As [`Live::get_text`], read as JSON.
    ///
    /// # Errors
    /// As [`Live::get_text`], and where the body is not JSON.
    pub async fn get_json(&self, path: &str) -> Result<Value, Error> {
        let text = self.get_text(path).await?;
        serde_json::from_str(&text).map_err(|source| Error::Unreadable { call: format!("GET {path}"), source })
    }

    /// Sends a request and gives the body of its answer.
    pub(crate) async fn text(
        &self,
        call: &str,
        request: Result<http::Request<Vec<u8>>, kube::Error>,
    ) -> Result<String, Error> {
        self.within(CALL_TIMEOUT, call, async { self.client.request_text(request?).await }).await
    }

    /// Sends a request and reads the JSON of its answer.
    pub(crate) async fn json<T: DeserializeOwned>(
        &self,
        call: &str,
        request: Result<http::Request<Vec<u8>>, kube::core::request::Error>,
    ) -> Result<T, Error> {
        let text = self.text(call, request.map_err(kube::Error::BuildRequest)).await?;
        serde_json::from_str(&text).map_err(|source| Error::Unreadable { call: call.to_owned(), source })
    }

    /// Bounds an operation of the client and names it in its error.
    pub(crate) async fn within<T>(
        &self,
        limit: Duration,
        call: &str,
        operation: impl Future<Output = Result<T, kube::Error>>,
    ) -> Result<T, Error> {
        match timeout(limit, operation).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(self.explain(call, error)),
            Err(source) => Err(Error::TimedOut { call: call.to_owned(), server: self.access.server, limit, source }),
        }
    }

    pub(crate) fn explain(&self, call: &str, error: kube::Error) -> Error {
        let call = call.to_owned();
        match error {
            kube::Error::Api(status) => Error::Refused { call, code: status.code, message: status.message },
            kube::Error::SerdeError(source) => Error::Unreadable { call, source },
            kube::Error::ReadEvents(source) => Error::Broken { call, source },
            // The client's own wrapping repeats what it wraps.
            kube::Error::Service(source) => Error::Unreachable { call, server: self.access.server, source },
            source => Error::Unreachable { call, server: self.access.server, source: Box::new(source) },
        }
    }
}
