//! How a change is shown: a unified diff, or fingerprints where the content is secret.

use std::borrow::Cow;
use std::fmt;

use hardway_design::Content;
use hardway_pki::{CertificateInfo, inspect};
use serde_json::Value;
use sha2::{Digest, Sha256};
use similar::TextDiff;

/// What differs between the machine and the design, as a person reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// A unified diff without colour.
    Diff(String),
    /// Short digests of the old and new bytes, where those must not be shown.
    Fingerprint { old: Option<String>, new: String },
}

/// Digits of a digest that a person is shown: 48 bits tell any two files of a cluster apart.
const SHORT: usize = 12;

impl Change {
    pub fn of_file(path: &str, old_text: Option<&str>, old_sha256: Option<&str>, new: &Content) -> Self {
        // What stands there is no text, or too long to be read.
        let unread = old_text.is_none() && old_sha256.is_some();
        match std::str::from_utf8(new.bytes()) {
            Ok(text) if !new.is_secret() && !unread => {
                Self::diff(path, &readable(old_text.unwrap_or_default()), &readable(text))
            }
            _ => Self::Fingerprint { old: old_sha256.map(short), new: short(new.sha256()) },
        }
    }

    /// `old` is the live object, and `new` what it would become; a Secret's data is not shown.
    pub fn of_object(name: &str, old: Option<&Value>, new: &Value) -> Self {
        let (old_text, new_text) = (old.map(pretty), pretty(new));
        if new["kind"] == "Secret" {
            let digest = |text: &str| short(hex::encode(Sha256::digest(text)));
            return Self::Fingerprint { old: old_text.as_deref().map(digest), new: digest(&new_text) };
        }
        Self::diff(name, &old_text.unwrap_or_default(), &new_text)
    }

    pub fn diff(name: &str, old: &str, new: &str) -> Self {
        let diff = TextDiff::from_lines(old, new);
        Self::Diff(diff.unified_diff().context_radius(3).header(name, name).to_string())
    }
}

fn short(digest: impl AsRef<str>) -> String {
    digest.as_ref().chars().take(SHORT).collect()
}

fn pretty(value: &Value) -> String {
    let mut text = serde_json::to_string_pretty(value).expect("a JSON value can be printed");
    text.push('\n');
    text
}

/// A text as a person reads it: what a certificate says, in place of its base64; any other text as it is.
fn readable(text: &str) -> Cow<'_, str> {
    const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
    let one = text.starts_with(BEGIN) && text.matches("-----BEGIN ").count() == 1;
    match one.then(|| inspect(text)) {
        Some(Ok(certificate)) => Cow::Owned(describe(&certificate)),
        _ => Cow::Borrowed(text),
    }
}

fn describe(certificate: &CertificateInfo) -> String {
    let list = |items: Vec<String>| items.join(", ");
    let (subject, issuer) = (&certificate.subject, &certificate.issuer);
    format!(
        "subject: {} in {}\nissuer: {}\nnames: {}\nusages: {}\nvalid: {} to {}\nsha256: {}\n",
        subject.common_name,
        subject.organization,
        issuer.common_name,
        list(certificate.names.iter().map(ToString::to_string).collect()),
        list(certificate.key_usages.iter().map(ToString::to_string).collect()),
        certificate.not_before,
        certificate.not_after,
        certificate.sha256,
    )
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Diff(diff) => f.write_str(diff),
            Self::Fingerprint { old: Some(old), new } => write!(f, "secret, sha256 {old}… becomes {new}…"),
            Self::Fingerprint { old: None, new } => write!(f, "secret, sha256 {new}…"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_shows_as_a_fingerprint_only() {
        let change = Change::of_file("/k", None, Some("aaaaaaaaaaaaaaaaaaaa"), &Content::secret("hunter2"));
        let Change::Fingerprint { old, new } = change else { panic!("a secret was shown") };
        assert_eq!(old.as_deref(), Some("aaaaaaaaaaaa"));
        assert_eq!(new.len(), SHORT);
    }

    #[test]
    fn what_could_not_be_read_is_not_taken_for_empty() {
        let change = Change::of_file("/f", None, Some("aaaaaaaaaaaaaaaaaaaa"), &Content::text("x"));
        assert!(matches!(change, Change::Fingerprint { old: Some(_), .. }), "{change}");
    }

    #[test]
    fn a_certificate_is_shown_by_what_it_says() {
        let certificate = |days| {
            let text = "apiVersion: hardway/v1alpha1\nkind: Cluster\nmetadata: {name: test}\nspec:\n  machines:\n    \
                        - {name: cp1, address: 192.0.2.11, roles: [control-plane]}\n";
            let mut cluster = hardway_spec::parse(text, "cluster.yaml").unwrap();
            cluster.spec.pki.algorithm = hardway_spec::KeyAlgorithm::EcdsaP256;
            cluster.spec.pki.validity.leaf_days = days;
            let mut bundle = hardway_pki::Bundle::default();
            let now = "2026-11-23T20:00:00Z".parse().unwrap();
            hardway_pki::complete(&cluster, &mut bundle, hardway_pki::FormerNames::Kept, now).unwrap();
            bundle.key_pairs[&hardway_pki::Identity::ApiServerKubeletClient].certificate.clone()
        };
        let change = Change::of_file("/c.pem", Some(&certificate(10)), Some("a"), &Content::text(certificate(365)));
        let Change::Diff(diff) = change else { panic!("a certificate is no secret") };
        assert!(!diff.contains("BEGIN CERTIFICATE") && diff.contains(" names: \n"), "{diff}");
        assert!(diff.contains("-valid: 2026-11-23T") && diff.contains(" to 2027-11-23T"), "{diff}");
    }

    #[test]
    fn an_object_that_is_missing_is_shown_whole_and_a_secret_is_not() {
        let object = serde_json::json!({"kind": "ConfigMap", "data": {"a": "b"}});
        assert!(Change::of_object("o", None, &object).to_string().contains("+    \"a\": \"b\""));
        let secret = serde_json::json!({"kind": "Secret", "data": {"a": "hidden"}});
        let change = Change::of_object("o", Some(&object), &secret);
        assert!(matches!(change, Change::Fingerprint { old: Some(_), .. }) && !change.to_string().contains("hidden"));
    }
}
