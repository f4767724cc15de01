//! What happens to a run.

use std::process::{Command, Stdio};

use super::moments::{Moment, Run};
use crate::support::LabWorkspace;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trouble {
    OperatorKilled,
    SshCut,
    PowerCut,
    Restart,
    DiskFull,
    PortTaken,
    Unreachable,
}

impl Trouble {
    /// Each with how often it happens: most often what leaves something undone, so that few clusters are built anew.
    pub(crate) const ALL: [(Self, usize); 7] = [
        (Self::OperatorKilled, 9),
        (Self::SshCut, 4),
        (Self::PowerCut, 2),
        (Self::Restart, 1),
        (Self::DiskFull, 2),
        (Self::PortTaken, 1),
        (Self::Unreachable, 1),
    ];

    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::OperatorKilled => "the operator's process killed",
            Self::SshCut => "every SSH connection cut",
            Self::PowerCut => "power cut",
            Self::Restart => "restarted in order",
            Self::DiskFull => "disk full",
            Self::PortTaken => "a unit's port taken",
            Self::Unreachable => "unreachable for two minutes",
        }
    }

    /// Makes it happen to a run, lets that go on for a while, and mends it; gives what the run said.
    pub(crate) fn strike(self, lab: &LabWorkspace, machine: &str, run: Run, later: Moment) -> String {
        match self {
            Self::OperatorKilled => {
                run.kill();
                "nothing: it was killed".to_owned()
            }
            Self::SshCut => {
                // This connection's own end is among them.
                lab.run(&["ssh", machine, "--", "pkill -KILL -f '^sshd: root'"]);
                run.go_on(later)
            }
            Self::PowerCut => {
                lab.ok(&["lab", "kill", machine]);
                lab.ok(&["lab", "start", machine]);
                run.go_on(later)
            }
            Self::Restart => {
                lab.ok(&["lab", "stop", machine]);
                lab.ok(&["lab", "start", machine]);
                run.go_on(later)
            }
            Self::DiskFull => {
                // What stands there already is out of sight meanwhile, as if the disk were another.
                lab.ssh(machine, "mkdir -p /opt/hardway && mount -t tmpfs -o size=64k tmpfs /opt/hardway");
                let words = run.stumble();
                lab.ssh(machine, "umount -l /opt/hardway; rmdir /opt/hardway 2>/dev/null || true");
                words
            }
            Self::PortTaken => {
                // kube-scheduler's and kubelet's own; haproxy has none that is not looked at before.
                let listen =
                    "systemd-run --quiet --collect --unit squatter systemd-socket-activate -l 10259 -l 10248 cat";
                lab.ssh(machine, listen);
                let words = run.stumble();
                lab.ssh(machine, "systemctl stop squatter 2>/dev/null || true");
                words
            }
            Self::Unreachable => unreachable!("it outlasts a run"),
        }
    }
}

/// A machine that nobody on this host hears of, until this is dropped.
pub(crate) struct Unreachable {
    pub(crate) machine: &'static str,
    table: String,
}

impl Unreachable {
    pub(crate) fn cut(lab: &LabWorkspace, machine: &'static str) -> Self {
        let address = lab.address(machine);
        let table = format!("hardway_faults_{}", std::process::id());
        let this = Self { machine, table };
        let table = &this.table;
        nft(&format!(
            "table ip {table} {{\n  chain output {{ type filter hook output priority 0; ip daddr {address} drop; }}\n  \
             chain input {{ type filter hook input priority 0; ip saddr {address} drop; }}\n}}\n"
        ));
        this
    }
}

impl Drop for Unreachable {
    fn drop(&mut self) {
        nft(&format!("delete table ip {}\n", self.table));
    }
}

fn nft(rules: &str) {
    use std::io::Write;
    let mut child = Command::new("nft").args(["-f", "-"]).stdin(Stdio::piped()).spawn().expect("nft is there");
    child.stdin.take().expect("stdin is a pipe").write_all(rules.as_bytes()).expect("nft reads");
    assert!(child.wait().expect("it is a child").success(), "nft refused:\n{rules}");
}
