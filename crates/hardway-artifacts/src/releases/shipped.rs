//! Digests that this hardway carries, each seen in a place that the Go checksum database vouches for.

use std::collections::BTreeMap;

use crate::fetch::Expected;

/// Upstream's address of a file, and its SHA-512.
const CARRIED: &[(&str, &str)] = &[
    // In the module k8s.io/kubernetes v1.37.2, whose hash stands in `modules/kubernetes/go.sum`:
    // `cluster/gce/gci/configure.sh` has the digest (DEFAULT_CNI_HASH), `cluster/gce/config-default.sh` the address that
    // it belongs to (CNI_STORAGE_URL_BASE, CNI_TAR_PREFIX). It has none for arm64.
    (
        "https://github.com/containernetworking/plugins/releases/download/v1.9.1/cni-plugins-linux-amd64-v1.9.1.tgz",
        "3ea8a76852b7ddc62c087a34cccca2cb29822ca24214928cd172b28bf9d1486000ba3eb71a156445af31ff6a92c1dc3e01e702546c6ee016ef13fae06ccfb8fc",
    ),
];

/// Digests of upstream's files that are known before any of them is downloaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShippedDigests(BTreeMap<String, String>);

impl ShippedDigests {
    /// Those that this hardway carries.
    #[must_use]
    pub fn carried() -> Self {
        Self::of(CARRIED.iter().copied())
    }

    /// Digests that the caller knows: upstream's address of a file, and its SHA-256 or SHA-512 in hexadecimal.
    #[must_use]
    pub fn of(digests: impl IntoIterator<Item = (impl Into<String>, impl Into<String>)>) -> Self {
        Self(digests.into_iter().map(|(url, digest)| (url.into(), digest.into())).collect())
    }

    /// These, and others that count for more.
    #[must_use]
    pub fn and(mut self, others: BTreeMap<String, String>) -> Self {
        self.0.extend(others);
        self
    }

    /// The digest of the file that upstream publishes at `url`.
    pub(crate) fn get(&self, url: &str) -> Option<Expected> {
        self.0.get(url).and_then(|digest| Expected::parse(digest))
    }
}

#[cfg(test)]
mod tests {
    use super::super::upstream::UPSTREAMS;
    use super::*;
    use crate::Architecture;

    /// A row that no version leads to is dead: when the version goes, so does the row.
    #[test]
    fn every_row_is_a_digest_of_a_file_in_the_table() {
        let urls: Vec<_> = UPSTREAMS
            .iter()
            .flat_map(|upstream| [Architecture::AMD64, Architecture::ARM64].map(|kind| upstream.url(kind)))
            .collect();
        let carried = ShippedDigests::carried();
        for (url, text) in CARRIED {
            assert!(urls.iter().any(|known| known == url), "{url}");
            assert_eq!(carried.get(url), Some(Expected::Sha512((*text).to_owned())), "{url}");
        }
    }
}
