//! etcd without a quorum: two of three members have lost their data, and the third one's become everybody's.

use serde_json::Value;

use crate::support::LabWorkspace;

/// `lab` has three control planes, all well.
pub(crate) fn a_lost_quorum_is_recovered(lab: &LabWorkspace) {
    let (code, said) = lab.refused(&["etcd", "recover", "--yes"]);
    assert_eq!(code, 2, "{said}");
    assert!(said.contains("etcd has a quorum"), "{said}");

    lab.kubectl(&["-n", "default", "create", "secret", "generic", "kept", "--from-literal=word=still-there"]);
    let before = revision(lab);
    for machine in ["cp2", "cp3"] {
        lab.ssh(machine, "systemctl stop etcd && rm -rf /var/lib/etcd/member");
    }
    let (code, said) = lab.refused(&["apply", "--yes"]);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("hardway etcd recover"), "{said}");
    // Nobody is there to be asked.
    let (code, said) = lab.refused(&["etcd", "recover"]);
    assert_eq!(code, 2, "{said}");
    assert!(said.contains("--yes"), "{said}");

    let (code, said) = lab.run(&["etcd", "recover", "--yes", "-o", "json"]);
    assert_eq!(code, 0, "{said}");
    let shown: Value = serde_json::from_str(said.lines().next().expect("it says what is left")).expect("in JSON");
    assert_eq!(shown["source"], "cp1");
    let states: Vec<&str> =
        shown["members"].as_array().expect("a list").iter().filter_map(|member| member["state"].as_str()).collect();
    assert_eq!(states, ["there", "lost", "lost"]);
    assert_eq!(shown["losses"].as_array().map(Vec::len), Some(1), "{shown}");

    for machine in ["cp1", "cp2", "cp3"] {
        assert_eq!(lab.voters(machine), ["cp1", "cp2", "cp3"]);
    }
    let word = lab.kubectl(&["-n", "default", "get", "secret", "kept", "-o", "jsonpath={.data.word}"]);
    assert_eq!(word, "c3RpbGwtdGhlcmU=");
    assert!(revision(lab) > before + 900_000_000, "clients must not take new revisions for those that they know");
    lab.nothing_is_left_to_do();
    lab.eventually(&["verify"]);
    lab.ssh("cp1", "rm -r /var/lib/etcd/before-*");
}

/// The newest change that the API knows of.
fn revision(lab: &LabWorkspace) -> u64 {
    let raw = lab.kubectl(&["get", "--raw", "/api/v1/namespaces/default/secrets?limit=1"]);
    let raw: Value = serde_json::from_str(&raw).expect("the API answers in JSON");
    raw["metadata"]["resourceVersion"].as_str().and_then(|text| text.parse().ok()).expect("a list has a revision")
}
