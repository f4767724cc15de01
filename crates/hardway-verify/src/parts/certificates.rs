//! Certificates: the workspace's agree with the spec, and every port serves its own.

use std::net::SocketAddr;

use hardway_pki::{FormerNames, Identity, inspect, missing, table};
use hardway_spec::Machine;
use jiff::Timestamp;

use crate::fault::{Expecting, Fault, Verdict, ensure};
use crate::probe::Probe;
use crate::scene::{API_PORT, HTTPS_PORT, Scene};
use crate::tls::{Door, refuses_strangers, served};
use crate::{Context, Part};

const PART: Part = Part::Certificates;

const ETCD_CLIENT_PORT: u16 = 2379;
const ETCD_PEER_PORT: u16 = 2380;
const KUBELET_PORT: u16 = 10250;

/// A port that serves a certificate of the workspace.
#[derive(Debug, Clone)]
struct Port {
    /// What listens there: "etcd on cp1, port 2379".
    title: String,
    machine: String,
    address: SocketAddr,
    /// The name that clients check.
    name: String,
    serves: Identity,
    authority: Identity,
    /// Whose certificate it lets in, where it lets nobody in without.
    client: Option<Identity>,
}

pub(crate) fn probes<'a>(scene: Scene<'a>) -> Vec<Probe<'a>> {
    let count = table(scene.cluster()).len();
    let mut probes = vec![Probe::new(
        PART,
        format!("the workspace's {count} certificates agree with the spec and with their keys"),
        agree(scene.context),
    )];
    for port in ports(scene) {
        if port.client.is_some() {
            let title = format!("{} refuses clients without a certificate", port.title);
            probes.push(Probe::new(PART, title, refuses(scene, port.clone())));
        }
        let title = format!("{} serves {}", port.title, port.serves);
        probes.push(Probe::new(PART, title, serves(scene, port)));
    }
    probes
}

fn ports(scene: Scene<'_>) -> Vec<Port> {
    let cluster = scene.cluster();
    let port = |what: &str, machine: &Machine, number: u16| Port {
        title: format!("{what} on {}, port {number},", machine.name),
        machine: machine.name.to_string(),
        address: SocketAddr::new(machine.address, number),
        name: cluster.spec.endpoint.clone(),
        serves: Identity::ApiServer,
        authority: Identity::ClusterAuthority,
        client: None,
    };
    let mut ports = Vec::new();
    ports.extend(cluster.control_planes().map(|machine| port("kube-apiserver", machine, API_PORT)));
    for machine in cluster.load_balancers() {
        ports.push(port("kube-apiserver behind HAProxy", machine, API_PORT));
        ports.push(Port {
            serves: Identity::LoadBalancer,
            authority: Identity::LoadBalancer,
            ..port("HAProxy", machine, HTTPS_PORT)
        });
    }
    for machine in cluster.etcd_members() {
        let member = &machine.name;
        ports.push(Port {
            name: machine.address.to_string(),
            serves: Identity::EtcdServer(member.clone()),
            authority: Identity::EtcdAuthority,
            client: Some(Identity::EtcdRoot),
            ..port("etcd", machine, ETCD_CLIENT_PORT)
        });
        ports.push(Port {
            name: machine.address.to_string(),
            serves: Identity::EtcdPeer(member.clone()),
            authority: Identity::EtcdAuthority,
            client: Some(Identity::EtcdPeer(member.clone())),
            ..port("etcd", machine, ETCD_PEER_PORT)
        });
    }
    ports.extend(cluster.nodes().map(|machine| Port {
        name: machine.name.to_string(),
        serves: Identity::KubeletServer(machine.name.clone()),
        ..port("the kubelet", machine, KUBELET_PORT)
    }));
    ports
}

/// Reads every key and certificate, which takes a core for some time: not on the thread that all checks share.
async fn agree(context: Context<'_>) -> Verdict {
    let (cluster, bundle) = (context.cluster.clone(), context.bundle.clone());
    let judging = move || {
        let expected = "every certificate's chain, subject, names, usages and dates as the spec has them";
        let hint = "hardway apply";
        let due = missing(&cluster, &bundle, FormerNames::Kept, Timestamp::now()).expecting(expected, hint)?;
        let due: Vec<_> = due.iter().map(|it| format!("{}: {}", it.profile.identity, it.reason)).collect();
        ensure(due.is_empty(), || due.join("; "), expected, hint)?;
        for (identity, pair) in &bundle.key_pairs {
            let matches = pair.matches(identity).expecting(expected, hint)?;
            ensure(matches, || format!("{identity} is not over its key"), expected, hint)?;
        }
        Ok(())
    };
    match tokio::task::spawn_blocking(judging).await {
        Ok(verdict) => verdict,
        Err(error) => Err(Fault::new(error.to_string(), "the certificates can be judged", "hardway apply")),
    }
}

async fn serves(scene: Scene<'_>, port: Port) -> Verdict {
    let expected = format!("the workspace's certificate {}, valid for {}", port.serves, port.name);
    let hint = format!("hardway apply, or look at the service on {}", port.machine);
    let wanted = &scene.key_pair(&port.serves)?.certificate;
    let client = port.client.as_ref().map(|client| scene.key_pair(client)).transpose()?;
    let found = served(&door(scene, &port)?, client).await.expecting(&expected, &hint)?;

    let wanted = inspect(wanted).expecting(&expected, &hint)?;
    let found = fingerprint(&found);
    ensure(found == wanted.sha256, || format!("another certificate, SHA-256 {found}"), expected, hint)
}

async fn refuses(scene: Scene<'_>, port: Port) -> Verdict {
    let expected = "clients without a certificate of etcd's authority are refused";
    let hint = format!("hardway apply, or look at the service on {}", port.machine);
    let refused = refuses_strangers(&door(scene, &port)?).await.expecting(expected, &hint)?;
    ensure(refused, || "it answered one".to_owned(), expected, hint)
}

fn door(scene: Scene<'_>, port: &Port) -> Verdict<Door> {
    let authority = scene.key_pair(&port.authority)?.certificate.clone();
    Ok(Door { address: port.address, name: port.name.clone(), authority })
}

/// SHA-256 in lower-case hexadecimal, as [`inspect`] gives it.
fn fingerprint(der: &[u8]) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, der);
    digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}
