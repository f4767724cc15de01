//! Being the only one: what the machine is told, and what it answers.

use std::time::Duration;

use super::quote;

/// How often a holder shows that it lives.
pub(crate) const HEARTBEAT: Duration = Duration::from_secs(5);
/// How long a machine hears nothing of its holder before it takes it for dead. A holder that was cut off or crashed is
/// known at once, by its connection's end; this is for one that vanished. Several heartbeats, so that one starved of
/// CPU, or a network that is away for a few seconds, costs no lock.
const PATIENCE: Duration = Duration::from_secs(30);

/// The script that holds the machine for `holder`, which is one line.
pub(crate) fn hold_script(holder: &str) -> String {
    format!("holder={}\npatience={}\n{}", quote(holder), PATIENCE.as_secs(), include_str!("hold.sh"))
}

/// The machine's answer: the first line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum HoldAnswer {
    Held,
    Taken(Option<String>),
}

impl HoldAnswer {
    pub(crate) fn parse(line: &str) -> Option<Self> {
        match line.split_once(' ').unwrap_or((line, "")) {
            ("held", "") => Some(Self::Held),
            ("taken", holder) => Some(Self::Taken((!holder.is_empty()).then(|| holder.to_owned()))),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_script_is_plain_posix_sh() {
        super::super::check(&hold_script("it's {\"me\"}"));
    }

    #[test]
    fn a_holder_that_is_silent_is_taken_for_dead() {
        use std::io::{BufRead, BufReader};
        use std::process::{Command, Stdio};

        let folder = tempfile::tempdir().unwrap();
        let lock = folder.path().join("lock");
        let script = hold_script("me").replace("/run/hardway.lock", lock.to_str().unwrap());
        let script = script.replace("patience=30", "patience=1");
        let mut child =
            Command::new("sh").args(["-c", &script]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (stdin, mut line) = (child.stdin.take().unwrap(), String::new());
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert_eq!((line.as_str(), std::fs::read_to_string(&lock).unwrap().as_str()), ("held\n", "me\n"));
        // Its stdin stays open and brings nothing.
        child.wait().unwrap();
        assert!(!lock.exists());
        drop(stdin);
    }

    #[test]
    fn an_answer_names_the_other_holder_if_it_said_who_it_is() {
        assert_eq!(HoldAnswer::parse("held"), Some(HoldAnswer::Held));
        assert_eq!(HoldAnswer::parse("taken {\"a\": 1}"), Some(HoldAnswer::Taken(Some("{\"a\": 1}".to_owned()))));
        assert_eq!(HoldAnswer::parse("taken "), Some(HoldAnswer::Taken(None)));
        assert_eq!(HoldAnswer::parse("flock: no such program"), None);
    }
}
