//! Calico on its etcd datastore: the pod network and network policy.
//!
//! The CNI plugin's files are on the nodes already (Calico's own installer is not used), so all that is left is
//! the agent on every node and the controllers that copy namespaces and policies into Calico's store.
//! Settings: <https://docs.tigera.io/calico/3.28/reference/configure-calico-node>.

mod kube_controllers;
mod node;

use hardway_pki::Identity;
use hardway_spec::Calico;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::{EnvVar, Secret};

use super::metadata::{namespaced, object};
use super::pod::variable;
use super::rbac;
use crate::{Content, DesignError, Group, GroupId, Inputs, Resource, etcd};

/// The group of the agents. It does not wait for them: they come up while nodes register.
pub(super) const GROUP: &str = "calico";
/// The group of the controllers. When it is done, what Calico must know of the namespaces is written.
pub(super) const CONTROLLERS: &str = kube_controllers::NAME;
/// The DaemonSet of the agents.
pub(super) const NODE: &str = node::NAME;

/// Calico's certificate and key for etcd.
const SECRET: &str = "calico-etcd-secrets";
/// Where containers find them.
const FOLDER: &str = "/calico-secrets";
/// Calico reads its certificate once, at its start: this annotation changes with it, and so restarts the pods.
const CERTIFICATE_ANNOTATION: &str = "hardway/certificate-sha256";

pub(super) fn groups(inputs: &Inputs<'_>, calico: &Calico) -> Result<[Group; 2], DesignError> {
    let mut resources = vec![secret(inputs)?];
    resources.extend(node::resources(inputs, calico)?);
    let node = Group { id: GroupId::in_cluster(GROUP), after: vec![GroupId::in_cluster(rbac::GROUP)], resources };
    Ok([node, kube_controllers::group(inputs)?])
}

fn secret(inputs: &Inputs<'_>) -> Result<Resource, DesignError> {
    let authority = inputs.bundle.get(&Identity::EtcdAuthority)?;
    let pair = inputs.bundle.get(&Identity::EtcdCalico)?;
    let data = [
        ("etcd-ca", authority.certificate.as_str()),
        ("etcd-cert", pair.certificate.as_str()),
        ("etcd-key", pair.key.as_str()),
    ];
    Ok(object(Secret {
        metadata: namespaced(SECRET, node::NAME),
        data: Some(
            data.iter().map(|(name, text)| ((*name).to_owned(), ByteString(text.as_bytes().to_vec()))).collect(),
        ),
        type_: Some("Opaque".to_owned()),
        ..Secret::default()
    }))
}

fn certificate_annotation(inputs: &Inputs<'_>) -> Result<(&'static str, String), DesignError> {
    let authority = &inputs.bundle.get(&Identity::EtcdAuthority)?.certificate;
    let certificate = &inputs.bundle.get(&Identity::EtcdCalico)?.certificate;
    Ok((CERTIFICATE_ANNOTATION, Content::text(format!("{authority}{certificate}")).sha256()))
}

/// How Calico's programs reach its store.
fn datastore_variables(inputs: &Inputs<'_>) -> Vec<EnvVar> {
    vec![
        variable("DATASTORE_TYPE", "etcdv3"),
        variable("ETCD_ENDPOINTS", etcd::client_urls(inputs.cluster).join(",")),
        variable("ETCD_CA_CERT_FILE", format!("{FOLDER}/etcd-ca")),
        variable("ETCD_CERT_FILE", format!("{FOLDER}/etcd-cert")),
        variable("ETCD_KEY_FILE", format!("{FOLDER}/etcd-key")),
    ]
}
