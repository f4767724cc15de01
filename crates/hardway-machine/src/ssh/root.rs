//! Becoming root: the command line that every channel begins with.

use secrecy::{ExposeSecret, SecretString};

/// How commands become root's.
#[derive(Debug, Clone)]
pub(super) enum Root {
    /// The user is root.
    Already,
    /// sudo asks nothing.
    Sudo,
    /// sudo asks for the user's password.
    SudoWithPassword(SecretString),
}

/// Printed, after the record separator, before anything that the script prints. A login shell's startup files may print
/// too; what comes before the mark is theirs.
const START: &[u8] = b"\x1e hardway\n";

/// Sent after a password line that sudo may or may not have read: it remembers for a while that it has asked.
const PASSWORD_END: &str = "hardway";

impl Root {
    /// What sshd hands to the login shell, whichever that is: one line, quoted in the way that all shells share.
    /// The script comes over stdin, so that its length is not limited and no process list shows it; half a script, from
    /// a connection that broke, is not run.
    pub(super) fn command(&self, script: &str) -> String {
        let body = format!(
            "LC_ALL=C PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin; export LC_ALL PATH; \
             s=$(head -c {length}); [ ${{#s}} -eq {length} ] || exit 1; printf \"\\036 hardway\\n\"; eval \"$s\"",
            length = script.trim_end_matches('\n').len(),
        );
        match self {
            Self::Already => format!("exec sh -c '{body}'"),
            Self::Sudo => format!("exec sudo -n sh -c '{body}'"),
            Self::SudoWithPassword(_) => format!(
                "exec sudo -S -p \"\" sh -c 'IFS= read -r line; [ \"$line\" = {PASSWORD_END} ] || IFS= read -r line; {body}'"
            ),
        }
    }

    /// What goes to stdin: all that the command reads before the operation's own bytes.
    pub(super) fn input(&self, script: &str) -> Vec<u8> {
        // The shell's $(…) drops line ends, too.
        let script = script.trim_end_matches('\n');
        match self {
            Self::Already | Self::Sudo => script.as_bytes().to_vec(),
            Self::SudoWithPassword(password) => {
                format!("{}\n{PASSWORD_END}\n{script}", password.expose_secret()).into_bytes()
            }
        }
    }
}

/// Takes away what was printed before the script began.
#[derive(Default)]
pub(super) struct StartFilter {
    before: Vec<u8>,
    started: bool,
}

impl StartFilter {
    /// The part of `bytes` that is the script's.
    pub(super) fn pass<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        if self.started {
            return bytes;
        }
        let seen = self.before.len();
        self.before.extend_from_slice(bytes);
        match self.before.windows(START.len()).position(|window| window == START) {
            None => &[],
            Some(position) => {
                self.started = true;
                // A mark that was complete before these bytes would have been found then.
                let end = position + START.len() - seen;
                self.before = Vec::new();
                &bytes[end..]
            }
        }
    }

    pub(super) fn started(&self) -> bool {
        self.started
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> [Root; 3] {
        [Root::Already, Root::Sudo, Root::SudoWithPassword("hunter2".to_owned().into())]
    }

    #[test]
    fn the_command_is_one_line_that_every_login_shell_reads_alike() {
        for root in all() {
            let command = root.command("true");
            assert!(!command.contains('\n'));
            assert_eq!(command.matches('\'').count(), 2, "{command}");
            assert!(!command.contains("\\\\") && !command.contains('!'), "{command}");
            crate::remote::check(&command);
        }
    }

    #[test]
    fn the_password_is_only_on_stdin() {
        let root = Root::SudoWithPassword("hunter2".to_owned().into());
        assert!(!root.command("true").contains("hunter2"));
        assert!(!format!("{root:?}").contains("hunter2"));
        assert_eq!(root.input("true\n"), b"hunter2\nhardway\ntrue");
    }

    #[test]
    fn noise_before_the_script_is_dropped_wherever_the_stream_is_cut() {
        let stream = b"welcome!\n\x1e hardway\nok\n";
        for cut in 0..stream.len() {
            let mut filter = StartFilter::default();
            let mut passed = filter.pass(&stream[..cut]).to_vec();
            passed.extend_from_slice(filter.pass(&stream[cut..]));
            assert_eq!(passed, b"ok\n", "cut at {cut}");
        }
    }
}
