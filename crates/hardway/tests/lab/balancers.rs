//! The way to the API: load balancers that die, and nodes that do not notice.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::{LabWorkspace, host};

/// What the loss of one load balancer may take clients: keepalived's 2 s, and what a busy host is late.
const AWAY: Duration = Duration::from_secs(6);
/// Kubelets renew their leases every 10 s.
const RENEWED_WITHIN: Duration = Duration::from_secs(40);

#[test]
fn load_balancers_share_an_address_and_nodes_need_none() {
    let lab = LabWorkspace::new("hardway-balancers");
    lab.ok(&["lab", "up", "--load-balancers", "2"]);
    lab.nothing_is_left_to_do();

    let holder = holder(&lab).expect("one of them has the address");
    lab.ok(&["lab", "kill", holder]);
    let began = Instant::now();
    while !api_answers(&lab) {
        assert!(began.elapsed() < AWAY, "the endpoint is still away after {AWAY:?}");
    }
    eprintln!("the endpoint answered {:?} after {holder} was killed", began.elapsed());

    let other = if holder == "lb" { "lb2" } else { "lb" };
    lab.ok(&["lab", "kill", other]);
    assert!(!api_answers(&lab), "nobody is left at the endpoint");
    // hardway itself goes past them.
    leases_are_renewed(&lab);
    let nodes = lab.kubectl(&["get", "nodes"]);
    assert!(!nodes.contains("NotReady"), "{nodes}");

    lab.ok(&["lab", "start", "lb"]);
    lab.ok(&["lab", "start", "lb2"]);
    lab.eventually(&["verify"]);
    lab.nothing_is_left_to_do();
}

#[test]
fn a_cluster_without_a_load_balancer() {
    let lab = LabWorkspace::new("hardway-direct");
    lab.ok(&["lab", "up", "--load-balancers", "0", "--workers", "0"]);
    assert!(api_answers(&lab));
    lab.nothing_is_left_to_do();
}

/// Who has the virtual address.
fn holder(lab: &LabWorkspace) -> Option<&'static str> {
    let address = spec_line(lab, "virtualAddress:");
    let shown = |machine: &str| lab.ssh(machine, &format!("ip -oneline address show to {address}"));
    ["lb", "lb2"].into_iter().find(|machine| !shown(machine).trim().is_empty())
}

/// The value of the first line of the spec with this key.
fn spec_line(lab: &LabWorkspace, key: &str) -> String {
    let spec = lab.spec();
    let value = spec.lines().find_map(|line| line.trim().strip_prefix(key));
    value.expect("the spec has it").trim().to_owned()
}

/// As any client, by the endpoint's name.
fn api_answers(lab: &LabWorkspace) -> bool {
    let url = format!("https://{}:6443/readyz", spec_line(lab, "endpoint:"));
    host("curl", &["--silent", "--insecure", "--max-time", "1", &url]) == "ok"
}

fn leases_are_renewed(lab: &LabWorkspace) {
    let before = renewed(lab);
    assert_eq!(before.len(), 2, "{before:?}");
    let end = Instant::now() + RENEWED_WITHIN;
    loop {
        let now = renewed(lab);
        if before.iter().zip(&now).all(|(before, now)| now > before) {
            return;
        }
        assert!(Instant::now() < end, "leases are still {now:?}, and were {before:?}");
    }
}

/// When each kubelet last said that it lives.
fn renewed(lab: &LabWorkspace) -> Vec<String> {
    let (code, text) = lab.run_quietly(&["kubectl", "--", "get", "leases", "-n", "kube-node-lease", "-o", "json"]);
    assert_eq!(code, 0, "{text}");
    let leases: Value = serde_json::from_str(&text).expect("kubectl prints JSON");
    let items = leases["items"].as_array().expect("a list");
    items.iter().map(|lease| lease["spec"]["renewTime"].as_str().unwrap_or_default().to_owned()).collect()
}
