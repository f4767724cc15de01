//! Reads what a rendered unit file says, so that each flag and directive of it can be explained.

/// A command-line flag of a unit's command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Flag {
    /// The program's own name: `kubelet`.
    pub(crate) program: String,
    /// With its dashes: `--config`.
    pub(crate) name: String,
    /// Empty where the flag stands alone.
    pub(crate) value: String,
}

/// A setting of a unit file: `Restart=always`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Directive {
    pub(crate) name: String,
    pub(crate) value: String,
}

/// Every setting in the order of the file, with continued lines joined.
pub(crate) fn directives(unit: &str) -> Vec<Directive> {
    let joined = unit.replace("\\\n", " ");
    let lines = joined.lines().map(str::trim).filter(|line| !line.starts_with(['#', ';', '[']));
    lines
        .filter_map(|line| line.split_once('='))
        .map(|(name, value)| Directive { name: name.trim().to_owned(), value: value.trim().to_owned() })
        .collect()
}

/// The flags of every command that the unit runs.
pub(crate) fn flags(unit: &str) -> Vec<Flag> {
    let commands = directives(unit).into_iter().filter(|directive| directive.name.starts_with("Exec"));
    commands.flat_map(|command| command_flags(&words(&command.value))).collect()
}

fn command_flags(words: &[String]) -> Vec<Flag> {
    let Some((program, arguments)) = words.split_first() else { return Vec::new() };
    let program = program.rsplit('/').next().unwrap_or(program);
    let mut flags: Vec<Flag> = Vec::new();
    for argument in arguments {
        if argument.starts_with('-') {
            let (name, value) = argument.split_once('=').unwrap_or((argument, ""));
            flags.push(Flag { program: program.to_owned(), name: name.to_owned(), value: value.to_owned() });
        } else if let Some(flag) = flags.last_mut()
            && flag.value.is_empty()
        {
            flag.value.clone_from(argument);
        }
    }
    flags
}

/// A command line's words, quotes and systemd's own escapes resolved (systemd.service(5), "Command lines").
fn words(command: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut characters = command.chars();
    while let Some(character) = characters.next() {
        match character {
            '"' | '\'' if quote == Some(character) => quote = None,
            '"' | '\'' if quote.is_none() => {
                quote = Some(character);
                word.get_or_insert_default();
            }
            '\\' => word.get_or_insert_default().extend(characters.next()),
            _ if character.is_whitespace() && quote.is_none() => words.extend(word.take()),
            _ => word.get_or_insert_default().push(character),
        }
    }
    words.extend(word);
    words.into_iter().map(|word| word.replace("%%", "%").replace("$$", "$")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNIT: &str = "[Unit]\nDescription=etcd\n\n[Service]\nType=notify\nExecStart=/usr/local/bin/etcd \\\n  --name=cp1 \\\n  --config \"/a b\" -v\nRestart=always\n";

    fn flag(name: &str, value: &str) -> Flag {
        Flag { program: "etcd".to_owned(), name: name.to_owned(), value: value.to_owned() }
    }

    #[test]
    fn flags_are_read_with_their_values() {
        assert_eq!(flags(UNIT), [flag("--name", "cp1"), flag("--config", "/a b"), flag("-v", "")]);
    }

    #[test]
    fn a_continued_line_is_one_setting() {
        let names: Vec<String> = directives(UNIT).into_iter().map(|directive| directive.name).collect();
        assert_eq!(names, ["Description", "Type", "ExecStart", "Restart"]);
    }

    #[test]
    fn escapes_of_systemd_are_resolved() {
        assert_eq!(words("echo \"100%% of $$HOME\""), ["echo", "100% of $HOME"]);
    }
}
