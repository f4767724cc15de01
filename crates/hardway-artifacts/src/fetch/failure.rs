//! Which failures pass by themselves, and which do not.

use std::error::Error as StdError;
use std::io;
use std::time::Duration;

use jiff::Timestamp;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use reqwest::{Response, StatusCode};

use super::FetchError;
use super::client::{InsecureRedirect, MAX_REDIRECTS, TooManyRedirects};

/// The end of an attempt that did not bring the file.
#[derive(Debug)]
pub(super) enum Failure {
    /// The next attempt would end like this one.
    Final(FetchError),
    /// It may be over soon.
    Passing {
        error: FetchError,
        /// What the server asked for.
        wait: Option<Duration>,
    },
}

impl From<FetchError> for Failure {
    fn from(error: FetchError) -> Self {
        Self::Final(error)
    }
}

impl Failure {
    pub(super) fn passing(error: FetchError) -> Self {
        Self::Passing { error, wait: None }
    }

    /// What a request that got no answer means.
    pub(super) fn of_request(url: &str, error: reqwest::Error) -> Self {
        let url = url.to_owned();
        if let Some(redirect) = cause::<InsecureRedirect>(&error) {
            return Self::Final(FetchError::InsecureRedirect { url, to: redirect.to.clone() });
        }
        if cause::<TooManyRedirects>(&error).is_some() {
            return Self::Final(FetchError::Redirects { url, limit: MAX_REDIRECTS });
        }
        if let Some(rustls::Error::InvalidCertificate(reason)) = cause::<rustls::Error>(&error) {
            return Self::Final(FetchError::Untrusted { url, reason: reason.to_string() });
        }
        Self::passing(FetchError::Unreachable { url, source: error.without_url() })
    }

    /// What an answer without the file means.
    pub(super) fn of_status(url: &str, response: &Response, credentials_sent: bool) -> Self {
        let status = response.status();
        let url = url.to_owned();
        match status {
            StatusCode::NOT_FOUND | StatusCode::GONE => Self::Final(FetchError::NotFound { url }),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                Self::Final(FetchError::Denied { url, status: status.as_u16(), sent: credentials_sent })
            }
            StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT => Self::Passing {
                error: FetchError::Status { url, status: status.as_u16() },
                wait: retry_after(response.headers(), Timestamp::now()),
            },
            _ if status.is_server_error() => Self::Passing {
                error: FetchError::Status { url, status: status.as_u16() },
                wait: retry_after(response.headers(), Timestamp::now()),
            },
            _ => Self::Final(FetchError::Status { url, status: status.as_u16() }),
        }
    }
}

/// The value of `Retry-After`: seconds, or a date (RFC 9110, section 10.2.3).
fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = jiff::fmt::rfc2822::parse(value).ok()?.timestamp();
    Some(Duration::try_from(date.duration_since(now)).unwrap_or_default())
}

/// The error of a type that is at the bottom of another. An [`io::Error`] hides the one in it from `source`.
pub(crate) fn cause<'a, E: StdError + 'static>(error: &'a (dyn StdError + 'static)) -> Option<&'a E> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<E>() {
            return Some(found);
        }
        next = match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(inner) => Some(inner),
            None => error.source(),
        };
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = "1994-11-06T08:49:30Z".parse().unwrap();
        let read = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, value.parse().unwrap());
            retry_after(&headers, now)
        };
        assert_eq!(read("120"), Some(Duration::from_secs(120)));
        assert_eq!(read("Sun, 06 Nov 1994 08:49:37 GMT"), Some(Duration::from_secs(7)));
        assert_eq!(read("Sun, 06 Nov 1994 08:49:00 GMT"), Some(Duration::ZERO));
        assert_eq!(read("soon"), None);
    }
}
