//! The same machine through the system's own ssh, for a person's terminal.

use std::ffi::OsString;
use std::path::Path;

use super::SshSettings;

/// What `ssh` is called with to reach a machine as hardway does; a remote command may follow.
///
/// `known_hosts` is the cluster's file; the operator's own known hosts and agent are left alone.
pub fn ssh_arguments(settings: &SshSettings, known_hosts: &Path) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = Vec::new();
    let mut option = |key: &str, value: OsString| {
        let mut text = OsString::from(format!("{key}="));
        text.push(value);
        arguments.extend(["-o".into(), text]);
    };
    option("UserKnownHostsFile", known_hosts.into());
    option("StrictHostKeyChecking", "yes".into());
    if let Some(alias) = &settings.host_key_alias {
        option("HostKeyAlias", alias.into());
    }
    for file in &settings.identities.files {
        option("IdentityFile", file.path.clone().into());
    }
    if let Some(jump) = &settings.jump {
        option("ProxyJump", format!("{}@{}:{}", jump.user, bracketed(&jump.host), jump.port).into());
    }
    arguments.extend(["-p".into(), settings.port.to_string().into(), "-l".into(), (&settings.user).into()]);
    arguments.extend(["--".into(), (&settings.host).into()]);
    arguments
}

/// A colon in an address is not the one before a port.
fn bracketed(host: &str) -> String {
    if host.contains(':') { format!("[{host}]") } else { host.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::super::SshTarget;
    use super::*;

    #[test]
    fn the_pinned_keys_and_no_others_are_used() {
        let target = SshTarget {
            host: "10.0.0.1".to_owned(),
            port: Some(2222),
            user: Some("root".to_owned()),
            identity_file: Some("/w/key".into()),
            ..SshTarget::default()
        };
        let arguments = ssh_arguments(&target.resolve_alone(), Path::new("/w/known_hosts"));
        let text: Vec<_> = arguments.iter().map(|argument| argument.to_str().unwrap()).collect();
        assert_eq!(
            text.join(" "),
            "-o UserKnownHostsFile=/w/known_hosts -o StrictHostKeyChecking=yes -o IdentityFile=/w/key \
             -p 2222 -l root -- 10.0.0.1"
        );
    }
}
