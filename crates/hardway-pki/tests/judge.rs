//! What is missing, what is renewed and what is left alone.

#![allow(clippy::disallowed_methods, reason = "only the crate itself is pure; its tests look at files")]

mod common;

use hardway_pki::{
    AlternativeName, Bundle, FormerNames, Identity, PkiError, Reason, complete, former_names, inspect, missing,
};
use hardway_spec::{Cluster, KeyAlgorithm, Removal, Role};
use jiff::{SignedDuration, Timestamp};

fn days(days: i64) -> SignedDuration {
    SignedDuration::from_hours(days * 24)
}

fn reasons(spec: &Cluster, bundle: &Bundle, now: Timestamp) -> Vec<(String, Reason)> {
    missing(spec, bundle, FormerNames::Kept, now)
        .unwrap()
        .into_iter()
        .map(|it| (it.profile.identity.slug(), it.reason))
        .collect()
}

#[test]
fn a_complete_bundle_misses_nothing() {
    let spec = common::spec();
    let mut bundle = common::bundle(&spec);
    let before = bundle.clone();
    assert_eq!(complete(&spec, &mut bundle, FormerNames::Kept, common::now() + days(290)).unwrap(), []);
    assert_eq!(bundle, before);
}

#[test]
fn a_certificate_is_renewed_once_a_fifth_of_its_lifetime_is_left() {
    let spec = common::spec();
    let bundle = common::bundle(&spec);
    assert_eq!(reasons(&spec, &bundle, common::now() + days(291)), []);
    let due = reasons(&spec, &bundle, common::now() + days(293));
    assert!(due.iter().all(|(_, reason)| matches!(reason, Reason::Expiring { days: 71, .. })), "{due:?}");
    assert!(due.iter().any(|(slug, _)| slug == "admin/admin"));
    assert!(due.iter().all(|(slug, _)| !slug.ends_with("/ca")));
}

#[test]
fn a_certificate_of_one_day_is_not_due_at_once() {
    let mut spec = common::spec();
    spec.spec.pki.validity.leaf_days = 1;
    let bundle = common::bundle(&spec);
    assert_eq!(reasons(&spec, &bundle, common::now()), []);
}

#[test]
fn another_validity_in_the_spec_renews_nothing() {
    let mut spec = common::spec();
    let bundle = common::bundle(&spec);
    spec.spec.pki.validity.leaf_days = 30;
    assert_eq!(reasons(&spec, &bundle, common::now()), []);
}

fn address(text: &str) -> AlternativeName {
    AlternativeName::Address(text.parse().unwrap())
}

#[test]
fn a_load_balancer_that_moved_is_answered_for_at_both_addresses_until_the_change_is_finished() {
    let mut spec = common::spec();
    let mut bundle = common::bundle(&spec);
    let (old, new) = (address("172.30.1.10"), address("172.30.1.12"));
    spec.spec.machines[0].address = "172.30.1.12".parse().unwrap();
    let both = |reason: &Reason| {
        ["api/kubernetes", "load-balancer/api"].map(|slug| (slug.to_owned(), reason.clone())).to_vec()
    };

    let begun = Reason::NamesChanged { added: vec![new], removed: vec![] };
    assert_eq!(reasons(&spec, &bundle, common::now()), both(&begun));
    complete(&spec, &mut bundle, FormerNames::Kept, common::now()).unwrap();
    assert_eq!(reasons(&spec, &bundle, common::now()), []);
    assert_eq!(former_names(&spec, &bundle), std::slice::from_ref(&old));

    let finished = Reason::NamesChanged { added: vec![], removed: vec![old] };
    let issued = complete(&spec, &mut bundle, FormerNames::Dropped, common::now()).unwrap();
    let issued: Vec<_> = issued.into_iter().map(|it| (it.identity.slug(), it.reason)).collect();
    assert_eq!(issued, both(&finished));
    assert_eq!(former_names(&spec, &bundle), []);
}

#[test]
fn the_endpoint_keeps_its_former_name_also_where_the_subject_changes_with_it() {
    let mut spec = common::spec();
    let mut bundle = common::bundle(&spec);
    let old = std::mem::replace(&mut spec.spec.endpoint, "new.hardway.test".to_owned());
    complete(&spec, &mut bundle, FormerNames::Kept, common::now()).unwrap();
    for identity in [Identity::ApiServer, Identity::LoadBalancer] {
        let names = inspect(&bundle.get(&identity).unwrap().certificate).unwrap().names;
        for name in [&old, "new.hardway.test"] {
            assert!(names.contains(&AlternativeName::from(name)), "{identity} lacks {name}: {names:?}");
        }
    }
    let balancer = inspect(&bundle.get(&Identity::LoadBalancer).unwrap().certificate).unwrap();
    assert_eq!(balancer.subject.common_name, "new.hardway.test");
}

#[test]
fn a_member_of_etcd_that_moves_is_one_at_both_addresses_until_the_change_is_finished() {
    let mut spec = common::spec();
    let mut bundle = common::bundle(&spec);
    let machine = spec.spec.machines.iter_mut().find(|machine| machine.roles.contains(&Role::ControlPlane)).unwrap();
    let (name, old) = (machine.name.clone(), AlternativeName::from(machine.address));
    machine.address = "172.30.1.112".parse().unwrap();
    let names = |bundle: &Bundle, identity| inspect(&bundle.get(&identity).unwrap().certificate).unwrap().names;
    for (former, is_kept) in [(FormerNames::Kept, true), (FormerNames::Dropped, false)] {
        complete(&spec, &mut bundle, former, common::now()).unwrap();
        for identity in [Identity::EtcdPeer(name.clone()), Identity::EtcdServer(name.clone())] {
            let names = names(&bundle, identity);
            assert!(names.contains(&address("172.30.1.112")), "{names:?}");
            assert_eq!(names.contains(&old), is_kept, "{names:?}");
        }
    }
}

#[test]
fn a_machine_that_leaves_takes_its_name_with_it() {
    let mut spec = common::spec();
    let mut bundle = common::bundle(&spec);
    let control_plane = spec.control_planes().last().unwrap().name.clone();
    let machine = spec.spec.machines.iter_mut().find(|machine| machine.name == control_plane).unwrap();
    machine.removed = Some(Removal::default());
    complete(&spec, &mut bundle, FormerNames::Kept, common::now()).unwrap();
    assert_eq!(former_names(&spec, &bundle), []);
}

#[test]
fn another_subject_reissues_leaves_and_keeps_authorities() {
    let mut spec = common::spec();
    let bundle = common::bundle(&spec);
    spec.spec.pki.subject.locality = "Leeds".to_owned();
    let changed = reasons(&spec, &bundle, common::now());
    assert!(changed.iter().all(|(_, reason)| *reason == Reason::SubjectChanged));
    assert!(changed.iter().all(|(slug, _)| !slug.ends_with("ca")));
    assert_eq!(changed.len(), bundle.key_pairs.len() - 3);
}

#[test]
fn another_algorithm_keeps_the_key_of_service_accounts() {
    let mut spec = common::spec();
    let mut bundle = common::bundle(&spec);
    let key = bundle.get(&Identity::ServiceAccount).unwrap().key.clone();
    spec.spec.pki.algorithm = KeyAlgorithm::Rsa2048;
    // The authorities that exist stay as they are; one new leaf shows that they sign the other kind.
    bundle.key_pairs.retain(|identity, _| {
        matches!(
            identity,
            Identity::ServiceAccount
                | Identity::ClusterAuthority
                | Identity::EtcdAuthority
                | Identity::FrontProxyAuthority
        )
    });
    assert!(reasons(&spec, &bundle, common::now()).iter().all(|(slug, _)| slug != "service-account/service-account"));
    complete(&spec, &mut bundle, FormerNames::Kept, common::now()).unwrap();
    assert!(bundle.get(&Identity::ServiceAccount).unwrap().key == key);
    let admin = inspect(&bundle.get(&Identity::Admin).unwrap().certificate).unwrap();
    assert_eq!(admin.algorithm, Some(KeyAlgorithm::Rsa2048));
}

#[test]
fn renewal_keeps_the_key_of_service_accounts_and_changes_all_others() {
    let spec = common::spec();
    let mut bundle = common::bundle(&spec);
    let before = bundle.clone();
    complete(&spec, &mut bundle, FormerNames::Kept, common::now() + days(364)).unwrap();
    for (identity, pair) in &bundle.key_pairs {
        let old = &before.key_pairs[identity];
        let is_authority = inspect(&pair.certificate).unwrap().is_authority;
        assert_eq!(pair.certificate == old.certificate, is_authority, "{identity}");
        assert_eq!(pair.key == old.key, is_authority || *identity == Identity::ServiceAccount, "{identity}");
    }
}

#[test]
fn a_lost_authority_is_not_replaced_while_certificates_of_it_exist() {
    let spec = common::spec();
    let mut bundle = common::bundle(&spec);
    bundle.key_pairs.remove(&Identity::EtcdAuthority);
    let before = bundle.clone();
    let error = complete(&spec, &mut bundle, FormerNames::Kept, common::now()).unwrap_err();
    assert!(matches!(error, PkiError::AuthorityLost { identity: Identity::EtcdAuthority, .. }), "{error}");
    assert_eq!(bundle, before);
}

#[test]
fn certificates_of_another_authority_are_reissued() {
    let spec = common::spec();
    let mut bundle = common::bundle(&spec);
    let other = common::bundle(&spec).key_pairs.remove(&Identity::EtcdAuthority).unwrap();
    bundle.key_pairs.insert(Identity::EtcdAuthority, other);
    let issued = complete(&spec, &mut bundle, FormerNames::Kept, common::now()).unwrap();
    assert_eq!(issued.len(), 5);
    assert!(issued.iter().all(|issued| issued.reason == Reason::IssuerChanged));
}

#[test]
fn an_expired_authority_is_an_error_and_changes_nothing() {
    let spec = common::spec();
    let mut bundle = common::bundle(&spec);
    let before = bundle.clone();
    let error = complete(&spec, &mut bundle, FormerNames::Kept, common::now() + days(3660)).unwrap_err();
    assert!(matches!(error, PkiError::Authority { reason: Reason::Expired { .. }, .. }), "{error}");
    assert_eq!(bundle, before);
}

#[test]
fn a_certificate_that_may_not_sign_is_no_authority() {
    let spec = common::spec();
    let mut bundle = common::bundle(&spec);
    let admin = bundle.key_pairs[&Identity::Admin].clone();
    bundle.key_pairs.insert(Identity::ClusterAuthority, admin);
    let error = missing(&spec, &bundle, FormerNames::Kept, common::now()).unwrap_err();
    assert!(matches!(error, PkiError::Authority { reason: Reason::NotAnAuthority, .. }), "{error}");
}

#[test]
fn a_leaf_never_outlives_its_authority() {
    let mut spec = common::spec();
    spec.spec.pki.validity.authority_days = 100;
    let mut bundle = common::bundle(&spec);
    let later = common::now() + days(90);
    complete(&spec, &mut bundle, FormerNames::Kept, later).unwrap();
    let not_after = |identity| inspect(&bundle.get(&identity).unwrap().certificate).unwrap().not_after;
    assert_eq!(not_after(Identity::Admin), not_after(Identity::ClusterAuthority));
    assert_eq!(reasons(&spec, &bundle, later), []);
}

#[test]
fn a_key_of_another_certificate_does_not_match() {
    let mut bundle = common::bundle(&common::spec());
    assert!(bundle.key_pairs[&Identity::Admin].matches(&Identity::Admin).unwrap());
    let other = bundle.key_pairs[&Identity::KubeProxy].key.clone();
    bundle.key_pairs.get_mut(&Identity::Admin).unwrap().key = other;
    assert!(!bundle.key_pairs[&Identity::Admin].matches(&Identity::Admin).unwrap());
}

#[test]
fn what_is_no_certificate_is_an_error() {
    let spec = common::spec();
    let mut bundle = common::bundle(&spec);
    bundle.key_pairs.get_mut(&Identity::Admin).unwrap().certificate = "-----BEGIN NONSENSE-----".to_owned();
    let error = missing(&spec, &bundle, FormerNames::Kept, common::now()).unwrap_err();
    assert_eq!(error.to_string(), "certificate admin/admin is not a PEM certificate that can be read");
}

#[test]
fn debug_hides_keys() {
    let bundle = common::bundle(&common::spec());
    assert!(!format!("{bundle:?}").contains("PRIVATE"));
}
