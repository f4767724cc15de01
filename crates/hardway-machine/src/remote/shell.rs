//! Words of POSIX sh.

/// Quotes a word for POSIX sh.
pub(crate) fn quote(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-:=@%+,".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// Fails the test unless shellcheck and dash find a script faultless. Where shellcheck is missing, dash alone judges.
#[cfg(test)]
pub(crate) fn check(script: &str) {
    use std::io::{ErrorKind, Write};
    use std::process::{Command, Stdio};

    for (program, arguments) in [("shellcheck", &["--shell=sh", "-"][..]), ("dash", &["-n", "/dev/stdin"])] {
        let child = Command::new(program).args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut child = match child {
            Err(error) if error.kind() == ErrorKind::NotFound && program == "shellcheck" => continue,
            other => other.expect(program),
        };
        child.stdin.take().expect("stdin is piped").write_all(script.as_bytes()).expect("it reads");
        let output = child.wait_with_output().expect("it ends");
        assert!(output.status.success(), "{program}:\n{}\n{script}", String::from_utf8_lossy(&output.stdout));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_comes_back_as_it_was() {
        for word in ["", "plain/path-1.0", "two words", "it's", "$HOME `x` \\ \"q\"", "a\nb"] {
            let output = std::process::Command::new("sh").arg("-c").arg(format!("printf %s {}", quote(word))).output();
            assert_eq!(String::from_utf8(output.unwrap().stdout).unwrap(), word);
        }
    }
}
