//! Steps as plain POSIX sh: what a machine is sent, readable by a person.
//!
//! A script runs as root in a private folder that holds its files. It prints one event line as each
//! step begins and ends, marked by the ASCII record separator; every other line is a step's output.

mod render;

use std::fmt;

pub use render::render;

/// The first byte of an event line (ASCII RS).
pub const EVENT_MARK: char = '\u{1e}';

/// A script and the small files that it puts in place.
#[derive(Clone, PartialEq, Eq)]
pub struct Script {
    /// POSIX sh.
    pub text: String,
    pub files: Vec<ScriptFile>,
}

/// A file beside the script, in the folder that it runs in.
#[derive(Clone, PartialEq, Eq)]
pub struct ScriptFile {
    pub name: String,
    pub content: Vec<u8>,
}

impl fmt::Debug for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Script({} bytes, {} files)", self.text.len(), self.files.len())
    }
}

impl fmt::Debug for ScriptFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ScriptFile({}, {} bytes)", self.name, self.content.len())
    }
}
