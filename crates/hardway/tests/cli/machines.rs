//! Machines that cannot be reached: all are tried, failures are grouped by cause, nothing is touched.

use crate::network::{Network, Sshd};
use crate::sandbox::{SPEC, Sandbox};

/// `-q`: what is said of components and certificates depends on what was there.
const COMMANDS: [&[&str]; 5] =
    [&["-q", "apply", "--yes"], &["-q", "plan"], &["-q", "verify"], &["-q", "status"], &["-q", "reset", "--yes"]];

#[test]
fn unreachable_machines_are_grouped_by_cause() {
    let network = Network::new();
    for arguments in COMMANDS {
        let sandbox = Sandbox::with_spec(SPEC);
        let ran = network.run(&sandbox, arguments);
        assert_eq!(ran.code(), 1, "{ran}");
        assert_eq!(ran.stdout(), "");
        insta::allow_duplicates! { insta::assert_snapshot!(ran.stderr(), @r"
        error: cp1, lb: cannot connect to port 22: Connection refused (os error 111)
          help: check that the machine is up, and its address and spec.ssh.port in cluster.yaml
        error: w1: cannot connect to port 22: Network is unreachable (os error 101)
          help: check that the machine is up, and its address and spec.ssh.port in cluster.yaml
        ") };
    }
}

#[test]
fn an_unknown_host_key_is_shown_and_not_accepted() {
    let network = Network::new();
    let sshd = Sshd::start(&network);
    let sandbox = Sandbox::with_spec(&sshd.spec("user_key"));
    let ran = network.run(&sandbox, &["-q", "plan"]);
    assert_eq!(ran.code(), 1, "{ran}");
    let text = ran.stderr().replace(&sshd.fingerprint(), "[FINGERPRINT]");
    insta::assert_snapshot!(text, @r"
    error: w1: cannot connect to port 22: Network is unreachable (os error 101)
      help: check that the machine is up, and its address and spec.ssh.port in cluster.yaml
    error: lb: the host key of 192.0.2.10 port 22 is not known: [FINGERPRINT]
      help: run hardway on a terminal to be asked once, or compare the key and add what `ssh-keyscan 192.0.2.10` prints to .hardway/known_hosts in the workspace
    error: cp1: the host key of 192.0.2.11 port 22 is not known: [FINGERPRINT]
      help: run hardway on a terminal to be asked once, or compare the key and add what `ssh-keyscan 192.0.2.11` prints to .hardway/known_hosts in the workspace
    ");
    assert!(!sandbox.work().join(".hardway/known_hosts").exists());
}

#[test]
fn another_host_key_than_the_known_one_is_refused() {
    let network = Network::new();
    let sshd = Sshd::start(&network);
    let sandbox = Sandbox::with_spec(&sshd.spec("user_key"));
    sandbox.write(".hardway/known_hosts", &sshd.known_hosts("other_key"));
    let ran = network.run(&sandbox, &["-q", "plan"]);
    assert_eq!(ran.code(), 1, "{ran}");
    let text = ran.stderr().replace(&sshd.fingerprint(), "[FINGERPRINT]");
    insta::assert_snapshot!(text, @r"
    error: lb: 192.0.2.10 port 22 is known with another host key than the [FINGERPRINT] that it shows
      help: find out why first. If the machine was made anew, run in the workspace: ssh-keygen -R 192.0.2.10 -f .hardway/known_hosts
    error: cp1: 192.0.2.11 port 22 is known with another host key than the [FINGERPRINT] that it shows
      help: find out why first. If the machine was made anew, run in the workspace: ssh-keygen -R 192.0.2.11 -f .hardway/known_hosts
    error: w1: cannot connect to port 22: Network is unreachable (os error 101)
      help: check that the machine is up, and its address and spec.ssh.port in cluster.yaml
    ");
    assert_eq!(sandbox.read(".hardway/known_hosts"), sshd.known_hosts("other_key"));
}

#[test]
fn a_key_that_lets_nobody_in_is_named() {
    let network = Network::new();
    let sshd = Sshd::start(&network);
    let sandbox = Sandbox::with_spec(&sshd.spec("other_key"));
    sandbox.write(".hardway/known_hosts", &sshd.known_hosts("host_key"));
    let ran = network.run(&sandbox, &["-q", "plan"]);
    assert_eq!(ran.code(), 1, "{ran}");
    let folder = sshd.key("").display().to_string();
    insta::assert_snapshot!(ran.stderr().replace(folder.trim_end_matches('/'), "[KEYS]"), @r"
    error: w1: cannot connect to port 22: Network is unreachable (os error 101)
      help: check that the machine is up, and its address and spec.ssh.port in cluster.yaml
    error: cp1, lb: not let in as root with [KEYS]/other_key
      help: let root in with one of your keys (ssh-copy-id), or set spec.ssh.identityFile
    ");
}

#[test]
fn a_key_that_is_not_there_is_named() {
    let network = Network::new();
    let sshd = Sshd::start(&network);
    let spec = SPEC.replace("spec:\n", "spec:\n  ssh: {identityFile: keys/gone}\n");
    let sandbox = Sandbox::with_spec(&spec);
    sandbox.write(".hardway/known_hosts", &sshd.known_hosts("host_key"));
    let ran = network.run(&sandbox, &["-q", "plan"]);
    assert_eq!(ran.code(), 1, "{ran}");
    insta::assert_snapshot!(ran.stderr(), @r"
    error: w1: cannot connect to port 22: Network is unreachable (os error 101)
      help: check that the machine is up, and its address and spec.ssh.port in cluster.yaml
    error: cp1, lb: cannot read the key [SANDBOX]/work/keys/gone: No such file or directory (os error 2)
      help: check spec.ssh.identityFile in cluster.yaml
    ");
}
