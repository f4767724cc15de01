//! The way to the API: load balancers' 6443 for client certificates and 443 for health and tokens, and nodes' own.

use hardway_cluster::{Credentials, Live};
use hardway_pki::Identity;
use hardway_spec::Machine;
use secrecy::SecretString;

use crate::Part;
use crate::fault::{Expecting, Fault, Verdict, chain, ensure};
use crate::parts::{machines, node_balancers, remote_access, service_accounts, virtual_address};
use crate::probe::Probe;
use crate::scene::{HTTPS_PORT, Scene};

const PART: Part = Part::LoadBalancer;

pub(crate) fn probes<'a>(scene: Scene<'a>) -> Vec<Probe<'a>> {
    let cluster = scene.cluster();
    let mut probes = node_balancers::probes(scene, PART);
    if cluster.load_balancers().next().is_none() {
        probes.push(Probe::not_applicable(PART, "HAProxy leads to the API", "the spec has no load balancer"));
        return probes;
    }
    let endpoint = &cluster.spec.endpoint;
    probes.extend(virtual_address::probes(scene, PART));
    probes.push(Probe::new(PART, format!("https://{endpoint}/healthz says ok"), is_healthy(scene)));
    for machine in cluster.load_balancers() {
        let name = &machine.name;
        probes.extend(machines::probes(scene, PART, machine));
        let title = format!("client certificates reach the API through {name}, port 6443");
        probes.push(Probe::new(PART, title, passes_certificates(scene, machine)));
        let title = format!("a service account's token reaches the API through {name}, port 443");
        probes.push(match scene.bed.token() {
            Some(token) => Probe::new(PART, title, async move { passes_tokens(scene, machine, token.await?).await }),
            None => Probe::not_applicable(PART, title, "no node runs pods"),
        });
        let title = format!("strangers get no further than health through {name}, port 443");
        probes.push(Probe::new(PART, title, stops_strangers(scene, machine)));
    }
    probes
}

fn hint(machine: &Machine) -> String {
    format!("hardway ssh {} -- journalctl -u haproxy", machine.name)
}

fn https(scene: Scene<'_>, machine: &Machine, credentials: &Credentials) -> Verdict<Live> {
    scene.api(machine.address, HTTPS_PORT, &Identity::LoadBalancer, credentials)
}

/// By the name, as the operator's browser and curl go.
async fn is_healthy(scene: Scene<'_>) -> Verdict {
    let expected = "ok";
    let address = remote_access::resolve(scene).await?;
    let live = scene.api(address, HTTPS_PORT, &Identity::LoadBalancer, &Credentials::Anonymous)?;
    let answer = live.get_text("/healthz").await.expecting(expected, "hardway status")?;
    ensure(answer.trim() == "ok", || format!("{:?}", answer.trim()), expected, "hardway status")
}

async fn passes_certificates(scene: Scene<'_>, machine: &Machine) -> Verdict {
    let expected = "the API knows the administrator";
    let user = scene.api_at(machine)?.whoami().await.expecting(expected, hint(machine))?;
    ensure(user.groups.iter().any(|group| group == "system:masters"), || user.name.clone(), expected, hint(machine))
}

async fn passes_tokens(scene: Scene<'_>, machine: &Machine, token: SecretString) -> Verdict {
    let wanted = service_accounts::user(&scene.bed.namespace);
    let expected = format!("the API knows {wanted}");
    let live = https(scene, machine, &Credentials::Token(token))?;
    let user = live.whoami().await.expecting(&expected, hint(machine))?;
    ensure(user.name == wanted, || user.name.clone(), expected, hint(machine))
}

async fn stops_strangers(scene: Scene<'_>, machine: &Machine) -> Verdict {
    let expected = "HTTP 401 or 403 for /api";
    let found = match https(scene, machine, &Credentials::Anonymous)?.get_text("/api").await {
        Err(error) if matches!(error.code(), Some(401 | 403)) => return Ok(()),
        Err(error) => chain(&error),
        Ok(_) => "an answer".to_owned(),
    };
    Err(Fault::new(found, expected, hint(machine)))
}
