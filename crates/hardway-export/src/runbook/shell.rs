//! Shell text that a person types.

/// Quotes a word where a shell would read it otherwise.
pub(super) fn quote(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-:=@%+,".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// A command over several lines, an argument each.
pub(super) fn long(command: &str, arguments: &[String]) -> String {
    let lines: Vec<String> = arguments.iter().map(|argument| format!("    {argument}")).collect();
    format!("{command} \\\n{}\n", lines.join(" \\\n"))
}

/// Asks until `check` succeeds. `title` says of what, `seconds` how long that may take.
pub(super) fn until(title: &str, check: &str, seconds: u64) -> String {
    let check = check.trim();
    let comment = format!("# Until {title}; more than {seconds} s mean that something is wrong.");
    if check.contains('\n') {
        format!("{comment}\nuntil (\n{check}\n); do sleep 1; done")
    } else {
        format!("{comment}\nuntil {check}; do sleep 1; done")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_a_shell_would_split_are_quoted() {
        assert_eq!(quote("/etc/hosts"), "/etc/hosts");
        assert_eq!(quote("it's here"), r"'it'\''s here'");
    }

    #[test]
    fn a_check_of_several_lines_is_kept_together() {
        assert!(until("it runs", "a=1\ntrue", 5).ends_with("until (\na=1\ntrue\n); do sleep 1; done"));
    }
}
