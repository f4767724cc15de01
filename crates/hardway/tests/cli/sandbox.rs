//! A folder to run the binary in, and what it answered.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

/// A valid spec of machines at documentation addresses (RFC 5737).
pub(crate) const SPEC: &str = "\
apiVersion: hardway/v1alpha1
kind: Cluster
metadata: {name: test}
spec:
  machines:
    - {name: lb,  address: 192.0.2.10, roles: [load-balancer]}
    - {name: cp1, address: 192.0.2.11, roles: [control-plane]}
    - {name: w1,  address: 192.0.2.21, roles: [worker]}
";

/// A home and a current folder that nobody else uses. Only the cache of components is the user's own.
pub(crate) struct Sandbox {
    folder: TempDir,
}

impl Sandbox {
    pub(crate) fn new() -> Self {
        let sandbox = Self { folder: tempfile::tempdir().unwrap() };
        for name in ["home", "work"] {
            std::fs::create_dir(sandbox.folder.path().join(name)).unwrap();
        }
        sandbox
    }

    /// With a `cluster.yaml` in the current folder.
    pub(crate) fn with_spec(spec: &str) -> Self {
        let sandbox = Self::new();
        sandbox.write("cluster.yaml", spec);
        sandbox
    }

    /// The current folder.
    pub(crate) fn work(&self) -> PathBuf {
        self.folder.path().join("work")
    }

    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.work().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    pub(crate) fn read(&self, path: &str) -> String {
        std::fs::read_to_string(self.work().join(path)).unwrap()
    }

    /// What stands in the current folder, sorted.
    pub(crate) fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.work()).unwrap();
        let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// `program` in the sandbox, with nothing of the developer's environment.
    pub(crate) fn program(&self, program: impl AsRef<Path>) -> Command {
        let mut command = Command::new(program.as_ref());
        command
            .current_dir(self.work())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.folder.path().join("home"))
            .env("HARDWAY_CACHE", cache());
        command
    }

    pub(crate) fn hardway(&self) -> Command {
        self.program(BINARY)
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        let mut command = self.hardway();
        command.args(arguments);
        self.finish(command, arguments)
    }

    pub(crate) fn finish(&self, mut command: Command, arguments: &[&str]) -> Ran {
        let output = command.output().unwrap();
        Ran { arguments: arguments.join(" "), output, folder: self.folder.path().display().to_string() }
    }
}

pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_hardway");

fn cache() -> PathBuf {
    let variable = |name| std::env::var_os(name).map(PathBuf::from);
    variable("HARDWAY_CACHE")
        .or_else(|| variable("XDG_CACHE_HOME").map(|path| path.join("hardway")))
        .unwrap_or_else(|| std::env::home_dir().expect("there is a home").join(".cache/hardway"))
}

/// A command's answer. Its `Display` is what snapshots hold.
pub(crate) struct Ran {
    arguments: String,
    output: Output,
    folder: String,
}

impl Ran {
    pub(crate) fn code(&self) -> i32 {
        self.output.status.code().unwrap_or(-1)
    }

    pub(crate) fn stdout(&self) -> String {
        self.plain(&self.output.stdout)
    }

    pub(crate) fn stderr(&self) -> String {
        self.plain(&self.output.stderr)
    }

    fn plain(&self, bytes: &[u8]) -> String {
        String::from_utf8_lossy(bytes).replace(&self.folder, "[SANDBOX]")
    }
}

impl fmt::Display for Ran {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "$ hardway {}", self.arguments)?;
        for (stream, text) in [("stdout", self.stdout()), ("stderr", self.stderr())] {
            if !text.is_empty() {
                writeln!(f, "{stream}:")?;
            }
            for line in text.lines() {
                writeln!(f, "{}", format!("    {line}").trim_end())?;
            }
        }
        write!(f, "exit code {}", self.code())
    }
}
