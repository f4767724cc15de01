//! A stage's script and the small files that go with it.

/// POSIX sh and its files, by name in the folder that it runs in.
#[derive(Clone, PartialEq, Eq)]
pub struct Script {
    pub text: String,
    pub files: Vec<ScriptFile>,
}

#[derive(Clone, PartialEq, Eq)]
pub struct ScriptFile {
    pub name: String,
    pub content: Vec<u8>,
}
