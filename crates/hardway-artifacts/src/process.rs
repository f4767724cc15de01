//! Child processes that do not outlive what waits for them.

use std::collections::VecDeque;
use std::io;
use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::Command;

use crate::Error;

/// How many of the last lines an error shows: a compiler's message with its context.
const SHOWN_LINES: usize = 20;

/// What a line on standard error is.
pub(crate) enum Line {
    /// It says how far the program is, and explains no failure.
    Progress,
    /// It belongs into the error if the program fails.
    Message,
}

/// Runs a program to its end and returns its standard output.
///
/// The program gets a process group of its own: a terminal's Ctrl-C does not reach it, and when
/// this future is dropped the whole group is killed, the compilers that `go` starts included.
pub(crate) async fn run(
    program: &'static str,
    operation: &str,
    command: &mut Command,
    mut read_line: impl FnMut(&str) -> Line + Send,
) -> Result<String, Error> {
    let mut child = command
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|source| Error::Start { program, source })?;
    let mut group = Group(child.id().and_then(|id| Pid::from_raw(id.cast_signed())));
    let mut stdout = child.stdout.take().expect("standard output is piped");
    let stderr = child.stderr.take().expect("standard error is piped");

    let mut last = VecDeque::new();
    let mut keep = |line: &str| {
        if last.len() == SHOWN_LINES {
            last.pop_front();
        }
        last.push_back(line.to_owned());
    };
    let read_errors = async {
        let mut lines = BufReader::new(stderr).lines();
        while let Some(line) = lines.next_line().await? {
            match read_line(&line) {
                Line::Progress => {}
                Line::Message => keep(&line),
            }
        }
        Ok::<_, io::Error>(())
    };
    let read_output = async {
        let mut text = String::new();
        stdout.read_to_string(&mut text).await.map(|_| text)
    };
    let output = |source| Error::Output { program, source };
    let ((), text) = tokio::try_join!(read_errors, read_output).map_err(output)?;
    let status = child.wait().await.map_err(output)?;
    group.0 = None;

    if status.success() {
        return Ok(text);
    }
    if last.is_empty() {
        last.extend(text.lines().rev().take(SHOWN_LINES).map(str::to_owned));
        last.make_contiguous().reverse();
    }
    Err(Error::Program { operation: operation.to_owned(), program, status, output: last.into() })
}

/// A process group that is killed when this is dropped, unless its leader has ended.
struct Group(Option<Pid>);

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            // It fails only when the group is gone, which is what is wanted.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sh(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[tokio::test]
    async fn standard_output_comes_back_and_errors_are_read_by_line() {
        let mut lines = Vec::new();
        let text = run("sh", "test", &mut sh("echo out; echo a >&2; echo b >&2"), |line| {
            lines.push(line.to_owned());
            Line::Message
        })
        .await
        .unwrap();
        assert_eq!(text, "out\n");
        assert_eq!(lines, ["a", "b"]);
    }

    #[tokio::test]
    async fn a_failure_shows_the_messages_and_not_the_progress() {
        let script = "echo compiling >&2; echo 'x.go:1: broken' >&2; exit 3";
        let error = run("sh", "build x", &mut sh(script), |line| match line {
            "compiling" => Line::Progress,
            _ => Line::Message,
        })
        .await
        .unwrap_err();
        assert_eq!(error.to_string(), "cannot build x: sh ended with exit status: 3\n  x.go:1: broken");
    }

    #[tokio::test]
    async fn a_program_that_is_not_there_is_named() {
        let error = run("nothing", "test", &mut Command::new("/nothing"), |_| Line::Message).await.unwrap_err();
        assert_eq!(error.to_string(), "cannot start nothing");
    }

    #[tokio::test]
    async fn dropping_the_future_kills_grandchildren_too() {
        let folder = tempfile::tempdir().unwrap();
        let fifo = folder.path().join("fifo");
        let made = std::process::Command::new("mkfifo").arg(&fifo).status();
        assert!(made.unwrap().success());
        // Every process of the group holds the writing end, so reading ends when all are dead.
        let script = format!("exec 3>{}; sleep 1000 & wait", fifo.display());
        let work = tokio::spawn(async move { run("sh", "test", &mut sh(&script), |_| Line::Message).await });
        let mut reader = tokio::fs::File::open(&fifo).await.unwrap();
        work.abort();
        assert!(work.await.unwrap_err().is_cancelled());
        assert_eq!(reader.read(&mut [0]).await.unwrap(), 0);
    }
}
