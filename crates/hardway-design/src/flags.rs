//! Command lines as units hold them.

use std::collections::BTreeMap;
use std::fmt;

use hardway_spec::Component;
use hardway_spec::flags::Claim;

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

    /// Adds what the operator asked for, by the flags' names. A list that hardway began goes on with it, and an amount of
    /// hardway's gives way.
    pub(crate) fn extra(mut self, component: Component, flags: &BTreeMap<&str, &str>) -> Self {
        for (name, value) in flags {
            let start = format!("--{name}=");
            match self.arguments.iter_mut().find(|argument| argument.starts_with(&start)) {
                Some(own) if component.claim_of(name) == Some(Claim::Shared) => own.push_str(&format!(",{value}")),
                Some(own) => *own = format!("{start}{value}"),
                None => self = self.flag(name, value),
            }
        }
        self
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
    fn what_the_operator_asks_for_comes_last_goes_on_with_a_list_and_replaces_an_amount() {
        let command = Command::new("/bin/kube-apiserver")
            .flag("enable-admission-plugins", "NodeRestriction")
            .flag("audit-log-maxage", 30)
            .flag("profiling", false);
        let asked = [("enable-admission-plugins", "AlwaysPullImages"), ("audit-log-maxage", "7"), ("v", "2")];
        assert_eq!(
            command.extra(Component::KubeApiserver, &asked.into()).arguments,
            [
                "--enable-admission-plugins=NodeRestriction,AlwaysPullImages",
                "--audit-log-maxage=7",
                "--profiling=false",
                "--v=2"
            ]
        );
    }

    #[test]
    fn what_systemd_would_expand_is_escaped() {
        let command = Command::new("/bin/echo").argument("100% of $HOME").argument("daemon on;");
        assert_eq!(command.to_string(), "/bin/echo \"100%% of $$HOME\" \"daemon on;\"");
    }
}
