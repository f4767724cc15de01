//! Large fleets: a thousand machines in memory, and hundreds of sessions to one machine's sshd.

use std::process::{Command, Stdio};
use std::time::Duration;

use super::lab::Lab;
use super::report::{Report, SSH_PLAIN};
use super::timed::timed;
use crate::run::{Failure, cargo};

/// Sessions to one machine: several times what is made at once, so that the limit counts.
const SESSIONS: usize = 300;
/// As many as hardway makes at once, without being asked otherwise.
const AT_ONCE: usize = 64;

/// sshd refuses some connections from the tenth on that has not logged in yet, and all from the hundredth on
/// (`MaxStartups`, sshd_config(5)). Of a fleet's machines each has one of ours; here, one has all of them.
const SSHD_OPTIONS: &str = "MaxStartups 128";

/// What a bench of `hardway-run` prints about a fleet in memory.
pub(super) fn in_memory(report: &mut Report) -> Result<(), Failure> {
    add_rows(bench("fleet", &[])?, report)
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
    add_rows(bench("ssh", &[&address, &key, &known_hosts, &SESSIONS.to_string()])?, report)
}

/// Builds the benches, so that no measurement has to.
pub(super) fn build() -> Result<(), Failure> {
    crate::run::must(cargo(&["bench", "--quiet", "-p", "hardway-run", "--benches", "--no-run"]))
}

fn bench(name: &str, arguments: &[&str]) -> Result<String, Failure> {
    let mut command = cargo(&["bench", "--quiet", "-p", "hardway-run", "--bench", name, "--"]);
    let output = command.args(arguments).stderr(Stdio::inherit()).output()?;
    if output.status.success() {
        Ok(String::from_utf8(output.stdout)?)
    } else {
        Err(format!("the bench {name} ended with {}", output.status).into())
    }
}

/// Lines of `NAME VALUE`: MiB where the name ends so, and seconds else.
fn add_rows(text: String, report: &mut Report) -> Result<(), Failure> {
    for line in text.lines() {
        let (name, value) = line.split_once(' ').ok_or_else(|| format!("`{line}` is no row"))?;
        let value: f64 = value.parse().map_err(|error| format!("`{line}` is no row: {error}"))?;
        if name.ends_with("-mib") {
            report.add_memory(name, value);
        } else {
            report.add(name, Duration::from_secs_f64(value));
        }
    }
    Ok(())
}
