//! Help of every command, and what a wrong command line gets.

use crate::sandbox::Sandbox;

/// Every command, as it is typed.
const COMMANDS: [&str; 29] = [
    "",
    "init",
    "validate",
    "plan",
    "apply",
    "verify",
    "status",
    "runs",
    "runs show",
    "kubectl",
    "ssh",
    "kubeconfig",
    "etcd",
    "etcd recover",
    "export",
    "bundle",
    "bundle create",
    "bundle inspect",
    "bundle verify",
    "reset",
    "lab",
    "lab up",
    "lab down",
    "lab status",
    "lock",
    "lab stop",
    "lab kill",
    "lab start",
    "completions",
];

fn arguments<'a>(command: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    command.split_whitespace().chain(more.iter().copied()).collect()
}

#[test]
fn every_command_explains_itself() {
    let sandbox = Sandbox::new();
    for command in COMMANDS {
        let ran = sandbox.run(&arguments(command, &["--help"]));
        assert_eq!(ran.code(), 0, "{ran}");
        let name = format!("help {command}").trim().replace(' ', "-");
        insta::assert_snapshot!(name, ran.stdout());
    }
}

#[test]
fn no_command_is_missing_from_the_list() {
    let help = Sandbox::new().run(&["-h"]).stdout();
    let listed = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let mut listed: Vec<&str> = listed.filter_map(|line| line.split_whitespace().next()).collect();
    listed.retain(|name| *name != "help");
    let mut known: Vec<&str> = COMMANDS.into_iter().filter(|name| !name.is_empty() && !name.contains(' ')).collect();
    listed.sort_unstable();
    known.sort_unstable();
    assert_eq!(listed, known);
}

#[test]
fn short_help_is_shorter() {
    let sandbox = Sandbox::new();
    for command in COMMANDS {
        let length = |flag| sandbox.run(&arguments(command, &[flag])).stdout().lines().count();
        assert!(length("-h") < length("--help"), "{command}");
    }
}

#[test]
fn a_wrong_command_line_says_what_is_close() {
    let sandbox = Sandbox::new();
    for (name, arguments) in [
        ("unknown-command", &["aply"][..]),
        ("unknown-option", &["apply", "--ye"]),
        ("quiet-and-verbose", &["-q", "-v", "apply"]),
        ("bad-output", &["-o", "yaml", "status"]),
        ("too-many-control-planes", &["lab", "up", "--control-planes", "6"]),
        ("no-connections", &["apply", "--connections", "0"]),
        ("missing-argument", &["export"]),
    ] {
        let ran = sandbox.run(arguments);
        assert_eq!(ran.code(), 2, "{ran}");
        insta::assert_snapshot!(format!("usage-{name}"), ran.to_string());
    }
}

#[test]
fn completions_know_the_commands() {
    let ran = Sandbox::new().run(&["completions", "bash"]);
    assert_eq!(ran.code(), 0, "{ran}");
    assert_eq!(ran.stderr(), "");
    for word in ["kubeconfig", "--workspace", "--control-planes"] {
        assert!(ran.stdout().contains(word), "{word}");
    }
    let checked = std::process::Command::new("bash").args(["-n", "-c", &ran.stdout()]).status().unwrap();
    assert!(checked.success());
}
