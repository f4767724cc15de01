//! Command lines as units hold them.

use std::fmt;

/// A program and its arguments, in the order they were given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Command {
    program: String,
    arguments: Vec<String>,
}

impl Command {
    /// `program` is an absolute path, as ExecStart= wants it.
    pub(crate) fn new(program: impl Into<String>) -> Self {
        Self { program: program.into(), arguments: Vec::new() }
    }

    /// Adds `--name=value`.
    pub(crate) fn flag(self, name: &str, value: impl fmt::Display) -> Self {
        self.argument(format!("--{name}={value}"))
    }

    pub(crate) fn argument(mut self, argument: impl Into<String>) -> Self {
        self.arguments.push(argument.into());
        self
    }
}

/// One flag a line, with what systemd would expand written so that it does not (systemd.service(5)).
impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.program)?;
        for argument in &self.arguments {
            let separator = if argument.starts_with('-') { " \\\n  " } else { " " };
            write!(f, "{separator}{}", escape(argument))?;
        }
        Ok(())
    }
}

fn escape(argument: &str) -> String {
    let escaped = argument.replace('\\', "\\\\").replace('%', "%%").replace('$', "$$");
    if escaped.is_empty() || escaped.contains(|character: char| character.is_whitespace() || "\"';".contains(character))
    {
        format!("\"{}\"", escaped.replace('"', "\\\""))
    } else {
        escaped
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_flag_has_a_line() {
        let command = Command::new("/bin/etcd").flag("name", "cp1").flag("client-cert-auth", true);
        assert_eq!(command.to_string(), "/bin/etcd \\\n  --name=cp1 \\\n  --client-cert-auth=true");
    }

    #[test]
    fn what_systemd_would_expand_is_escaped() {
        let command = Command::new("/bin/echo").argument("100% of $HOME").argument("daemon on;");
        assert_eq!(command.to_string(), "/bin/echo \"100%% of $$HOME\" \"daemon on;\"");
    }
}
