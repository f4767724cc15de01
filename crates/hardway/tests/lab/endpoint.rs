//! The endpoint moves: to a load balancer that comes later, and to another name, with nobody cut off in between.

use crate::support::LabWorkspace;

const NEW_NAME: &str = "moved.hardway.test";

#[test]
fn the_endpoint_moves_to_a_load_balancer_and_to_another_name() {
    let lab = LabWorkspace::new("hardway-endpoint");
    lab.ok(&["lab", "up", "--machines-only"]);
    let with_balancer = lab.spec();
    let is_balancer = |line: &&str| line.contains("load-balancer") && line.contains("{name:");
    let balancer = with_balancer.lines().find(is_balancer).expect("the lab has a load balancer");
    lab.write_spec(&with_balancer.replace(&format!("{balancer}\n"), ""));
    lab.ok(&["apply", "--yes"]);

    let old_name = field(&with_balancer, "endpoint: ");
    let address = field(balancer, "address: ");
    lab.write_spec(&with_balancer.replace(&format!("endpoint: {old_name}"), &format!("endpoint: {NEW_NAME}")));
    let (code, said) = lab.refused(&["apply", "--yes"]);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains(&format!("still answers to {old_name}")), "{said}");
    for name in [&old_name, NEW_NAME] {
        assert!(answers(&lab, &address, name), "the API does not answer to {name}");
    }
    let hosts = lab.ok(&["ssh", "w1", "--", "cat", "/etc/hosts"]);
    let line = hosts.lines().find(|line| line.starts_with(&address)).expect("the load balancer has a line");
    assert!(line.contains(&old_name) && line.contains(NEW_NAME), "{line}");
    lab.nothing_is_left_to_do();
    // The operator's machine learns the new name.
    lab.ok(&["lab", "up", "--machines-only"]);
    lab.ok(&["verify"]);

    lab.ok(&["apply", "--yes", "--finish"]);
    assert!(answers(&lab, &address, NEW_NAME));
    assert!(!answers(&lab, &address, &old_name), "the former name is still in the certificate");
    lab.nothing_is_left_to_do();
    lab.ok(&["lab", "down"]);
}

/// What stands behind `key`, up to the end of the word.
fn field(text: &str, key: &str) -> String {
    let rest = text.split(key).nth(1).unwrap_or_else(|| panic!("there is no `{key}` in {text}"));
    rest.chars().take_while(|c| c.is_alphanumeric() || "-.".contains(*c)).collect()
}

/// Whether kubectl trusts the API at `address` under this name.
fn answers(lab: &LabWorkspace, address: &str, name: &str) -> bool {
    let server = format!("--server=https://{address}:6443");
    let name = format!("--tls-server-name={name}");
    lab.run(&["kubectl", "--", &server, &name, "get", "--raw", "/readyz"]).0 == 0
}
