//! What runs on the other side, whatever the way to it: POSIX sh that every operation begins with.

mod copy;
mod hold;
mod shell;
mod stage;

pub(crate) use copy::{CopyAnswer, copy_script};
pub(crate) use hold::{HEARTBEAT, HoldAnswer, hold_script};
pub(crate) use shell::quote;
pub(crate) use stage::{STAGE_SCRIPT, StageReader, stage_tar};

/// Where machines keep the sizes and times of the binaries in their store, one file per binary.
pub(crate) const INDEX: &str = "/var/lib/hardway/index";

/// What is kept of each, for stat(1): size, times of modification and of change, inode, path. The time of change can't be
/// set, so that a file which was replaced and dressed up as the old one is seen.
pub(crate) const STAT: &str = "%s %.9Y %.9Z %i %n";

#[cfg(test)]
pub(crate) use shell::check;
