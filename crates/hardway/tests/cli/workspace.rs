//! Workspaces that are missing, in use or not ready, and what needs root.

use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use hardway_workspace::{Holder, Workspace};
use jiff::Timestamp;

use crate::sandbox::{BINARY, SPEC, Sandbox};

#[test]
fn without_a_workspace_every_command_says_how_to_begin() {
    for arguments in [
        &["validate"][..],
        &["plan"],
        &["apply"],
        &["verify"],
        &["status"],
        &["runs"],
        &["kubectl", "--", "get", "nodes"],
        &["ssh", "cp1"],
        &["kubeconfig"],
        &["export", "out"],
        &["bundle", "create"],
        &["reset"],
    ] {
        let sandbox = Sandbox::new();
        let ran = sandbox.run(arguments);
        assert_eq!(ran.code(), 2, "{ran}");
        let expected = "error: there is no cluster.yaml in .\n  \
                        help: write one with `hardway init`, or name the workspace with `-C DIR`\n";
        assert_eq!(ran.stderr(), expected, "{ran}");
        assert!(sandbox.names().is_empty());
    }
}

#[test]
fn a_workspace_that_does_not_exist_is_named() {
    let ran = Sandbox::new().run(&["-C", "nowhere", "plan"]);
    insta::assert_snapshot!(ran.to_string(), @r"
    $ hardway -C nowhere plan
    stderr:
        error: there is no cluster.yaml in nowhere
          help: write one with `hardway init`, or name the workspace with `-C DIR`
    exit code 2
    ");
}

#[test]
fn init_writes_a_valid_spec_once() {
    let sandbox = Sandbox::new();
    let ran = sandbox.run(&["init"]);
    insta::assert_snapshot!(ran.to_string(), @r"
    $ hardway init
    stderr:
        wrote [SANDBOX]/work/cluster.yaml
        put your machines' addresses in it, then run `hardway validate`, then `hardway apply`
    exit code 0
    ");
    assert_eq!(sandbox.names(), [".gitignore", "cluster.yaml"]);
    assert_eq!(sandbox.run(&["validate"]).code(), 0);

    sandbox.write("cluster.yaml", SPEC);
    let ran = sandbox.run(&["init", "--name", "other"]);
    insta::assert_snapshot!(ran.to_string(), @r"
    $ hardway init --name other
    stderr:
        error: ./cluster.yaml exists already
          help: edit ./cluster.yaml, or name another workspace with `-C DIR`
    exit code 2
    ");
    assert_eq!(sandbox.read("cluster.yaml"), SPEC);
}

#[test]
fn init_takes_machines_from_the_command_line() {
    let sandbox = Sandbox::new();
    let machines = ["--load-balancer", "lb=10.0.0.10", "--control-plane", "cp1=10.0.0.11", "--worker", "w1=10.0.0.21"];
    let ran = sandbox.run(&[&["-C", "prod", "init", "--name", "prod"][..], &machines].concat());
    insta::assert_snapshot!(ran.to_string(), @r"
    $ hardway -C prod init --name prod --load-balancer lb=10.0.0.10 --control-plane cp1=10.0.0.11 --worker w1=10.0.0.21
    stderr:
        wrote [SANDBOX]/work/prod/cluster.yaml
        next: `hardway validate`, then `hardway apply`
    exit code 0
    ");
    let spec = sandbox.read("prod/cluster.yaml");
    assert!(spec.contains("- {name: cp1, address: 10.0.0.11, roles: [control-plane]}"), "{spec}");
    assert_eq!(sandbox.run(&["-C", "prod", "validate"]).code(), 0);
}

#[test]
fn init_refuses_machines_that_cannot_be() {
    for (name, machine) in [
        ("no-address", &["--control-plane", "cp1"][..]),
        ("not-an-address", &["--control-plane", "cp1=example.com"]),
        ("bad-name", &["--control-plane", "CP_1=10.0.0.11"]),
        ("no-control-plane", &["--worker", "w1=10.0.0.21"]),
    ] {
        let sandbox = Sandbox::new();
        let ran = sandbox.run(&[&["init"][..], machine].concat());
        assert_eq!(ran.code(), 2, "{ran}");
        assert!(sandbox.names().is_empty(), "{ran}");
        insta::assert_snapshot!(format!("init-{name}"), ran.to_string());
    }
}

#[test]
fn ssh_to_an_unknown_machine_lists_the_known_ones() {
    let ran = Sandbox::with_spec(SPEC).run(&["ssh", "cp2"]);
    insta::assert_snapshot!(ran.to_string(), @r"
    $ hardway ssh cp2
    stderr:
        error: no machine is called cp2
          help: the machines are lb, cp1, w1
    exit code 2
    ");
}

#[test]
fn kubectl_before_apply_says_so() {
    let ran = Sandbox::with_spec(SPEC).run(&["kubectl", "--", "get", "nodes"]);
    insta::assert_snapshot!(ran.to_string(), @r"
    $ hardway kubectl -- get nodes
    stderr:
        error: there is no [SANDBOX]/work/configs/admin/admin-remote.kubeconfig yet
          help: run `hardway apply` first
    exit code 2
    ");
}

#[test]
fn kubeconfig_needs_no_machine() {
    let sandbox = Sandbox::with_spec(SPEC);
    let ran = sandbox.run(&["-q", "kubeconfig"]);
    insta::assert_snapshot!(ran.to_string(), @r"
    $ hardway -q kubeconfig
    stdout:
        [SANDBOX]/work/configs/admin/admin-remote.kubeconfig
    exit code 0
    ");
    let kubeconfig = sandbox.work().join("configs/admin/admin-remote.kubeconfig");
    assert_eq!(std::fs::metadata(&kubeconfig).unwrap().permissions().mode() & 0o777, 0o600);

    let ran = sandbox.run(&["-q", "kubeconfig", "--merge", "own"]);
    assert_eq!(ran.code(), 0, "{ran}");
    assert!(sandbox.read("own").contains("current-context: test"));
}

#[test]
fn an_export_goes_to_a_new_folder() {
    let sandbox = Sandbox::with_spec(SPEC);
    sandbox.write("out/notes.txt", "mine");
    let ran = sandbox.run(&["export", "out"]);
    insta::assert_snapshot!(ran.to_string(), @r"
    $ hardway export out
    stderr:
        error: out is not empty
          help: name a new folder
    exit code 2
    ");
    assert_eq!(sandbox.read("out/notes.txt"), "mine");
}

#[test]
fn a_workspace_in_use_says_who_has_it_since_when() {
    let sandbox = Sandbox::with_spec(SPEC);
    let workspace = Workspace::open(&sandbox.work()).unwrap();
    let since: Timestamp = "2026-11-23T17:00:00Z".parse().unwrap();
    let holder = Holder {
        command: "hardway apply".to_owned(),
        user: "ada".to_owned(),
        host: "desk".to_owned(),
        process: 7,
        since,
    };
    let _lock = workspace.lock(&holder).unwrap();
    for arguments in [&["apply", "--yes"][..], &["reset", "--yes"]] {
        let ran = sandbox.run(arguments);
        assert_eq!(ran.code(), 2, "{ran}");
        let expected = "by ada's `hardway apply` (process 7 on desk) since 2026-11-23T17:00:00Z";
        assert!(ran.stderr().contains(expected), "{ran}");
        assert!(ran.stderr().contains("help: wait until it is done"), "{ran}");
    }
}

#[test]
fn commands_of_a_lab_without_one_say_how_to_begin() {
    let sandbox = Sandbox::new();
    insta::assert_snapshot!(sandbox.run(&["lab", "status"]).to_string(), @r"
    $ hardway lab status
    stderr:
        there is no lab here; `hardway lab up` makes one
    exit code 0
    ");
    let json: serde_json::Value =
        serde_json::from_str(&sandbox.run(&["lab", "status", "-o", "json"]).stdout()).unwrap();
    assert_eq!(json, serde_json::json!({"subnet": null, "machines": []}));
    insta::assert_snapshot!(sandbox.run(&["lab", "kill", "cp1"]).to_string(), @r"
    $ hardway lab kill cp1
    stderr:
        error: there is no lab here
          help: `hardway lab up` makes one
    exit code 2
    ");
}

#[test]
fn a_lab_needs_root() {
    let sandbox = Sandbox::new();
    // A copy that anybody may run, wherever the build keeps its own.
    let binary = sandbox.work().join("hardway");
    std::fs::copy(BINARY, &binary).unwrap();
    for folder in [sandbox.work().as_path(), sandbox.work().parent().unwrap()] {
        std::fs::set_permissions(folder, PermissionsExt::from_mode(0o755)).unwrap();
    }
    let mut command: Command = sandbox.program("setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(&binary).args(["lab", "up"]);
    let ran = sandbox.finish(command, &["lab", "up"]);
    insta::assert_snapshot!(ran.to_string(), @r"
    $ hardway lab up
    stderr:
        error: the lab needs root: it makes machines, a bridge and cgroups
          help: run it with sudo
    exit code 2
    ");
    assert_eq!(sandbox.names(), ["hardway"]);
}
