//! Names that the API has had and that the spec no longer asks for: clients may still call it by them.

use hardway_spec::Cluster;

use crate::{AlternativeName, Bundle, CertificateProfile, Identity, inspect, table};

/// What becomes of the API's former names and addresses when a certificate is judged or issued anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FormerNames {
    /// They stay beside the new ones, so that nobody is cut off by a change of the endpoint.
    Kept,
    Dropped,
}

/// Whether clients have the habit of calling it, or know where it was: etcd's members learn one after the other that one of
/// them has another address, and check that whoever calls them from an address has it in its certificate.
fn is_called(identity: &Identity) -> bool {
    matches!(identity, Identity::ApiServer | Identity::LoadBalancer | Identity::EtcdServer(_) | Identity::EtcdPeer(_))
}

/// The former names and addresses that the API still answers to, in their order in its certificate.
pub fn former_names(spec: &Cluster, bundle: &Bundle) -> Vec<AlternativeName> {
    let profile = table(spec).into_iter().find(|profile| profile.identity == Identity::ApiServer);
    profile.map(|profile| former_names_of(&profile, spec, bundle)).unwrap_or_default()
}

/// Those of one certificate. A machine that leaves takes its name and address with it.
pub(crate) fn former_names_of(profile: &CertificateProfile, spec: &Cluster, bundle: &Bundle) -> Vec<AlternativeName> {
    if !is_called(&profile.identity) {
        return Vec::new();
    }
    // Nobody asks for a Service's name in a domain that the cluster's DNS no longer has.
    let is_service =
        |name: &AlternativeName| matches!(name, AlternativeName::Dns(name) if name.starts_with("kubernetes.default."));
    let leaving: Vec<AlternativeName> =
        spec.leaving().flat_map(|machine| [machine.name.as_str().into(), machine.address.into()]).collect();
    // One that cannot be read has an error of its own when it is judged.
    let pair = bundle.key_pairs.get(&profile.identity);
    let found = pair.and_then(|pair| inspect(&pair.certificate).ok()).map(|found| found.names).unwrap_or_default();
    let gone = |name: &AlternativeName| leaving.contains(name) || is_service(name);
    found.into_iter().filter(|name| !profile.names.contains(name) && !gone(name)).collect()
}
