//! Large fleets: a thousand machines in memory, and hundreds of sessions to one machine's sshd.

use std::process::Command;

use super::cargo_bench;
use super::lab::Lab;
use super::report::{Report, SSH_PLAIN};
use super::timed::timed;
use crate::run::Failure;

/// Sessions to one machine: several times what is made at once, so that the limit counts.
const SESSIONS: usize = 300;
/// As many as hardway makes at once, without being asked otherwise.
const AT_ONCE: usize = 64;

/// sshd refuses some connections from the tenth on that has not logged in yet, and all from the hundredth on
/// (`MaxStartups`, sshd_config(5)). Of a fleet's machines each has one of ours; here, one has all of them.
const SSHD_OPTIONS: &str = "MaxStartups 128";

/// What a bench of `hardway-run` prints about a fleet in memory.
pub(super) fn in_memory(report: &mut Report) -> Result<(), Failure> {
    cargo_bench::rows("fleet", &[], report)
}

/// Probes and no-op applies over as many sessions as [`SESSIONS`], beside as many plain `ssh HOST true`.
pub(super) fn over_ssh(lab: &Lab, report: &mut Report) -> Result<(), Failure> {
    const MACHINE: &str = "w1";
    let options = format!("echo '{SSHD_OPTIONS}' >/etc/ssh/sshd_config.d/bench.conf && systemctl reload ssh.service");
    lab.connect(MACHINE)?.run(&options)?;
    let (address, key, known_hosts) = (lab.address(MACHINE)?.to_string(), lab.identity()?, lab.known_hosts());

    let ssh = format!(
        "ssh -n -o IdentitiesOnly=yes -o StrictHostKeyChecking=yes -o UserKnownHostsFile={} -i {} -l root {address} true",
        known_hosts.display(),
        key.display()
    );
    let mut plain = Command::new("sh");
    plain.args(["-c", &format!("seq {SESSIONS} | xargs -P {AT_ONCE} -I '{{}}' {ssh}")]);
    report.add(SSH_PLAIN, timed(plain)?);

    let (key, known_hosts) = (key.display().to_string(), known_hosts.display().to_string());
    cargo_bench::rows("ssh", &[address, key, known_hosts, SESSIONS.to_string()], report)
}
