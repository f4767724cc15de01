//! Looking at processes and ending them, never the wrong one.

use std::fs;
use std::io;

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use crate::error::{LabError, Result};

/// Sends a signal to a process if `still_ours` says, once its identity is pinned, that it is the
/// one that was meant: the kernel may have given its number to another meanwhile.
pub(crate) fn signal(pid: i32, signal: Signal, still_ours: impl Fn(i32) -> bool) -> Result<()> {
    let Some(number) = Pid::from_raw(pid) else {
        return Ok(());
    };
    let kernel_error = |errno: rustix::io::Errno| LabError::Kernel {
        action: "signal a machine's process",
        source: io::Error::from(errno),
    };
    let pinned = match pidfd_open(number, PidfdFlags::empty()) {
        // It ended by itself.
        Err(rustix::io::Errno::SRCH | rustix::io::Errno::INVAL) => return Ok(()),
        opened => opened.map_err(kernel_error)?,
    };
    if !still_ours(pid) {
        return Ok(());
    }
    match pidfd_send_signal(&pinned, signal) {
        Err(rustix::io::Errno::SRCH) => Ok(()),
        sent => sent.map_err(kernel_error),
    }
}

/// The process's ids, from our PID namespace to its innermost (proc_pid_status(5), `NSpid`);
/// empty if it is gone.
pub(crate) fn namespace_pids(pid: i32) -> Vec<i32> {
    fs::read_to_string(format!("/proc/{pid}/status")).map(|status| parse_namespace_pids(&status)).unwrap_or_default()
}

fn parse_namespace_pids(status: &str) -> Vec<i32> {
    status
        .lines()
        .find_map(|line| line.strip_prefix("NSpid:"))
        .map(|pids| pids.split_whitespace().filter_map(|pid| pid.parse().ok()).collect())
        .unwrap_or_default()
}

/// The process's short name; empty if it is gone.
pub(crate) fn command_name(pid: i32) -> String {
    fs::read_to_string(format!("/proc/{pid}/comm")).map(|name| name.trim_end().to_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_in_every_namespace_are_read() {
        assert_eq!(parse_namespace_pids("Name:\tsystemd\nNStgid:\t4711\t1\nNSpid:\t4711\t1\n"), [4711, 1]);
        assert!(parse_namespace_pids("Name:\tx\n").is_empty());
    }

    #[test]
    fn a_process_that_is_gone_is_no_error() {
        // Above the kernel's largest process id.
        signal(i32::MAX, Signal::TERM, |_| true).unwrap();
    }
}
