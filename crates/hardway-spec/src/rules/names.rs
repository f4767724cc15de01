//! DNS names (RFC 1035, RFC 1123), lower case as Kubernetes wants them.

/// RFC 1035, 2.3.4.
pub(super) const LABEL_LIMIT: usize = 63;

/// What a label looks like, for help.
pub(super) const LABEL_HELP: &str =
    "use at most 63 lower-case letters, digits and `-`, beginning and ending with a letter or digit";

pub(super) fn is_label(text: &str) -> bool {
    let is_edge = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    text.len() <= LABEL_LIMIT
        && text.starts_with(is_edge)
        && text.ends_with(is_edge)
        && text.chars().all(|c| is_edge(c) || c == '-')
}

/// RFC 1035, 2.3.4, written with dots.
const NAME_LIMIT: usize = 253;

/// Labels separated by dots, as the prefixes of labels' and taints' keys are.
pub(super) fn is_subdomain(text: &str) -> bool {
    text.len() <= NAME_LIMIT && text.split('.').all(is_label)
}

/// Labels separated by dots. The last is not a number, or it would be taken for an address.
pub(super) fn is_name(text: &str) -> bool {
    let last = text.rsplit('.').next().unwrap_or_default();
    text.split('.').all(is_label) && !last.chars().all(|c| c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_as_kubernetes_has_them() {
        assert!(is_label("cp1") && is_label("a") && is_label("1-a") && is_label(&"a".repeat(63)));
        for bad in ["", "-a", "a-", "A", "a.b", "a_b", "ä", &"a".repeat(64)] {
            assert!(!is_label(bad), "{bad}");
        }
    }

    #[test]
    fn an_address_is_no_name() {
        assert!(is_name("k8s.hardway.test") && is_name("localhost"));
        for bad in ["10.0.0.1", "a..b", ".a", "a.", ""] {
            assert!(!is_name(bad), "{bad}");
        }
    }
}
