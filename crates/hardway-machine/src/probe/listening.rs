//! Which process listens on which port: from `ss`, or from /proc (proc(5), `/proc/net/tcp`) where ss is missing.

use std::collections::BTreeMap;

/// Said of a port whose process could not be seen.
const UNKNOWN: &str = "unknown";

#[derive(Default)]
pub(super) struct Listening {
    named: BTreeMap<u16, String>,
    inodes: BTreeMap<u16, String>,
    holders: BTreeMap<String, String>,
    processes: BTreeMap<String, String>,
}

impl Listening {
    /// `LISTEN 0 128 0.0.0.0:22 0.0.0.0:* users:(("sshd",pid=1,fd=3))`
    pub(super) fn add_ss(&mut self, line: &str) {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        let port = words.get(3).and_then(|local| local.rsplit_once(':')?.1.parse().ok());
        let Some(port) = port else { return };
        let name = line.split_once("((\"").and_then(|(_, rest)| rest.split_once('"')).map(|(name, _)| name);
        self.named.insert(port, name.unwrap_or(UNKNOWN).to_owned());
    }

    /// `0: 0100007F:1F90 00000000:0000 0A … INODE …`
    pub(super) fn add_socket(&mut self, line: &str) {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        let port = words.get(1).and_then(|local| u16::from_str_radix(local.rsplit_once(':')?.1, 16).ok());
        if let (Some(port), Some(inode)) = (port, words.get(9)) {
            self.inodes.insert(port, (*inode).to_owned());
        }
    }

    /// `socket:[INODE] /proc/PID/fd/N`
    pub(super) fn add_holder(&mut self, line: &str) {
        let parts = line.split_once(' ').and_then(|(socket, path)| {
            Some((socket.strip_prefix("socket:[")?.strip_suffix(']')?, path.split('/').nth(2)?))
        });
        if let Some((inode, pid)) = parts {
            self.holders.insert(inode.to_owned(), pid.to_owned());
        }
    }

    /// `PID NAME`
    pub(super) fn add_process(&mut self, line: &str) {
        if let Some((pid, name)) = line.split_once(' ') {
            self.processes.insert(pid.to_owned(), name.to_owned());
        }
    }

    pub(super) fn ports(mut self) -> BTreeMap<u16, String> {
        for (port, inode) in self.inodes {
            let name = self.holders.get(&inode).and_then(|pid| self.processes.get(pid));
            self.named.insert(port, name.map_or(UNKNOWN, String::as_str).to_owned());
        }
        self.named
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ss_names_ports_and_processes() {
        let mut listening = Listening::default();
        listening.add_ss("LISTEN 0      4096   [::]:6443    [::]:*    users:((\"kube-apiserver\",pid=7,fd=3))");
        listening.add_ss("LISTEN 0 128 *:22 *:*");
        listening.add_ss("nonsense");
        assert_eq!(listening.ports(), [(22, "unknown".to_owned()), (6443, "kube-apiserver".to_owned())].into());
    }

    #[test]
    fn proc_tells_the_same_without_ss() {
        let mut listening = Listening::default();
        listening
            .add_socket("0: 00000000:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 4711 1 0 100");
        listening.add_socket("1: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 99 1 0 100");
        listening.add_holder("socket:[4711] /proc/12/fd/6");
        listening.add_process("12 nginx");
        assert_eq!(listening.ports(), [(22, "unknown".to_owned()), (80, "nginx".to_owned())].into());
    }
}
