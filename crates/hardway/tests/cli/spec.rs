//! Specs with problems: exit code 2, every problem with its place, nothing touched.

use crate::sandbox::{SPEC, Sandbox};

/// The valid spec with one text in place of another.
fn with(old: &str, new: &str) -> String {
    assert!(SPEC.contains(old), "{old}");
    SPEC.replace(old, new)
}

fn bad_specs() -> Vec<(&'static str, String)> {
    vec![
        ("malformed", with("metadata: {name: test}", "metadata: {name: test")),
        ("unknown-field", with("spec:\n", "spec:\n  endpont: k8s.example.com\n")),
        ("missing-field", with("metadata: {name: test}\n", "")),
        ("duplicate-field", with("kind: Cluster\n", "kind: Cluster\nkind: Cluster\n")),
        ("wrong-type", with("spec:\n", "spec:\n  ssh: {port: many}\n")),
        ("unknown-role", with("[worker]", "[wroker]")),
        ("bad-range", with("spec:\n", "spec:\n  network: {pods: 10.200.0.0/33, services: 10.32.0.7/24}\n")),
        ("overlap", with("spec:\n", "spec:\n  network: {pods: 192.0.0.0/16, services: 192.0.4.0/24, dns: 10.0.0.1}\n")),
        ("duplicate-machines", with("name: w1,  address: 192.0.2.21", "name: cp1, address: 192.0.2.11")),
        ("bad-address", with("192.0.2.21", "192.0.2.321")),
        ("loopback", with("192.0.2.21", "127.0.0.1")),
        ("no-control-plane", with("[control-plane]", "[worker]")),
        ("no-machines", SPEC.split("  machines").next().unwrap().to_owned() + "  machines: []\n"),
        ("unsupported-version", with("spec:\n", "spec:\n  kubernetes: {version: 1.30.0}\n")),
        ("empty", String::new()),
    ]
}

#[test]
fn every_problem_is_named_with_its_place() {
    for (name, spec) in bad_specs() {
        let sandbox = Sandbox::with_spec(&spec);
        let ran = sandbox.run(&["validate"]);
        assert_eq!(ran.code(), 2, "{ran}");
        assert!(ran.stderr().starts_with("cluster.yaml:"), "{ran}");
        assert_eq!(ran.stdout(), "");
        assert_eq!(sandbox.names(), ["cluster.yaml"]);
        insta::assert_snapshot!(format!("spec-{name}"), ran.stderr());
    }
}

#[test]
fn no_command_touches_anything_with_a_bad_spec() {
    for (_, spec) in bad_specs() {
        for arguments in [&["plan"][..], &["apply", "--yes"], &["verify"], &["status"], &["export", "out"], &["reset"]]
        {
            let sandbox = Sandbox::with_spec(&spec);
            let ran = sandbox.run(arguments);
            assert_eq!(ran.code(), 2, "{ran}");
            assert_eq!(sandbox.names(), ["cluster.yaml"], "{ran}");
        }
    }
}

#[test]
fn all_problems_are_told_at_once() {
    let spec = with("spec:\n", "spec:\n  kubernetes: {version: 2.0.0}\n  network: {pods: 10.0.0.0/30}\n  shh: {}\n");
    let ran = Sandbox::with_spec(&spec).run(&["validate"]);
    assert!(ran.stderr().ends_with("3 problems in cluster.yaml\n"), "{ran}");
}

#[test]
fn a_valid_spec_is_told_so() {
    let ran = Sandbox::with_spec(SPEC).run(&["validate"]);
    insta::assert_snapshot!(ran.to_string(), @r"
    $ hardway validate
    stderr:
        [SANDBOX]/work/cluster.yaml is valid: 3 machines
    exit code 0
    ");
}

#[test]
fn programs_read_problems_as_json() {
    let spec = with("spec:\n", "spec:\n  endpont: k8s.example.com\n");
    let ran = Sandbox::with_spec(&spec).run(&["validate", "-o", "json"]);
    insta::assert_snapshot!(ran.to_string(), @r#"
    $ hardway validate -o json
    stdout:
        {
          "file": "cluster.yaml",
          "problems": [
            {
              "line": 5,
              "column": 3,
              "width": 7,
              "path": "spec",
              "message": "there is no field `endpont` here",
              "help": "did you mean `endpoint`?"
            }
          ]
        }
    exit code 2
    "#);
    let ran = Sandbox::with_spec(SPEC).run(&["validate", "-o", "json"]);
    insta::assert_snapshot!(ran.to_string(), @r#"
    $ hardway validate -o json
    stdout:
        {
          "file": "[SANDBOX]/work/cluster.yaml",
          "problems": []
        }
    exit code 0
    "#);
}

#[test]
fn the_schema_is_json() {
    let ran = Sandbox::new().run(&["validate", "--schema"]);
    assert_eq!(ran.code(), 0);
    let schema: serde_json::Value = serde_json::from_str(&ran.stdout()).unwrap();
    assert!(schema["properties"]["spec"].is_object());
}
