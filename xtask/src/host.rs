//! Programs of the distribution that the tests compare with.

use std::path::Path;
use std::process::Command;

use crate::run::{Failure, must};

/// Its package begins a service of its own, which nobody asked for.
const REGISTRY: &str = "docker-registry";

/// A program, and Debian's package that has it.
const NEEDED: [(&str, &str); 8] = [
    ("shellcheck", "shellcheck"),
    ("dash", "dash"),
    ("openssl", "openssl"),
    ("cfssl", "golang-cfssl"),
    ("sshd", "openssh-server"),
    ("ip", "iproute2"),
    ("zstd", "zstd"),
    (REGISTRY, REGISTRY),
];

/// Installs what this machine lacks, saying so.
pub fn install_missing() -> Result<(), Failure> {
    let missing: Vec<&str> =
        NEEDED.iter().filter(|(program, _)| !is_there(program)).map(|(_, package)| *package).collect();
    if missing.is_empty() {
        return Ok(());
    }
    eprintln!("installing from the distribution, since this machine lacks them: {}", missing.join(", "));
    let mut update = Command::new("apt-get");
    update.args(["-q", "update"]);
    must(update)?;
    let mut install = Command::new("apt-get");
    install
        .args(["-q", "-y", "install", "--no-install-recommends"])
        .args(&missing)
        .env("DEBIAN_FRONTEND", "noninteractive");
    must(install)?;
    if missing.contains(&REGISTRY) && Path::new("/run/systemd/system").is_dir() {
        let mut stop = Command::new("systemctl");
        stop.args(["disable", "--now", REGISTRY]);
        must(stop)?;
    }
    Ok(())
}

fn is_there(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let usual = ["/usr/sbin", "/usr/local/sbin", "/sbin"].map(Into::into);
    std::env::split_paths(&path).chain(usual).any(|folder| folder.join(program).is_file())
}
