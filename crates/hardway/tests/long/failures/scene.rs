//! Where the clients' objects are, and what the cluster is like that they are in.

use std::net::{SocketAddr, ToSocketAddrs};

use hardway_cluster::{Access, Credentials};
use hardway_design::Object;
use hardway_pki::{Identity, KeyPair};
use hardway_spec::Cluster;
use hardway_workspace::{SPEC, certificate_path, key_path};
use serde_json::{Value, json};

use crate::support::LabWorkspace;

pub(crate) const NAMESPACE: &str = "failures";
const API_PORT: u16 = 6443;

pub(crate) fn spec(lab: &LabWorkspace) -> Cluster {
    hardway_spec::parse(&read(lab, SPEC), SPEC).expect("lab up wrote it")
}

/// As people reach the API: its endpoint's name, whose address they have looked up.
pub(crate) fn access(lab: &LabWorkspace) -> Access {
    let endpoint = spec(lab).spec.endpoint;
    let server = (endpoint.as_str(), API_PORT).to_socket_addrs().expect("the host knows it").next();
    let authority = read(lab, &certificate_path(&Identity::ClusterAuthority));
    Access { server: server.expect("a name has an address"), server_name: endpoint, authority }
}

pub(crate) fn administrator(lab: &LabWorkspace) -> Credentials {
    let certificate = read(lab, &certificate_path(&Identity::Admin));
    let key = read(lab, &key_path(&Identity::Admin)).into();
    Credentials::Certificate(KeyPair { certificate, key })
}

/// The endpoint's address.
pub(crate) fn server(lab: &LabWorkspace) -> SocketAddr {
    access(lab).server
}

fn read(lab: &LabWorkspace, path: &str) -> String {
    std::fs::read_to_string(lab.root().join(path)).expect("the workspace has it")
}

pub(crate) fn config_map(name: &str) -> Object {
    let metadata = json!({"name": name, "namespace": NAMESPACE});
    Object { value: json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"name": name}}) }
}

/// Leads to all pods that [`pod`] makes of this role.
pub(crate) fn service(role: &str, port: u16) -> Object {
    Object {
        value: json!({
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": role, "namespace": NAMESPACE},
            "spec": {"selector": {"role": role}, "ports": [{"port": 80, "targetPort": port}]},
        }),
    }
}

/// A pod of its node: after a power cut the same one runs again, with the same files at /kept.
pub(crate) fn pod(role: &str, node: &str, image: &str, scripts: &[&str]) -> Object {
    let containers: Vec<Value> = scripts
        .iter()
        .zip(1..)
        .map(|(script, number)| {
            json!({
                "name": format!("{role}-{number}"),
                "image": image,
                "imagePullPolicy": "Never",
                "command": ["sh", "-c", script],
                "securityContext": {"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}},
                "volumeMounts": [{"name": "kept", "mountPath": "/kept"}],
            })
        })
        .collect();
    Object {
        value: json!({
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": format!("{role}-{node}"), "namespace": NAMESPACE, "labels": {"role": role}},
            "spec": {
                "nodeSelector": {"kubernetes.io/hostname": node},
                "tolerations": [{"operator": "Exists"}],
                "terminationGracePeriodSeconds": 0,
                "enableServiceLinks": false,
                "securityContext": {
                    "runAsNonRoot": true, "runAsUser": 65534, "runAsGroup": 65534, "fsGroup": 65534,
                    "seccompProfile": {"type": "RuntimeDefault"},
                },
                "containers": containers,
                "volumes": [{"name": "kept", "emptyDir": {}}],
            },
        }),
    }
}
