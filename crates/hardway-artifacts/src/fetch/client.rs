//! The HTTPS client, and who is told the mirror's credentials.

use std::fmt;

use reqwest::{Certificate, Client, RequestBuilder, Url, redirect};
use secrecy::{ExposeSecret, SecretString};

use super::{FetchError, Patience};

/// GitHub redirects once, `dl.k8s.io` once or twice.
pub(super) const MAX_REDIRECTS: usize = 10;

/// A name and a password for a mirror. Its `Debug` does not show the password.
#[derive(Debug, Clone)]
pub struct Credentials {
    pub username: String,
    pub password: SecretString,
}

/// What a downloader is set up with.
#[derive(Debug, Default)]
pub(crate) struct Access<'a> {
    /// PEM certificates that count beside the system's.
    pub(crate) authority: Option<&'a [u8]>,
    /// Credentials, and the address below which they are sent.
    pub(crate) credentials: Option<(Url, Credentials)>,
    pub(crate) patience: Patience,
}

/// Gets files over HTTPS, through the proxies that the environment names (`HTTPS_PROXY`, `NO_PROXY`).
#[derive(Debug)]
pub(crate) struct Downloader {
    client: Client,
    credentials: Option<(Url, Credentials)>,
    pub(super) patience: Patience,
}

impl Downloader {
    /// # Errors
    /// [`FetchError::Authority`], [`FetchError::NoAuthority`] and [`FetchError::Client`].
    pub(crate) fn new(access: Access<'_>) -> Result<Self, FetchError> {
        let mut client = Client::builder()
            .user_agent(concat!("hardway/", env!("CARGO_PKG_VERSION")))
            .https_only(true)
            .connect_timeout(access.patience.connect)
            .read_timeout(access.patience.silence)
            // Persistence is this module's affair; it knows how far a download has come.
            .retry(reqwest::retry::never())
            .redirect(redirect::Policy::custom(follow));
        if let Some(pem) = access.authority {
            let certificates = Certificate::from_pem_bundle(pem).map_err(|source| FetchError::Authority { source })?;
            if certificates.is_empty() {
                return Err(FetchError::NoAuthority);
            }
            client = client.tls_certs_merge(certificates);
        }
        let client = client.build().map_err(|source| FetchError::Client { source })?;
        Ok(Self { client, credentials: access.credentials, patience: access.patience })
    }

    /// A request for `url`, with the mirror's credentials if it is the mirror's. A redirect to another host is followed
    /// without them: reqwest takes the header away.
    pub(super) fn get(&self, url: &str) -> RequestBuilder {
        let request = self.client.get(url);
        match self.credentials_for(url) {
            Some(credentials) => request.basic_auth(&credentials.username, Some(credentials.password.expose_secret())),
            None => request,
        }
    }

    pub(super) fn credentials_for(&self, url: &str) -> Option<&Credentials> {
        let (base, credentials) = self.credentials.as_ref()?;
        let url = Url::parse(url).ok()?;
        let below = url.origin() == base.origin()
            && url.path().strip_prefix(base.path().trim_end_matches('/')).is_some_and(|rest| rest.starts_with('/'));
        below.then_some(credentials)
    }
}

fn follow(attempt: redirect::Attempt<'_>) -> redirect::Action {
    if attempt.previous().len() > MAX_REDIRECTS {
        return attempt.error(TooManyRedirects);
    }
    if attempt.url().scheme() != "https" {
        // Signed addresses carry secrets in their query.
        let mut to = attempt.url().clone();
        to.set_query(None);
        return attempt.error(InsecureRedirect { to: to.to_string() });
    }
    attempt.follow()
}

/// Why a redirect was not followed.
#[derive(Debug)]
pub(super) struct InsecureRedirect {
    pub(super) to: String,
}

#[derive(Debug)]
pub(super) struct TooManyRedirects;

impl fmt::Display for InsecureRedirect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is not https", self.to)
    }
}

impl fmt::Display for TooManyRedirects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("too many redirects")
    }
}

impl std::error::Error for InsecureRedirect {}
impl std::error::Error for TooManyRedirects {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_stay_below_the_mirrors_address() {
        let base = Url::parse("https://mirror.example/k8s/").unwrap();
        let credentials = Credentials { username: "ada".to_owned(), password: "lovelace".into() };
        assert!(!format!("{credentials:?}").contains("lovelace"));
        let access = Access { credentials: Some((base, credentials)), ..Access::default() };
        let downloader = Downloader::new(access).unwrap();
        let sent = |url| downloader.credentials_for(url).is_some();
        assert!(sent("https://mirror.example/k8s/dl.k8s.io/x"));
        assert!(!sent("https://mirror.example/k8s2/x"));
        assert!(!sent("https://mirror.example:8443/k8s/x"));
        assert!(!sent("https://mirror.example.org/k8s/x"));
        assert!(!sent("https://dl.k8s.io/k8s/x"));
    }

    #[test]
    fn a_file_without_a_certificate_is_no_authority() {
        let access = Access { authority: Some(b"hello"), ..Access::default() };
        assert!(matches!(Downloader::new(access), Err(FetchError::NoAuthority)));
    }
}
