//! How much memory a program took at its peak.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use crate::run::Failure;

/// The kernel keeps the peak itself, so only what a program takes within the last interval of its life can be missed.
const INTERVAL: Duration = Duration::from_millis(20);

/// Runs a command to its end and gives its duration and its peak of resident memory in bytes, children left out.
/// `heard` gets each line that it prints, as soon as it does.
pub(super) fn watched(mut command: Command, mut heard: impl FnMut(&str)) -> Result<(Duration, u64), Failure> {
    let shown = format!("{command:?}");
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    let began = Instant::now();
    let mut child = command.spawn().map_err(|error| format!("cannot start {shown}: {error}"))?;
    let process = child.id();
    let (ended, until) = mpsc::channel::<()>();
    let watcher = thread::spawn(move || {
        let mut peak = 0;
        while until.recv_timeout(INTERVAL) == Err(RecvTimeoutError::Timeout) {
            peak = resident_peak(process).unwrap_or(peak);
        }
        peak
    });
    for line in BufReader::new(child.stdout.take().expect("it was asked for")).lines() {
        heard(&line?);
    }
    let status = child.wait()?;
    let elapsed = began.elapsed();
    drop(ended);
    let peak = watcher.join().expect("reading a file does not panic");
    if status.success() { Ok((elapsed, peak)) } else { Err(format!("{shown} ended with {status}").into()) }
}

/// `VmHWM` of proc_pid_status(5); None once the process has ended.
fn resident_peak(process: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    peak_in(&status)
}

fn peak_in(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kibibytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_peak_is_read_in_bytes() {
        assert_eq!(peak_in("Name:\tx\nVmHWM:\t  2048 kB\nVmRSS:\t  1 kB\n"), Some(2048 * 1024));
    }

    #[test]
    fn an_ended_process_has_no_peak() {
        assert_eq!(peak_in("Name:\tx\nState:\tZ (zombie)\n"), None);
    }
}
