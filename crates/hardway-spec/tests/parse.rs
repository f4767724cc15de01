//! Specs without problems, and what they come out as.

use hardway_spec::{Bridge, Calico, Cluster, Cni, Encapsulation, KeyAlgorithm, Role, parse};

fn read(spec: &str) -> Cluster {
    let text = format!(
        "apiVersion: hardway/v1alpha1\nkind: Cluster\nmetadata: {{name: test}}\nspec:\n  machines:\n    \
         - {{name: cp1, address: 192.0.2.11, roles: [control-plane]}}\n{spec}"
    );
    parse(&text, "cluster.yaml").map_err(|errors| errors.to_string()).unwrap()
}

#[test]
fn only_machines_are_needed() {
    let cluster = read("");
    assert_eq!(cluster.spec.endpoint, "k8s.hardway.test");
    assert_eq!(cluster.spec.machines[0].roles, [Role::ControlPlane]);
    assert!(cluster.spec.control_plane.node);
}

#[test]
fn a_field_with_nothing_in_it_is_no_field() {
    assert_eq!(read("  ssh:\n    # user: root\n  network: ~\n"), read(""));
}

#[test]
fn cni_is_one_of_its_kinds() {
    let cni = |text: &str| read(&format!("  network: {{cni: {text}}}\n")).spec.network.cni;
    assert_eq!(cni("{bridge: {}}"), Cni::Bridge(Bridge {}));
    assert_eq!(cni("{calico: }"), Cni::Calico(Calico { encapsulation: Encapsulation::Vxlan }));
    assert_eq!(cni("{calico: {encapsulation: ipip}}"), Cni::Calico(Calico { encapsulation: Encapsulation::Ipip }));
}

#[test]
fn a_version_is_a_text_however_it_looks() {
    assert_eq!(read("  kubernetes: {version: 1.37.2}\n").spec.kubernetes.version, "1.37.2");
    assert_eq!(read("  kubernetes: {version: '1.37.2'}\n").spec.kubernetes.version, "1.37.2");
}

#[test]
fn every_field_is_read() {
    let cluster = read(
        "
  endpoint: api.example.com
  network: {pods: 10.64.0.0/14, services: 10.96.0.0/16, dns: 10.96.0.53, domain: k8s.example, kubeProxy: iptables}
  pki:
    algorithm: ecdsa-p256
    subject: {country: DE, state: Berlin, locality: Berlin, organizationalUnit: Betrieb & Übertragung}
    validity: {authorityDays: 1000, leafDays: 90}
  controlPlane: {node: true}
  addons: {metricsServer: false}
  ssh: {user: ops, port: 2222, identityFile: keys/id}
",
    );
    assert_eq!(cluster.spec.network.dns.to_string(), "10.96.0.53");
    assert_eq!(cluster.spec.pki.algorithm, KeyAlgorithm::EcdsaP256);
    assert_eq!(cluster.spec.pki.subject.organizational_unit, "Betrieb & Übertragung");
    assert_eq!(cluster.spec.pki.validity.leaf_days, 90);
    assert!(!cluster.spec.addons.metrics_server);
    assert_eq!((cluster.spec.ssh.user.as_str(), cluster.spec.ssh.port), ("ops", 2222));
    assert_eq!(cluster.spec.ssh.identity_file.as_deref(), Some("keys/id"));
}

/// Cut off anywhere, or with any of YAML's own marks in any place, a spec is read or refused.
#[test]
fn no_text_makes_reading_panic() {
    let text = "apiVersion: hardway/v1alpha1\nspec:\n  network: {cni: {calico: }, dns: ~}\n  ssh:\n    port: 22\n  \
                machines:\n    - {name: 'ä', address: 192.0.2.11, roles: [etcd]}\n    - x\n";
    let boundaries: Vec<usize> = text.char_indices().map(|(index, _)| index).collect();
    for &index in &boundaries {
        let _ = parse(&text[..index], "cluster.yaml").map_err(|errors| errors.to_string());
        for mark in [
            ":", "{", "}", "[", "]", "- ", "*", "&", "!", "\"", "#", "\n", "\t", "---\n", "<<: ", "? ", "|", "\u{feff}",
        ] {
            let text = format!("{}{mark}{}", &text[..index], &text[index..]);
            let _ = parse(&text, "cluster.yaml").map_err(|errors| errors.to_string());
        }
    }
    let _ = parse(&"[".repeat(10_000), "cluster.yaml").map_err(|errors| errors.to_string());
}
