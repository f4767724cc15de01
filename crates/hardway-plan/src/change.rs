//! How a change is shown: a unified diff, or fingerprints where the content is secret.

use std::fmt;

use hardway_design::Content;
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
        match std::str::from_utf8(new.bytes()) {
            Ok(text) if !new.is_secret() => Self::diff(path, old_text.unwrap_or_default(), text),
            _ => Self::Fingerprint {
                old: old_sha256.map(|digest| digest.chars().take(SHORT).collect()),
                new: new.sha256()[..SHORT].to_owned(),
            },
        }
    }

    pub fn diff(name: &str, old: &str, new: &str) -> Self {
        let diff = TextDiff::from_lines(old, new);
        Self::Diff(diff.unified_diff().context_radius(3).header(name, name).to_string())
    }
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
}
