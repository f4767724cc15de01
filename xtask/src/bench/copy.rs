//! Copying to three machines at once, beside plain ssh streams of the same bytes.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use hardway_artifacts::{Binary, Catalog};

use super::cargo_bench;
use super::lab::Lab;
use super::report::{COPY, COPY_PLAIN, COPY_UNPACKED, Report};
use super::timed::timed;
use crate::run::Failure;

const MACHINES: [&str; 3] = ["lb", "cp1", "w1"];

/// The cipher that hardway and sshd agree on. ssh's own first choice, chacha20-poly1305, is the slower one where the
/// processor knows AES.
const CIPHER: &str = "aes128-gcm@openssh.com";

/// Nothing that is measured finds what was measured before.
const CLEAN: &str = "rm -rf /opt/hardway /var/lib/hardway /var/tmp/plain; sync";

/// All programs of a cluster, to each of the machines.
pub(super) fn measure(lab: &Lab, artifacts: &Catalog, report: &mut Report) -> Result<(), Failure> {
    // Two names may share one file.
    let programs: BTreeMap<&str, &Binary> =
        artifacts.binaries.values().map(|binary| (binary.sha256.as_str(), binary)).collect();
    let whole = lab.scratch("programs");
    let mut file = File::create(&whole)?;
    for program in programs.values() {
        io::copy(&mut File::open(&program.path)?, &mut file)?;
    }
    file.sync_all()?;

    clean(lab)?;
    forget(&whole)?;
    report.add(COPY_PLAIN, plain_streams(lab, &whole)?);

    clean(lab)?;
    for program in programs.values() {
        forget(program.packed().as_std_path())?;
    }
    let packed = programs.values().map(|program| format!("{}:{}:{}", program.sha256, program.path, program.packed()));
    hardway(lab, COPY, packed, report)?;

    clean(lab)?;
    for program in programs.values() {
        forget(program.path.as_std_path())?;
    }
    let unpacked = programs.values().map(|program| format!("{}:{}", program.sha256, program.path));
    hardway(lab, COPY_UNPACKED, unpacked, report)
}

fn hardway(lab: &Lab, name: &str, files: impl Iterator<Item = String>, report: &mut Report) -> Result<(), Failure> {
    let addresses = MACHINES.iter().map(|machine| Ok(lab.address(machine)?.to_string()));
    let addresses = addresses.collect::<Result<Vec<_>, Failure>>()?.join(",");
    let (key, known_hosts) = (lab.identity()?.display().to_string(), lab.known_hosts().display().to_string());
    let arguments: Vec<String> = [name.to_owned(), key, known_hosts, addresses].into_iter().chain(files).collect();
    cargo_bench::rows("copy", &arguments, report)
}

/// One `ssh HOST 'cat >FILE'` for each machine, side by side.
fn plain_streams(lab: &Lab, file: &Path) -> Result<Duration, Failure> {
    let began = Instant::now();
    let streams = MACHINES.iter().map(|machine| {
        let mut command = Command::new("ssh");
        command.arg("-i").arg(lab.identity()?).arg("-c").arg(CIPHER);
        command.arg("-o").arg(format!("UserKnownHostsFile={}", lab.known_hosts().display()));
        command.args(["-o", "StrictHostKeyChecking=yes", "-o", "IdentitiesOnly=yes", "-l", "root"]);
        command.arg(lab.address(machine)?.to_string()).arg("cat >/var/tmp/plain");
        Ok(command.stdin(Stdio::from(File::open(file)?)).spawn()?)
    });
    let mut streams = streams.collect::<Result<Vec<_>, Failure>>()?;
    for (stream, machine) in streams.iter_mut().zip(MACHINES) {
        let status = stream.wait()?;
        if !status.success() {
            return Err(format!("the plain copy to {machine} ended with {status}").into());
        }
    }
    Ok(began.elapsed())
}

fn clean(lab: &Lab) -> Result<(), Failure> {
    for machine in MACHINES {
        lab.connect(machine)?.run(CLEAN)?;
    }
    Ok(())
}

/// Drops a file from the page cache, as dd(1) does with `iflag=nocache count=0`: what is read then comes from the disk.
fn forget(file: &Path) -> Result<(), Failure> {
    let mut command = Command::new("dd");
    command.arg(format!("if={}", file.display())).args(["iflag=nocache", "count=0", "status=none"]);
    timed(command)?;
    Ok(())
}
