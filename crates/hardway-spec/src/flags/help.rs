//! A program's flags as its own `--help` lists them: those of pflag (Kubernetes), etcd's text and urfave/cli's
//! (containerd).

use std::fmt;
use std::net::IpAddr;

/// A flag of a program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flag {
    /// Without dashes.
    pub name: String,
    pub kind: FlagKind,
    /// The program looks at it only where it has no configuration file.
    pub ignored: bool,
}

/// What a flag's value must be, as far as `--help` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FlagKind {
    Boolean,
    Integer,
    /// A whole number that is not negative.
    Unsigned,
    Number,
    /// Go's: `1h30m`.
    Duration,
    Address,
    /// Anything else: only the program knows.
    Text,
}

const KINDS: [(FlagKind, &str); 7] = [
    (FlagKind::Boolean, "boolean"),
    (FlagKind::Integer, "integer"),
    (FlagKind::Unsigned, "unsigned"),
    (FlagKind::Number, "number"),
    (FlagKind::Duration, "duration"),
    (FlagKind::Address, "address"),
    (FlagKind::Text, "text"),
];

/// What pflag's help says of flags that a configuration file takes the place of.
const IGNORED: &str = "ignored if a config file is specified";

impl FlagKind {
    /// By the word behind the flag's name; pflag has none for booleans.
    fn of(word: Option<&str>) -> Self {
        match word {
            None | Some("'true'" | "'false'") => Self::Boolean,
            Some("int" | "int32" | "Level") => Self::Integer,
            Some("uint" | "uint32") => Self::Unsigned,
            Some("float" | "float32") => Self::Number,
            Some("duration") => Self::Duration,
            Some("ip") => Self::Address,
            Some(_) => Self::Text,
        }
    }

    pub fn accepts(self, value: &str) -> bool {
        match self {
            Self::Boolean => matches!(value, "true" | "false"),
            Self::Integer => value.parse::<i64>().is_ok(),
            Self::Unsigned => value.parse::<u64>().is_ok(),
            Self::Number => value.parse::<f64>().is_ok_and(f64::is_finite),
            Self::Duration => is_duration(value),
            Self::Address => value.parse::<IpAddr>().is_ok(),
            Self::Text => true,
        }
    }

    /// What such a value is, with an article, and how it looks.
    pub fn description(self) -> &'static str {
        match self {
            Self::Boolean => "`true` or `false`",
            Self::Integer => "a whole number",
            Self::Unsigned => "a whole number, 0 or more",
            Self::Number => "a number",
            Self::Duration => "a duration, such as `30s` or `1h30m`",
            Self::Address => "an IP address",
            Self::Text => "a text",
        }
    }
}

/// Numbers with units, as Go's `time.ParseDuration` reads them.
fn is_duration(text: &str) -> bool {
    let mut rest = text.strip_prefix(['-', '+']).unwrap_or(text);
    if rest == "0" {
        return true;
    }
    let mut parts = 0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (number, after) = rest.split_at(digits);
        let unit = ["ns", "us", "µs", "ms", "s", "m", "h"].into_iter().filter(|unit| after.starts_with(unit));
        let Some(unit) = unit.max_by_key(|unit| unit.len()) else { return false };
        if number.parse::<f64>().is_err() {
            return false;
        }
        rest = &after[unit.len()..];
        parts += 1;
    }
    parts > 0
}

impl Flag {
    /// A line of a table.
    ///
    /// # Panics
    /// Where a table was not written by [`Flag`]'s `Display`.
    pub(super) fn parse(line: &str) -> Self {
        let mut words = line.split(' ');
        let (Some(name), Some(kind)) = (words.next(), words.next()) else { panic!("a flag's line is `{line}`") };
        let kind = KINDS.iter().find(|(_, word)| *word == kind).map(|(kind, _)| *kind);
        Self {
            name: name.to_owned(),
            kind: kind.expect("a table names kinds that there are"),
            ignored: words.next().is_some(),
        }
    }
}

impl fmt::Display for Flag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = KINDS.iter().find(|(kind, _)| *kind == self.kind).map(|(_, word)| *word);
        let ignored = if self.ignored { " ignored" } else { "" };
        write!(f, "{} {}{ignored}", self.name, kind.expect("the list has all kinds"))
    }
}

/// Every flag that a program's `--help` lists, by name.
pub fn in_help(help: &str) -> Vec<Flag> {
    let mut flags: Vec<Flag> = Vec::new();
    for line in help.lines() {
        if let Some(flag) = flag_of(line) {
            flags.push(flag);
        }
        if let Some(flag) = flags.last_mut() {
            flag.ignored |= line.contains(IGNORED);
        }
    }
    flags.sort_by(|one, other| one.name.cmp(&other.name));
    flags
}

/// The flag that a line begins the description of.
fn flag_of(line: &str) -> Option<Flag> {
    /// Those with a short form stand farther left; what stands farther right goes on with a description.
    const DEEPEST: usize = 6;
    let rest = line.trim_start();
    if line.len() - rest.len() > DEEPEST {
        return None;
    }
    let is_short = |text: &str| text.len() == 2 && text.starts_with('-');
    let rest = rest.split_once(", ").filter(|(short, _)| is_short(short)).map_or(rest, |(_, rest)| rest);
    let rest = rest.strip_prefix("--")?;
    let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '-').unwrap_or(rest.len());
    let (name, rest) = rest.split_at(end);
    let kind = match rest.strip_prefix(' ') {
        // Nothing is said of the value, or another form of the name follows.
        None => FlagKind::Text,
        Some(rest) => FlagKind::of(rest.split(' ').next().filter(|word| !word.is_empty())),
    };
    (!name.is_empty()).then(|| Flag { name: name.to_owned(), kind, ignored: false })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(help: &str) -> Vec<String> {
        in_help(help).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn kubernetes_help_is_read() {
        let help = "Usage:\n  kubelet [flags]\n\nFlags:\n      --node-ip string        IP address\n      \
                    --anonymous-auth        Enables anonymous requests (default true)\n      \
                    --feature-gates mapStringBool   Options are:\n                AllAlpha=true|false\n                \
                    --this goes on. This parameter is ignored if a config file is specified in --config.\n  \
                    -v, --v Level           number\n      --version version[=true]   prints\n";
        let expected =
            ["anonymous-auth boolean", "feature-gates text ignored", "node-ip text", "v integer", "version text"];
        assert_eq!(lines(help), expected);
    }

    #[test]
    fn etcds_and_containerds_help_is_read() {
        let help = "  etcd --version\n    Show\n\nMember:\n  --name 'default'\n    Human-readable name.\n  \
                    --pre-vote 'true'\n    Enable\n  --memory-mlock\n    Enable\n   --config string, -c string     Path\n   \
                    --help, -h                     Show help\n";
        assert_eq!(lines(help), ["config text", "help text", "memory-mlock text", "name text", "pre-vote boolean"]);
    }

    #[test]
    fn durations_are_go_s() {
        for good in ["0", "1s", "1h30m", "1.5h", "100ms", "-1m", "5µs"] {
            assert!(is_duration(good), "{good}");
        }
        for bad in ["", "1", "s", "1d", "1h30", "1 s"] {
            assert!(!is_duration(bad), "{bad}");
        }
    }

    #[test]
    fn a_line_of_a_table_comes_back() {
        for line in ["max-pods integer", "kube-api-qps number ignored", "v integer"] {
            assert_eq!(Flag::parse(line).to_string(), line);
        }
    }
}
