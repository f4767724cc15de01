//! Read-only commands on machines.

use std::time::Duration;

use hardway_machine::Output;
use hardway_spec::MachineName;

use crate::Context;
use crate::fault::{Expecting, Fault, Verdict, within};

/// What is run takes milliseconds, or seconds on a machine that is busy starting pods.
const LIMIT: Duration = Duration::from_secs(20);

/// Hashing half a gigabyte from a slow disk.
pub(crate) const LONG_LIMIT: Duration = Duration::from_secs(300);

/// Runs POSIX sh as root on a machine.
pub(crate) async fn exec(context: Context<'_>, machine: &MachineName, script: &str, stdin: &[u8]) -> Verdict<Output> {
    exec_within(LIMIT, context, machine, script, stdin).await
}

pub(crate) async fn exec_within(
    limit: Duration,
    context: Context<'_>,
    machine: &MachineName,
    script: &str,
    stdin: &[u8],
) -> Verdict<Output> {
    let expected = format!("{machine} runs commands over SSH");
    let hint = format!("hardway ssh {machine}");
    let Some(connection) = context.machines.get(machine) else {
        return Err(Fault::new("no connection", expected, hint));
    };
    let running = async { connection.exec(script, stdin).await.expecting(&expected, &hint) };
    within(limit, running, &expected, &hint).await
}

/// The standard output of a command that must succeed.
pub(crate) async fn read(
    context: Context<'_>,
    machine: &MachineName,
    script: &str,
    expected: &str,
    hint: &str,
) -> Verdict<String> {
    let output = exec(context, machine, script, &[]).await?;
    if output.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(Fault::new(complaint(&output), expected, hint))
}

/// What a command said when it failed: its last line of errors, or else of output.
pub(crate) fn complaint(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().lines().last().unwrap_or_default().to_owned();
    let line = [text(&output.stderr), text(&output.stdout)].into_iter().find(|line| !line.is_empty());
    match line {
        Some(line) => format!("exit status {}: {line}", output.code),
        None => format!("exit status {}", output.code),
    }
}

/// A word of sh that stands for exactly this text.
pub(crate) fn quote(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_inside_a_word_survive() {
        assert_eq!(quote("it's"), r"'it'\''s'");
    }

    #[test]
    fn a_complaint_is_the_last_line_of_errors() {
        let output = Output { stdout: b"fine\n".to_vec(), stderr: b"first\nlast\n".to_vec(), code: 7 };
        assert_eq!(complaint(&output), "exit status 7: last");
        assert_eq!(complaint(&Output { code: 1, ..Output::default() }), "exit status 1");
    }
}
