//! Runs the host's programs.

use std::io::Write;
use std::process::{Command, Output, Stdio};

use crate::error::{LabError, Result};

/// How many lines of a failed command's complaint are kept: enough for apt's and mmdebstrap's.
const COMPLAINT_LINES: usize = 12;

/// Runs a command to its end and returns what it wrote to stdout.
pub(crate) fn run(program: &str, args: &[&str]) -> Result<String> {
    finish(Command::new(program).args(args))
}

/// Whether a command exits with 0; what it says is not wanted.
pub(crate) fn succeeds(program: &str, args: &[&str]) -> Result<bool> {
    Ok(output(Command::new(program).args(args))?.status.success())
}

/// Runs a command that reads `input`.
pub(crate) fn run_with_input(program: &str, args: &[&str], input: &str) -> Result<String> {
    let mut command = Command::new(program);
    command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let spawn_error = |source| LabError::Spawn { program: program.to_owned(), source };
    let mut child = command.spawn().map_err(spawn_error)?;
    let mut stdin = child.stdin.take().expect("stdin was piped above");
    // A child that refuses its input says why on stderr, which is the better message.
    let _ = stdin.write_all(input.as_bytes());
    drop(stdin);
    let output = child.wait_with_output().map_err(spawn_error)?;
    checked(&command, output)
}

/// Runs a prepared command to its end.
pub(crate) fn finish(command: &mut Command) -> Result<String> {
    let output = output(command)?;
    checked(command, output)
}

fn output(command: &mut Command) -> Result<Output> {
    command
        .stdin(Stdio::null())
        .output()
        .map_err(|source| LabError::Spawn { program: command.get_program().to_string_lossy().into_owned(), source })
}

fn checked(command: &Command, output: Output) -> Result<String> {
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let mut line = command.get_program().to_string_lossy().into_owned();
    for arg in command.get_args() {
        line.push(' ');
        line.push_str(&arg.to_string_lossy());
    }
    Err(LabError::Command {
        command: line,
        status: output.status.to_string(),
        stderr: last_lines(&String::from_utf8_lossy(&output.stderr), COMPLAINT_LINES),
    })
}

/// The last `count` lines that are not blank.
pub(crate) fn last_lines(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}
