//! Who runs this command, and where.

/// The operator, as a run's record and whoever waits for it name them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operator {
    /// Who logged in, also behind sudo.
    pub user: String,
    /// The operator's machine.
    pub host: String,
    pub process: u32,
    /// As it was typed: `hardway apply --yes`.
    pub command: String,
}

impl Operator {
    pub fn current() -> Self {
        // Only sudo(8) sets the first, login(1) and sshd(8) the others; a service has none of them.
        let named = ["SUDO_USER", "USER", "LOGNAME"].iter().find_map(|name| std::env::var(name).ok());
        let arguments = std::env::args_os().skip(1).map(|argument| argument.to_string_lossy().into_owned());
        Self {
            user: named.unwrap_or_else(|| match rustix::process::getuid() {
                uid if uid.is_root() => "root".to_owned(),
                uid => format!("uid {}", uid.as_raw()),
            }),
            host: rustix::system::uname().nodename().to_string_lossy().into_owned(),
            process: std::process::id(),
            command: std::iter::once("hardway".to_owned()).chain(arguments).collect::<Vec<_>>().join(" "),
        }
    }
}
