//! Colour where it is wanted, and only there.

use crate::sandbox::{BINARY, Sandbox};

const ESCAPE: char = '\u{1b}';

/// Runs a command without a workspace on a terminal of its own, and gives all that it printed there.
fn on_a_terminal(arguments: &str, no_color: bool) -> String {
    let sandbox = Sandbox::new();
    let mut command = sandbox.program("script");
    command.args(["-qec", &format!("{BINARY} {arguments}"), "/dev/null"]).env("TERM", "xterm");
    if no_color {
        command.env("NO_COLOR", "1");
    }
    let ran = sandbox.finish(command, &[]);
    assert!(ran.stdout().contains("cluster.yaml") || ran.stdout().contains("Usage:"), "{ran}");
    ran.stdout()
}

#[test]
fn help_and_usage_errors_keep_to_it_too() {
    for arguments in ["apply --help", "--wrong"] {
        assert!(on_a_terminal(arguments, false).contains(ESCAPE), "{arguments}");
        assert!(!on_a_terminal(arguments, true).contains(ESCAPE), "{arguments}");
        assert!(!on_a_terminal(&format!("--color never {arguments}"), false).contains(ESCAPE), "{arguments}");
        assert!(!on_a_terminal(&format!("{arguments} --color=never"), false).contains(ESCAPE), "{arguments}");
    }
}

#[test]
fn a_terminal_gets_colour_unless_it_is_refused() {
    assert!(on_a_terminal("plan", false).contains(ESCAPE));
    assert!(!on_a_terminal("plan", true).contains(ESCAPE));
    assert!(!on_a_terminal("plan --color never", false).contains(ESCAPE));
    assert!(on_a_terminal("plan --color always", true).contains(ESCAPE));
}

#[test]
fn a_pipe_gets_colour_only_where_it_is_asked_for() {
    let sandbox = Sandbox::new();
    assert!(!sandbox.run(&["plan"]).stderr().contains(ESCAPE));
    assert!(sandbox.run(&["plan", "--color", "always"]).stderr().contains(ESCAPE));
}
