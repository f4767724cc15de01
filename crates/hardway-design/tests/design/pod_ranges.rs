//! In bridge mode every node has a range of its own for pods, which it keeps whoever comes and goes.

use std::collections::BTreeMap;

use hardway_design::{Place, Resource};
use hardway_spec::{Bridge, Cni};

use crate::cluster::{Scenario, plain};

/// cp1, w1 and w2, of which nothing is known yet.
fn bridge() -> Scenario {
    let mut scenario = plain();
    scenario.cluster.spec.network.cni = Cni::Bridge(Bridge {});
    scenario
}

/// What each node's configuration says, as the last byte but one of its range.
fn ranges(scenario: &Scenario) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for group in &scenario.design().groups {
        let Place::Machine(machine) = &group.id.place else { continue };
        for resource in &group.resources {
            if let Resource::File(file) = resource
                && file.path.ends_with("10-bridge.conflist")
            {
                let text = String::from_utf8_lossy(file.content.bytes());
                let range = text.split("\"subnet\": \"10.200.").nth(1).and_then(|rest| rest.split('.').next());
                found.insert(machine.to_string(), range.expect("it has a range").to_owned());
            }
        }
    }
    found
}

fn expected(ranges: &[(&str, &str)]) -> BTreeMap<String, String> {
    ranges.iter().map(|(machine, range)| ((*machine).to_owned(), (*range).to_owned())).collect()
}

/// As if the machine had been given this range.
fn has(scenario: &mut Scenario, machine: &str, range: u8) {
    let facts = scenario.facts.get_mut(&machine.into()).unwrap();
    facts.pods = Some(format!("10.200.{range}.0/24").parse().unwrap());
}

fn without(scenario: &mut Scenario, machine: &str) {
    scenario.cluster.spec.machines.retain(|other| other.name.as_str() != machine);
}

#[test]
fn new_nodes_have_theirs_in_the_specs_order() {
    assert_eq!(ranges(&bridge()), expected(&[("cp1", "0"), ("w1", "1"), ("w2", "2")]));
}

#[test]
fn those_that_stay_keep_theirs_when_one_has_left() {
    let mut scenario = bridge();
    for (machine, range) in [("cp1", 0), ("w1", 1), ("w2", 2)] {
        has(&mut scenario, machine, range);
    }
    without(&mut scenario, "w1");
    assert_eq!(ranges(&scenario), expected(&[("cp1", "0"), ("w2", "2")]));
}

#[test]
fn a_new_node_gets_one_that_nobody_has() {
    let mut scenario = bridge();
    has(&mut scenario, "cp1", 2);
    has(&mut scenario, "w2", 0);
    assert_eq!(ranges(&scenario), expected(&[("cp1", "2"), ("w1", "1"), ("w2", "0")]));
}

#[test]
fn of_one_that_cannot_be_asked_the_others_routes_tell() {
    let mut scenario = bridge();
    has(&mut scenario, "cp1", 0);
    let w2 = scenario.cluster.machine("w2").unwrap().address;
    let gone = [172, 30, 1, 99].into();
    let facts = scenario.facts.get_mut(&"cp1".into()).unwrap();
    facts.pod_routes = vec![("10.200.1.0/24".parse().unwrap(), w2), ("10.200.2.0/24".parse().unwrap(), gone)];
    // Nor is one given out again whose node is on its way out.
    assert_eq!(ranges(&scenario), expected(&[("cp1", "0"), ("w1", "3"), ("w2", "1")]));
}

#[test]
fn another_range_of_pods_is_given_out_anew() {
    let mut scenario = bridge();
    scenario.facts.get_mut(&"w1".into()).unwrap().pods = Some("10.99.7.0/24".parse().unwrap());
    assert_eq!(ranges(&scenario)["w1"], "1");
}
