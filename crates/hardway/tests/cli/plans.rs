//! Plans that are narrowed or saved: what is refused before any machine is asked.

use crate::network::Network;
use crate::sandbox::{SPEC, Sandbox};

/// A saved plan of nothing, narrowed to `only`.
fn saved(cluster: &str, only: &str) -> String {
    format!(
        "{{\"formatVersion\": 1, \"hardway\": \"0.1.0\", \"cluster\": \"{cluster}\", \
         \"created\": \"2026-11-23T20:00:00Z\", \"only\": [\"{only}\"], \
         \"inputs\": {{\"spec\": \"\", \"keys\": {{}}, \"components\": {{}}}}, \"stages\": []}}"
    )
}

#[test]
fn a_machine_that_the_spec_does_not_have_is_told_with_the_nearest() {
    for command in ["plan", "apply"] {
        let sandbox = Sandbox::with_spec(SPEC);
        let ran = sandbox.run(&[command, "--only", "w1,cp2"]);
        assert_eq!(ran.code(), 2, "{ran}");
        insta::allow_duplicates! { insta::assert_snapshot!(ran.stderr(), @r"
        error: no machine is called cp2
          help: did you mean `cp1`?
        ") };
        assert_eq!(sandbox.names(), ["cluster.yaml"]);
    }
}

#[test]
fn a_role_that_no_machine_has_is_told_with_those_there_are() {
    let ran = Sandbox::with_spec(SPEC).run(&["plan", "--only-role", "etcd"]);
    insta::assert_snapshot!(ran.to_string(), @r"
    $ hardway plan --only-role etcd
    stderr:
        error: no machine has the role etcd
          help: this cluster's machines have load-balancer, control-plane, worker
    exit code 2
    ");
    let ran = Sandbox::with_spec(SPEC).run(&["plan", "--only-role", "workers"]);
    insta::assert_snapshot!(ran.to_string(), @r"
    $ hardway plan --only-role workers
    stderr:
        error: invalid value 'workers' for '--only-role <ROLE,…>'
          [possible values: load-balancer, control-plane, etcd, worker]

          tip: a similar value exists: 'worker'

        For more information, try '--help'.
    exit code 2
    ");
}

#[test]
fn a_file_that_is_no_plan_of_this_cluster_is_refused() {
    let whole = saved("test", "w1");
    for (text, cause) in [
        (String::new(), "it is not a saved plan"),
        (whole[..60].to_owned(), "it is not a saved plan"),
        ("apiVersion: v1".to_owned(), "it is not a saved plan"),
        (
            whole.replace("\"formatVersion\": 1", "\"formatVersion\": 9"),
            "it has format version 9; this hardway reads 1",
        ),
        (saved("prod", "w1"), "it is a plan for the cluster \"prod\", not for \"test\""),
    ] {
        let sandbox = Sandbox::with_spec(SPEC);
        sandbox.write("change.json", &text);
        let ran = sandbox.run(&["apply", "change.json"]);
        assert_eq!(ran.code(), 2, "{ran}");
        let said = format!("error: cannot use the plan in change.json\n  because {cause}\n");
        assert!(ran.stderr().starts_with(&said), "{ran}");
        assert!(ran.stderr().ends_with("  help: `hardway plan --out change.json` makes one\n"), "{ran}");
    }
}

#[test]
fn a_plan_that_is_not_there_is_named() {
    let ran = Sandbox::with_spec(SPEC).run(&["apply", "change.json"]);
    insta::assert_snapshot!(ran.to_string(), @r"
    $ hardway apply change.json
    stderr:
        error: cannot use the plan in change.json
          because No such file or directory (os error 2)
          help: `hardway plan --out change.json` makes one
    exit code 2
    ");
}

#[test]
fn a_plan_for_a_machine_that_left_the_spec_is_out_of_date() {
    let sandbox = Sandbox::with_spec(SPEC);
    sandbox.write("change.json", &saved("test", "w9"));
    let ran = sandbox.run(&["apply", "change.json"]);
    insta::assert_snapshot!(ran.to_string(), @r"
    $ hardway apply change.json
    stderr:
        error: nothing was done: change.json is no longer what would happen
          cluster.yaml changed since
          help: look at it anew: `hardway plan --out change.json`
    exit code 2
    ");
}

#[test]
fn a_saved_plan_is_not_narrowed_further() {
    let ran = Sandbox::with_spec(SPEC).run(&["apply", "change.json", "--only", "w1"]);
    assert_eq!(ran.code(), 2, "{ran}");
    assert!(ran.stderr().contains("cannot be used with"), "{ran}");
}

#[test]
fn a_plan_without_an_out_leaves_the_workspace_alone() {
    let network = Network::new();
    for command in ["plan", "verify", "status"] {
        let sandbox = Sandbox::with_spec(SPEC);
        assert_eq!(network.run(&sandbox, &["-q", command]).code(), 1);
        assert_eq!(sandbox.names(), ["cluster.yaml"], "after {command}");
    }
}
