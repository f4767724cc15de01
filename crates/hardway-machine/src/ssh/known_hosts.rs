//! Host keys that the operator has accepted, in the file that belongs to the cluster.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use russh::keys::{HashAlg, PublicKey};

use crate::OfferedKey;

const DEFAULT_PORT: u16 = 22;

/// The pinned keys, by host and port. Written as a known_hosts file (sshd(8)), so that ssh itself can use it too.
///
/// Only what hardway writes is understood: plain names, no patterns, hashes or marks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KnownHosts {
    /// Shared, since every machine's settings have all of a fleet's.
    keys: Arc<BTreeMap<String, Vec<String>>>,
}

/// A line that is not `HOST TYPE KEY`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line} is not a known host's key: HOST TYPE KEY")]
pub struct KnownHostsError {
    /// From 1.
    pub line: usize,
}

impl KnownHosts {
    /// # Errors
    /// The first line that cannot be understood: skipping it could make a pinned host look new.
    pub fn parse(text: &str) -> Result<Self, KnownHostsError> {
        let mut known = Self::default();
        for (index, line) in text.lines().enumerate() {
            let line_text = line.trim();
            if line_text.is_empty() || line_text.starts_with('#') {
                continue;
            }
            known.add_line(line_text).ok_or(KnownHostsError { line: index + 1 })?;
        }
        Ok(known)
    }

    /// `HOSTS TYPE KEY [COMMENT]`, hosts separated by commas.
    fn add_line(&mut self, line: &str) -> Option<()> {
        let mut words = line.split_ascii_whitespace();
        let (hosts, algorithm, key) = (words.next()?, words.next()?, words.next()?);
        if hosts.starts_with(['@', '|']) || hosts.contains(['*', '?', '!']) {
            return None;
        }
        let key = PublicKey::from_openssh(&format!("{algorithm} {key}")).ok()?;
        for host in hosts.split(',') {
            Arc::make_mut(&mut self.keys).entry(host.to_owned()).or_default().push(offered(&key).openssh);
        }
        Some(())
    }

    /// Accepts a key for a host from now on, beside those it has.
    pub fn pin(&mut self, host: &str, port: u16, key: &OfferedKey) {
        let keys = Arc::make_mut(&mut self.keys).entry(known_host(host, port)).or_default();
        if !keys.contains(&key.openssh) {
            keys.push(key.openssh.clone());
        }
    }

    /// The keys that a host may show; none where it is not known.
    pub fn pinned(&self, host: &str, port: u16) -> Vec<OfferedKey> {
        let keys = self.keys.get(&known_host(host, port)).into_iter().flatten();
        keys.filter_map(|key| PublicKey::from_openssh(key).ok()).map(|key| offered(&key)).collect()
    }
}

impl fmt::Display for KnownHosts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (host, keys) in &*self.keys {
            for key in keys {
                writeln!(f, "{host} {key}")?;
            }
        }
        Ok(())
    }
}

/// A host as a known_hosts file (sshd(8)) names it: `[HOST]:PORT` where the port is not 22.
#[must_use]
pub fn known_host(host: &str, port: u16) -> String {
    if port == DEFAULT_PORT { host.to_owned() } else { format!("[{host}]:{port}") }
}

/// A key without its comment, which is the other side's to choose.
pub(super) fn offered(key: &PublicKey) -> OfferedKey {
    let plain = PublicKey::new(key.key_data().clone(), "");
    OfferedKey {
        openssh: plain.to_openssh().unwrap_or_default().trim_end().to_owned(),
        fingerprint: key.fingerprint(HashAlg::Sha256).to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ";

    #[test]
    fn a_file_comes_back_as_it_was_written() {
        let text = format!("10.0.0.1 {KEY}\n[10.0.0.1]:2222 {KEY}\n");
        assert_eq!(KnownHosts::parse(&text).unwrap().to_string(), text);
    }

    #[test]
    fn a_port_is_part_of_the_host() {
        let known = KnownHosts::parse(&format!("# lab\n\na,10.0.0.1 {KEY} a comment\n")).unwrap();
        assert_eq!(known.pinned("10.0.0.1", 22)[0].openssh, KEY);
        assert_eq!(known.pinned("a", 22).len(), 1);
        assert_eq!(known.pinned("10.0.0.1", 2222), []);
    }

    #[test]
    fn pinning_twice_is_pinning_once() {
        let mut known = KnownHosts::default();
        let key = OfferedKey { openssh: KEY.to_owned(), fingerprint: String::new() };
        known.pin("h", 22, &key);
        known.pin("h", 22, &key);
        assert_eq!(known.to_string(), format!("h {KEY}\n"));
    }

    #[test]
    fn a_line_that_is_not_understood_is_an_error() {
        for line in
            ["h", "h ssh-ed25519", "h ssh-ed25519 nonsense", &format!("*.h {KEY}"), &format!("@revoked h {KEY}")]
        {
            assert_eq!(KnownHosts::parse(&format!("\n{line}")), Err(KnownHostsError { line: 2 }), "{line}");
        }
    }
}
