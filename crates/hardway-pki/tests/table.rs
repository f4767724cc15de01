//! The table as text: a change of any certificate shows here.

#![allow(clippy::disallowed_methods, reason = "only the crate itself is pure; its tests look at files")]

mod common;

use std::fmt::Write;

use hardway_pki::{CertificateProfile, Identity, Signer, ca_config_json, csr_json, table};
use hardway_spec::{Cluster, Cni};

fn row(profile: &CertificateProfile) -> String {
    let signer = match &profile.signer {
        Signer::Itself => "itself".to_owned(),
        Signer::Authority(authority) => authority.to_string(),
    };
    let mut text = String::new();
    writeln!(text, "{}", profile.identity).unwrap();
    writeln!(text, "  CN={} O={}", profile.common_name, profile.organization).unwrap();
    writeln!(text, "  {:?} for {} days, signed by {signer}", profile.usage, profile.validity_days).unwrap();
    if !profile.names.is_empty() {
        let names: Vec<_> = profile.names.iter().map(ToString::to_string).collect();
        writeln!(text, "  {}", names.join(" ")).unwrap();
    }
    text
}

fn identities(spec: &Cluster) -> Vec<Identity> {
    table(spec).into_iter().map(|profile| profile.identity).collect()
}

#[test]
fn the_table_of_three_machines() {
    insta::assert_snapshot!(table(&common::spec()).iter().map(row).collect::<String>());
}

#[test]
fn every_identity_has_files_of_its_own() {
    let mut slugs: Vec<_> = table(&common::spec()).iter().map(|profile| profile.identity.slug()).collect();
    let all = slugs.len();
    slugs.sort();
    slugs.dedup();
    assert_eq!(slugs.len(), all);
}

#[test]
fn identities_follow_what_the_spec_has() {
    let mut spec = common::spec();
    spec.spec.machines.remove(0);
    spec.spec.addons.metrics_server = false;
    spec.spec.control_plane.node = false;
    spec.spec.network.cni = Cni::Bridge(hardway_spec::Bridge::default());
    let identities = identities(&spec);
    for absent in [
        Identity::LoadBalancer,
        Identity::MetricsServer,
        Identity::EtcdCalico,
        Identity::CalicoCni,
        Identity::Kubelet("cp1".into()),
        Identity::KubeletServer("cp1".into()),
    ] {
        assert!(!identities.contains(&absent), "{absent}");
    }
}

#[test]
fn cfssl_requests() {
    let spec = common::rsa_spec();
    let request = |identity: Identity| {
        let profiles = table(&spec);
        let profile = profiles.iter().find(|profile| profile.identity == identity).unwrap();
        csr_json(profile, &spec.spec.pki)
    };
    insta::assert_snapshot!("csr-authority", request(Identity::ClusterAuthority));
    insta::assert_snapshot!("csr-client", request(Identity::ControllerManager));
    insta::assert_snapshot!("csr-server", request(Identity::KubeletServer("w1".into())));
    insta::assert_snapshot!("ca-config", ca_config_json(&spec.spec.pki));
}
