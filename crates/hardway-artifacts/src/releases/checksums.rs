//! Reads checksum files as `sha256sum` writes them, alone or inside of an OpenPGP signature.

use crate::fetch::Expected;

/// The digest of `name`. A file that holds one digest and nothing else speaks for the file that it lies beside.
pub(crate) fn find(text: &str, name: &str) -> Option<Expected> {
    if let Some(alone) = Expected::parse(text.trim()) {
        return Some(alone);
    }
    text.lines().find_map(|line| {
        let (digest, file) = line.split_once(char::is_whitespace)?;
        // An asterisk marks what was read as binary.
        let file = file.trim().trim_start_matches('*').trim_start_matches("./");
        (file == name).then(|| Expected::parse(digest)).flatten()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sha256(byte: &str) -> Expected {
        Expected::Sha256(byte.repeat(32))
    }

    #[test]
    fn the_line_with_the_whole_name_counts() {
        let (a, b, c) = ("aa".repeat(32), "bb".repeat(32), "cc".repeat(32));
        let text = format!(
            "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\n{a}  runc.amd64.asc\n{b}  runc.amd64\n{c} *./runc.arm64\n\
             -----BEGIN PGP SIGNATURE-----\n"
        );
        assert_eq!(find(&text, "runc.amd64"), Some(sha256("bb")));
        assert_eq!(find(&text, "runc.arm64"), Some(sha256("cc")));
        assert_eq!(find(&text, "runc.s390x"), None);
    }

    #[test]
    fn one_digest_alone_needs_no_name() {
        let text = format!("{}\n", "ab".repeat(64));
        assert_eq!(find(&text, "kubernetes-server-linux-amd64.tar.gz"), Some(Expected::Sha512("ab".repeat(64))));
        assert_eq!(find("not a digest", "a"), None);
        assert_eq!(find("", "a"), None);
    }
}
