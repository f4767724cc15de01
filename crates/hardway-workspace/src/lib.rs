//! The workspace: the folder that holds `cluster.yaml` and what belongs to it.
//!
//! Files are replaced whole or not at all, and those that hold keys are never readable by others, not even while
//! they are written.
//!
//! Invariant: no other crate knows the names of the workspace's files, but for those that the design names.

mod encryption;
mod error;
mod file;
mod gitignore;
mod layout;
mod lock;
mod outside;
mod permissions;
mod pki;
mod runs;
mod workspace;

pub use encryption::new_encryption_key;
pub use error::WorkspaceError;
pub use layout::{ARTIFACT_LOCK, ENCRYPTION_KEY, SPEC, certificate_path, key_path, request_path};
pub use lock::{Holder, Lock};
pub use outside::{write_exported, write_private};
pub use permissions::LoosePermissions;
pub use runs::{KEPT_RUNS, RunDirectory};
pub use workspace::{Held, Workspace};
