//! What plans are refused for: each rule bites, and an ordinary plan passes them all.

use std::collections::BTreeSet;

use hardway_design::landmarks;
use hardway_design::{EncryptionKey, Resource};
use hardway_pki::{Bundle, FormerNames, Identity, complete};
use hardway_plan::{Finding, Plan, RULES, Selection, Sight, lint, narrow, plan};
use hardway_spec::{MachineName, Role};

use crate::example::{CLUSTER, Example, make_stale, plan_between, stop, tamper};

const ETCD: &str = "etcd.service";
const API: &str = "kube-apiserver.service";

fn findings(example: &Example, sight: &Sight, change: impl FnOnce(Plan) -> Plan) -> Vec<Finding> {
    let design = example.design();
    let plan = change(plan(CLUSTER, &design, sight).unwrap());
    assert!(!plan.is_empty(), "a plan that does nothing is found harmless by every rule");
    lint(CLUSTER, &design, sight, &plan).unwrap()
}

fn found(example: &Example, sight: &Sight, change: impl FnOnce(Plan) -> Plan) -> Vec<String> {
    let name = |machine: &MachineName| machine.to_string();
    findings(example, sight, change)
        .iter()
        .map(|finding| {
            let machines: Vec<String> = finding.machines.iter().map(name).collect();
            format!("{} {}", finding.rule, machines.join(" "))
        })
        .collect()
}

fn whole(plan: Plan) -> Plan {
    plan
}

fn only<'a>(example: &'a Example, names: &'a [&str]) -> impl FnOnce(Plan) -> Plan + 'a {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    move |plan| narrow(plan, &Selection::new(&example.cluster, &names, &[]).unwrap()).0
}

/// As a planner would that knows of no other machines.
fn without_edges_between_machines(mut plan: Plan) -> Plan {
    for stage in &mut plan.stages {
        let own = stage.id.place.clone();
        stage.after.retain(|after| after.place == own);
    }
    plan
}

/// The same workspace, all keys in it new.
fn with_new_keys(example: &Example) -> Example {
    let mut other = example.clone();
    other.bundle = Bundle::default();
    complete(&other.cluster, &mut other.bundle, FormerNames::Kept, "2026-01-01T00:00:00Z".parse().unwrap()).unwrap();
    other
}

#[test]
fn what_rules_look_for_is_in_every_design() {
    let example = Example::large();
    let design = example.design();
    let resources = || design.groups.iter().flat_map(|group| &group.resources);
    let files: BTreeSet<&str> = resources()
        .filter_map(|resource| match resource {
            Resource::File(file) => Some(file.path.as_str()),
            _ => None,
        })
        .collect();
    let units: BTreeSet<&str> = resources()
        .filter_map(|resource| match resource {
            Resource::Unit(unit) => Some(unit.name.as_str()),
            _ => None,
        })
        .collect();
    for unit in [landmarks::ETCD, landmarks::KUBE_APISERVER, landmarks::HAPROXY] {
        assert!(units.contains(unit), "{unit}");
    }
    let authorities = landmarks::AUTHORITIES.iter().flat_map(|authority| authority.paths.iter().copied());
    let others = [landmarks::ENCRYPTION_CONFIG, landmarks::SERVICE_ACCOUNT_KEY, landmarks::SELF_SIGNED];
    for path in authorities.chain(others) {
        assert!(files.contains(path), "{path}");
    }
    // Every authority's certificate that any machine holds is looked for.
    for authority in &landmarks::AUTHORITIES {
        let certificate = example.bundle.get(&authority.identity).unwrap().certificate.as_bytes();
        for resource in resources() {
            if let Resource::File(file) = resource
                && file.content.bytes() == certificate
            {
                assert!(authority.paths.contains(&file.path.as_str()), "{} holds {}", file.path, authority.name);
            }
        }
    }
}

#[test]
fn ordinary_plans_pass() {
    let example = Example::large();
    let mut bare = example.applied();
    bare.machines.values_mut().for_each(|observed| *observed = Default::default());
    bare.cluster = None;
    assert_eq!(found(&example, &bare, whole), [""; 0], "a first apply");

    let mut stale = example.applied();
    for machine in ["cp1", "cp2", "cp3"] {
        make_stale(&mut stale, machine, ETCD);
        make_stale(&mut stale, machine, API);
    }
    stop(&mut stale, "cp2", ETCD);
    stop(&mut stale, "cp2", API);
    assert_eq!(found(&example, &stale, whole), [""; 0], "restarts");

    let mut drift = example.applied();
    tamper(&mut drift, "cp1", "/etc/kubernetes/pki/ca.pem");
    tamper(&mut drift, "cp1", "/etc/kubernetes/pki/service-account-key.pem");
    tamper(&mut drift, "cp2", "/etc/etcd/pki/server.pem");
    tamper(&mut drift, "w1", "/var/lib/kubelet/pki/kubelet.pem");
    assert_eq!(found(&example, &drift, whole), [""; 0], "drift");

    let small = Example::small();
    let mut alone = small.applied();
    for (machine, unit) in [("cp1", ETCD), ("cp1", API), ("lb", "haproxy.service")] {
        make_stale(&mut alone, machine, unit);
    }
    assert_eq!(found(&small, &alone, whole), [""; 0], "a single one of each can only be away");

    let renewed = small.changed(|cluster| cluster.spec.pki.subject.country = "DE".to_owned());
    let design = renewed.design();
    let plan = plan_between(&small, &renewed).unwrap();
    assert!(plan.step_count() > 20, "every certificate is written");
    assert_eq!(lint(CLUSTER, &design, &small.applied(), &plan).unwrap(), []);
}

#[test]
fn an_encryption_key_on_machines_is_not_overwritten() {
    let example = Example::large();
    let mut sight = example.applied();
    tamper(&mut sight, "cp2", landmarks::ENCRYPTION_CONFIG);
    assert_eq!(found(&example, &sight, whole), ["encryption-key cp2"]);

    let mut other = example.clone();
    other.encryption_key = EncryptionKey::from_bytes(&[8; 32]);
    assert_eq!(found(&other, &example.applied(), whole), ["encryption-key cp1 cp2 cp3"]);
    assert_eq!(found(&other, &example.applied(), only(&other, &["cp1"])), ["encryption-key cp1 cp2 cp3"]);
    // Elsewhere nobody reads or writes Secrets.
    let mut elsewhere = example.applied();
    make_stale(&mut elsewhere, "w1", "kubelet.service");
    assert_eq!(found(&other, &elsewhere, only(&other, &["w1"])), [""; 0]);
}

#[test]
fn a_deleted_encryption_config_comes_back_with_the_same_key_alone() {
    let example = Example::large();
    let id = hardway_design::ResourceId(format!("file:{}", landmarks::ENCRYPTION_CONFIG));
    let mut sight = example.applied();
    sight.machines.values_mut().for_each(|observed| _ = observed.resources.remove(&id));
    assert_eq!(found(&example, &sight, whole), [""; 0]);
    let mut other = example.clone();
    other.encryption_key = EncryptionKey::from_bytes(&[8; 32]);
    assert_eq!(found(&other, &sight, whole), ["encryption-key cp1 cp2 cp3"]);
}

#[test]
fn another_authority_than_machines_were_given_is_refused() {
    let example = Example::large();
    let replaced = with_new_keys(&example);
    assert_eq!(
        found(&replaced, &example.applied(), whole),
        [
            "authority cp1 cp2 cp3 lb w1 w2",
            "authority cp1 cp2 cp3 w1 w2",
            "authority cp1 cp2 cp3",
            "service-account-key cp1 cp2 cp3",
            // They can only restart together, having nobody to trust meanwhile.
            "etcd-quorum cp1 cp2 cp3",
        ]
    );
}

#[test]
fn a_key_for_tokens_that_was_replaced_is_refused() {
    let example = Example::small();
    let mut replaced = example.clone();
    let pair = with_new_keys(&example).bundle.get(&Identity::ServiceAccount).unwrap().clone();
    replaced.bundle.key_pairs.get_mut(&Identity::ServiceAccount).unwrap().key = pair.key;
    assert_eq!(found(&replaced, &example.applied(), whole), ["service-account-key cp1"]);
}

#[test]
fn a_certificate_that_nobody_trusts_is_refused() {
    let example = Example::large();
    let mut strange = example.clone();
    let pair = with_new_keys(&example).bundle.get(&Identity::ApiServer).unwrap().clone();
    strange.bundle.key_pairs.insert(Identity::ApiServer, pair);
    assert_eq!(found(&strange, &example.applied(), whole), ["certificate-trust cp1 cp2 cp3"]);
}

#[test]
fn certificates_of_an_authority_that_peers_lack_are_refused() {
    let example = Example::large();
    let replaced = with_new_keys(&example);
    let found = found(&replaced, &example.applied(), only(&replaced, &["w1"]));
    // The worker's kubelet would show the API servers a certificate that they don't trust.
    assert!(found.contains(&"certificate-trust cp1 cp2 cp3 lb".to_owned()), "{found:?}");
}

#[test]
fn members_of_etcd_do_not_restart_together() {
    let example = Example::large();
    let mut sight = example.applied();
    make_stale(&mut sight, "cp1", ETCD);
    make_stale(&mut sight, "cp3", ETCD);
    assert_eq!(found(&example, &sight, without_edges_between_machines), ["etcd-quorum cp1 cp3"]);
}

#[test]
fn a_member_that_stays_down_keeps_the_others_from_restarting() {
    let example = Example::large();
    let mut sight = example.applied();
    stop(&mut sight, "cp3", ETCD);
    make_stale(&mut sight, "cp1", ETCD);
    assert_eq!(found(&example, &sight, only(&example, &["cp1"])), ["etcd-quorum cp1 cp3"]);
    assert_eq!(found(&example, &sight, only(&example, &["cp1", "cp3"])), [""; 0]);
}

#[test]
fn a_member_keeps_its_role_while_another_is_away() {
    let example = Example::new(&["cp1 control-plane", "e1 etcd", "e2 etcd", "e3 etcd", "w1 worker"]);
    let fewer = example.changed(|cluster| {
        let e2 = cluster.spec.machines.iter_mut().find(|machine| machine.name.as_str() == "e2").unwrap();
        e2.roles = vec![Role::Worker];
    });
    let mut sight = example.applied();
    assert_eq!(found(&fewer, &sight, whole), [""; 0]);
    sight.machines.remove(&"e3".into());
    assert_eq!(found(&fewer, &sight, whole), ["etcd-quorum e2"]);
}

#[test]
fn api_servers_do_not_restart_together() {
    let example = Example::large();
    let mut sight = example.applied();
    for machine in ["cp1", "cp2", "cp3"] {
        make_stale(&mut sight, machine, API);
    }
    assert_eq!(found(&example, &sight, without_edges_between_machines), ["api-servers cp1 cp2 cp3"]);

    let mut sight = example.applied();
    make_stale(&mut sight, "cp1", API);
    stop(&mut sight, "cp2", API);
    stop(&mut sight, "cp3", API);
    assert_eq!(found(&example, &sight, only(&example, &["cp1"])), ["api-servers cp1 cp2 cp3"]);
}

#[test]
fn load_balancers_do_not_restart_together() {
    let example = Example::new(&["lb1 load-balancer", "lb2 load-balancer", "cp1 control-plane", "w1 worker"]);
    let mut sight = example.applied();
    make_stale(&mut sight, "lb1", "haproxy.service");
    make_stale(&mut sight, "lb2", "haproxy.service");
    assert_eq!(found(&example, &sight, without_edges_between_machines), ["load-balancers lb1 lb2"]);
}

#[test]
fn findings_name_what_hurts_and_what_to_do() {
    let example = Example::small();
    let mut sight = example.applied();
    tamper(&mut sight, "cp1", landmarks::ENCRYPTION_CONFIG);
    let finding = &findings(&example, &sight, whole)[0];
    assert!(finding.harm.contains("no Secret that was written with it can be read again"), "{}", finding.harm);
    assert!(finding.help.contains("hardway ssh cp1 -- cat"), "{}", finding.help);
    assert!(!format!("{finding:?}").contains(example.encryption_key.as_base64()));
}

#[test]
fn every_rule_has_a_name_of_its_own() {
    let names: BTreeSet<&str> = RULES.iter().map(|rule| rule.name).collect();
    assert_eq!(names.len(), RULES.len());
}

#[test]
fn a_cluster_that_is_as_it_should_be_has_no_findings() {
    let example = Example::large();
    let (design, sight) = (example.design(), example.applied());
    let plan = plan(CLUSTER, &design, &sight).unwrap();
    assert!(plan.is_empty(), "{:?}", plan.stages.iter().map(|stage| &stage.id).collect::<Vec<_>>());
    assert_eq!(lint(CLUSTER, &design, &sight, &plan).unwrap(), []);
}
