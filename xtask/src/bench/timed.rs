//! Commands whose duration is measured.

use std::io::Write;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::run::Failure;

/// Runs a command to its end; stdout is kept for the figures, so what it prints goes to stderr.
pub(super) fn timed(mut command: Command) -> Result<Duration, Failure> {
    let shown = format!("{command:?}");
    command.stdin(Stdio::null()).stdout(std::io::stderr());
    let began = Instant::now();
    let status = command.status().map_err(|error| format!("cannot start {shown}: {error}"))?;
    let elapsed = began.elapsed();
    if status.success() { Ok(elapsed) } else { Err(format!("{shown} ended with {status}").into()) }
}

/// As [`timed`], for a command that reads `input`.
pub(super) fn timed_with_input(mut command: Command, input: &str) -> Result<Duration, Failure> {
    let shown = format!("{command:?}");
    command.stdin(Stdio::piped()).stdout(std::io::stderr());
    let began = Instant::now();
    let mut child = command.spawn().map_err(|error| format!("cannot start {shown}: {error}"))?;
    child.stdin.take().expect("it was asked for").write_all(input.as_bytes())?;
    let status = child.wait()?;
    let elapsed = began.elapsed();
    if status.success() { Ok(elapsed) } else { Err(format!("{shown} ended with {status}").into()) }
}
