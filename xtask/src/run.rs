//! Programs that are run and must succeed.

use std::path::PathBuf;
use std::process::Command;

/// Why a task ended, as a person reads it.
pub type Failure = Box<dyn std::error::Error>;

/// The checkout's root.
pub fn root() -> PathBuf {
    let manifest = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().expect("xtask stands in the checkout").to_owned()
}

/// Cargo, in the checkout.
pub fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root()).args(arguments);
    command
}

/// Runs a command to its end; anything but success is a failure that names it.
pub fn must(mut command: Command) -> Result<(), Failure> {
    let shown = format!("{command:?}");
    eprintln!("+ {shown}");
    let status = command.status().map_err(|error| format!("cannot start {shown}: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("{shown} ended with {status}").into()) }
}

/// hardway as its users build it: the path of the program.
pub(crate) fn release_build() -> Result<PathBuf, Failure> {
    must(cargo(&["build", "--quiet", "--release", "-p", "hardway"]))?;
    // Both binaries are below one target folder: xtask in the folder of its profile.
    let own = std::env::current_exe()?;
    let target = own.parent().and_then(|profile| profile.parent()).ok_or("xtask runs outside of a target folder")?;
    Ok(target.join("release/hardway"))
}
