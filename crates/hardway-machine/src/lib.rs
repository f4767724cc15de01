//! Machines: run a stage's script, copy a large file, read state. Over SSH, or in memory for tests.
//!
//! Everything that is sent runs as root; nothing but sshd, sh, tar and coreutils is expected there.
//!
//! Invariant: this crate knows no Kubernetes. It moves bytes, and reports what it saw.

mod error;
mod event;
mod machine;

pub use error::{Fault, MachineError, OfferedKey};
pub use event::ScriptEvent;
pub use machine::{Blob, Machine, Output};
pub use hardway_plan::script::{Script, ScriptFile};
