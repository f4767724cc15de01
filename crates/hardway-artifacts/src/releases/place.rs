//! Where a file is taken from: upstream itself, or a mirror of upstream's hosts and paths.

use reqwest::Url;

use super::ReleaseError;
use crate::SourceKind;

/// Below which address upstream's files are.
#[derive(Debug, Clone)]
pub(crate) enum Place {
    Upstream,
    /// `https://HOST/PATH` is at this address, then `/HOST/PATH`.
    Mirror(Url),
}

impl Place {
    /// # Errors
    /// [`ReleaseError::MirrorAddress`] for what is no https URL, or has parts that would be lost or shown.
    pub(crate) fn mirror(address: &str) -> Result<Self, ReleaseError> {
        let url = Url::parse(address).map_err(|_| ReleaseError::MirrorAddress { address: shown(address) })?;
        let sound = url.scheme() == "https"
            && url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none();
        if sound { Ok(Self::Mirror(url)) } else { Err(ReleaseError::MirrorAddress { address: shown(address) }) }
    }

    pub(crate) fn kind(&self) -> SourceKind {
        match self {
            Self::Upstream => SourceKind::Releases,
            Self::Mirror(_) => SourceKind::Mirror,
        }
    }

    /// Where the file is that upstream has at `url`.
    pub(crate) fn of(&self, url: &str) -> String {
        match self {
            Self::Upstream => url.to_owned(),
            Self::Mirror(base) => {
                let path = url.strip_prefix("https://").expect("every address in the table is an https URL");
                format!("{}/{path}", base.as_str().trim_end_matches('/'))
            }
        }
    }
}

/// The address without what may be a password: nothing before an at sign, nothing after a question mark.
fn shown(address: &str) -> String {
    let (scheme, rest) = address.split_once("://").unwrap_or(("", address));
    let rest = rest.split(['?', '#']).next().unwrap_or_default();
    let rest = rest.rsplit_once('@').map_or(rest, |(_, rest)| rest);
    if scheme.is_empty() { rest.to_owned() } else { format!("{scheme}://{rest}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mirror_has_upstreams_hosts_below_it() {
        let url = "https://dl.k8s.io/v1/a";
        assert_eq!(Place::Upstream.of(url), url);
        for base in ["https://mirror.example/k8s", "https://mirror.example/k8s/"] {
            assert_eq!(Place::mirror(base).unwrap().of(url), "https://mirror.example/k8s/dl.k8s.io/v1/a");
        }
        assert_eq!(Place::mirror("https://m").unwrap().of(url), "https://m/dl.k8s.io/v1/a");
    }

    #[test]
    fn an_address_that_is_not_plain_https_is_refused_without_its_password() {
        for address in ["http://m/x", "m", "https://ada:secret@m/x", "https://m/x?token=secret", "https://m/x#secret"] {
            let error = Place::mirror(address).unwrap_err().to_string();
            assert!(error.contains("is not an https URL") && !error.contains("secret"), "{error}");
        }
    }
}
