//! A spec that has every identity, and a fixed clock.

#![allow(dead_code, reason = "each test binary needs a part of it")]

use hardway_pki::{Bundle, FormerNames, complete};
use hardway_spec::{Cluster, KeyAlgorithm};
use jiff::Timestamp;

pub(crate) fn spec() -> Cluster {
    let text = "
apiVersion: hardway/v1alpha1
kind: Cluster
metadata: {name: test}
spec:
  pki: {algorithm: ecdsa-p256}
  machines:
    - {name: lb, address: 172.30.1.10, roles: [load-balancer]}
    - {name: cp1, address: 172.30.1.11, roles: [control-plane]}
    - {name: w1, address: 172.30.1.21, roles: [worker]}
";
    serde_saphyr::from_str(text).unwrap()
}

pub(crate) fn rsa_spec() -> Cluster {
    let mut spec = spec();
    spec.spec.pki.algorithm = KeyAlgorithm::Rsa2048;
    spec
}

/// Half a second past a full one, since certificates know only seconds.
pub(crate) fn now() -> Timestamp {
    "2026-11-23T12:00:00.5Z".parse().unwrap()
}

pub(crate) fn bundle(spec: &Cluster) -> Bundle {
    let mut bundle = Bundle::default();
    complete(spec, &mut bundle, FormerNames::Kept, now()).unwrap();
    bundle
}
