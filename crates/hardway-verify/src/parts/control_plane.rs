//! etcd, kube-apiserver, kube-controller-manager and kube-scheduler: run, answer, lead.

use futures::FutureExt;
use futures::future::join_all;
use hardway_cluster::{HealthCheck, Lease};
use hardway_spec::{Machine, MachineName, Role};
use jiff::Timestamp;
use serde_json::Value;

use crate::Part;
use crate::etcd;
use crate::fault::{Expecting, Fault, Verdict, ensure};
use crate::parts::machines;
use crate::probe::Probe;
use crate::scene::Scene;
use crate::shell::{complaint, exec};

const PART: Part = Part::ControlPlane;

/// The taint that keeps workloads off control planes.
const TAINT: &str = "node-role.kubernetes.io/control-plane";

pub(crate) fn probes<'a>(scene: Scene<'a>) -> Vec<Probe<'a>> {
    let cluster = scene.cluster();
    let mut probes = Vec::new();
    for machine in cluster.machines() {
        if machine.roles.contains(&Role::ControlPlane) || machine.roles.contains(&Role::Etcd) {
            probes.extend(machines::probes(scene, PART, machine));
        }
    }
    for member in cluster.etcd_members() {
        let name = &member.name;
        let members = cluster.etcd_members().count();
        probes.push(Probe::new(PART, format!("etcd on {name} is healthy among {members}"), is_member(scene, name)));
    }
    if let Some(member) = cluster.etcd_members().next() {
        let title = "etcd asks every client for its certificate's user";
        probes.push(Probe::new(PART, title, has_authentication(scene, &member.name)));
    }
    for machine in cluster.control_planes() {
        let title = format!("the API server on {} is ready, every check of /readyz?verbose", machine.name);
        probes.push(Probe::new(PART, title, is_ready(scene, machine)));
    }
    let hosts = hosts(scene).boxed().shared();
    for component in ["kube-controller-manager", "kube-scheduler"] {
        let title = format!("a {component} of ours holds its lease and renews it");
        probes.push(Probe::new(PART, title, leads(scene, component, hosts.clone())));
    }
    for machine in cluster.control_planes() {
        probes.push(as_node(scene, machine));
    }
    probes
}

async fn is_member(scene: Scene<'_>, member: &MachineName) -> Verdict {
    let expected = "the member answers, and knows as many members as the spec has";
    let hint = format!("hardway ssh {member} -- journalctl -u etcd");
    let (health, list) = futures::join!(
        etcd::as_root(scene, member, "endpoint health"),
        etcd::as_root(scene, member, "member list --write-out=simple")
    );
    let (health, list) = (health?, list?);
    for output in [&health, &list] {
        ensure(output.success(), || complaint(output), expected, &hint)?;
    }
    let list = String::from_utf8_lossy(&list.stdout);
    let (found, wanted) = (started_members(&list), scene.cluster().etcd_members().count());
    ensure(found == wanted, || format!("{found} started members where {wanted} should be"), expected, hint)
}

/// Counts members that have started (`ID, started, NAME, …`) and vote (`…, false`).
fn started_members(list: &str) -> usize {
    list.lines()
        .filter(|line| {
            let fields: Vec<_> = line.split(',').map(str::trim).collect();
            fields.get(1) == Some(&"started") && fields.last() == Some(&"false")
        })
        .count()
}

async fn has_authentication(scene: Scene<'_>, member: &MachineName) -> Verdict {
    let expected = "authentication is on";
    let hint = "hardway apply";
    let output = etcd::as_root(scene, member, "auth status").await?;
    ensure(output.success(), || complaint(&output), expected, hint)?;
    let text = String::from_utf8_lossy(&output.stdout);
    let is_on = text.lines().any(|line| line.trim() == "Authentication Status: true");
    ensure(is_on, || text.lines().next().unwrap_or("nothing").to_owned(), expected, hint)
}

async fn is_ready(scene: Scene<'_>, machine: &Machine) -> Verdict {
    let expected = "every readiness check ok, etcd's among them";
    let hint = format!("hardway ssh {} -- journalctl -u kube-apiserver", machine.name);
    let checks = scene.api_at(machine)?.readiness().await.expecting(expected, &hint)?;
    let failing = failing(&checks);
    ensure(failing.is_empty(), || format!("failing: {}", failing.join(", ")), expected, &hint)?;
    ensure(checks.iter().any(|check| check.name == "etcd"), || "no check of etcd".to_owned(), expected, hint)
}

fn failing(checks: &[HealthCheck]) -> Vec<&str> {
    checks.iter().filter(|check| !check.ok).map(|check| check.name.as_str()).collect()
}

async fn leads(scene: Scene<'_>, component: &str, hosts: impl Future<Output = Vec<String>>) -> Verdict {
    let expected = "a control plane of the spec as its holder, renewed within its duration";
    let hint = format!("hardway status, then the journal of {component} on the control planes");
    let lease = scene.live().lease(component).await.expecting(expected, &hint)?;
    let Some(lease) = lease else { return Err(Fault::new("no lease", expected, hint)) };
    judge_lease(&lease, &hosts.await, Timestamp::now().as_second()).map_err(|found| Fault::new(found, expected, hint))
}

/// What the control planes that answer call themselves: a machine's host name may be another than its name in the spec.
async fn hosts(scene: Scene<'_>) -> Vec<String> {
    let machines = scene.cluster().control_planes();
    let asked = join_all(machines.map(|machine| exec(scene.context, &machine.name, "uname -n", b""))).await;
    let told = asked.into_iter().flatten().filter(|output| output.success());
    told.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).collect()
}

fn judge_lease(lease: &Lease, control_planes: &[String], now: i64) -> Result<(), String> {
    let Some(holder) = &lease.holder else { return Err("nobody holds it".to_owned()) };
    // The holder's name is the host's, `_` and a number of the process's own.
    let host = holder.rsplit_once('_').map_or(holder.as_str(), |(host, _)| host);
    if control_planes.iter().all(|name| name != host) {
        return Err(format!("{holder} holds it"));
    }
    let (Some(renewed), Some(duration)) = (lease.renewed, lease.duration) else {
        return Err(format!("{holder} holds it and never renewed it"));
    };
    let age = now - renewed;
    if age > i64::from(duration) { Err(format!("{holder} renewed it {age} s ago")) } else { Ok(()) }
}

fn as_node<'a>(scene: Scene<'a>, machine: &'a Machine) -> Probe<'a> {
    let name = &machine.name;
    if machine.roles.contains(&Role::Worker) || scene.cluster().machines_with(Role::Worker).next().is_none() {
        return Probe::not_applicable(PART, format!("{name} is a tainted node"), "it runs workloads too");
    }
    if scene.cluster().is_node(machine) {
        Probe::new(PART, format!("{name} is a node, tainted {TAINT}:NoSchedule"), is_tainted(scene, machine))
    } else {
        Probe::new(PART, format!("{name} is no node"), is_no_node(scene, machine))
    }
}

async fn is_tainted(scene: Scene<'_>, machine: &Machine) -> Verdict {
    let expected = "a node with the taint";
    let path = format!("/api/v1/nodes/{}", machine.name);
    let node = scene.live().get_json(&path).await.expecting(expected, "hardway apply")?;
    ensure(has_taint(&node), || "a node without the taint".to_owned(), expected, "hardway apply")
}

fn has_taint(node: &Value) -> bool {
    let taints = node.pointer("/spec/taints").and_then(Value::as_array);
    taints.into_iter().flatten().any(|taint| taint["key"] == TAINT && taint["effect"] == "NoSchedule")
}

async fn is_no_node(scene: Scene<'_>, machine: &Machine) -> Verdict {
    let expected = "no node of that name, as controlPlane.node: false asks";
    match scene.live().get_json(&format!("/api/v1/nodes/{}", machine.name)).await {
        Err(error) if error.code() == Some(404) => Ok(()),
        Err(error) => Err(Fault::new(crate::fault::chain(&error), expected, "hardway status")),
        Ok(_) => Err(Fault::new("a node", expected, format!("hardway kubectl -- delete node {}", machine.name))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lease(holder: &str, renewed: i64) -> Lease {
        Lease { holder: Some(holder.to_owned()), renewed: Some(renewed), duration: Some(15) }
    }

    #[test]
    fn a_lease_is_good_while_its_holder_renews_it() {
        let hosts = ["cp1".to_owned()];
        assert_eq!(judge_lease(&lease("cp1_4f0e", 100), &hosts, 115), Ok(()));
        assert_eq!(judge_lease(&lease("cp1_4f0e", 100), &hosts, 116).unwrap_err(), "cp1_4f0e renewed it 16 s ago");
        assert_eq!(judge_lease(&lease("old_4f0e", 100), &hosts, 100).unwrap_err(), "old_4f0e holds it");
        let free = Lease { holder: None, renewed: None, duration: None };
        assert_eq!(judge_lease(&free, &hosts, 0).unwrap_err(), "nobody holds it");
    }

    #[test]
    fn learners_and_members_that_never_started_do_not_count() {
        let list = "8e9e, started, cp1, https://10.0.0.1:2380, https://10.0.0.1:2379, false\n\
                    91bc, unstarted, , https://10.0.0.2:2380, , false\n\
                    a8c1, started, cp3, https://10.0.0.3:2380, https://10.0.0.3:2379, true\n";
        assert_eq!(started_members(list), 1);
    }

    #[test]
    fn a_taint_of_another_effect_is_not_ours() {
        let node = |effect: &str| serde_json::json!({"spec": {"taints": [{"key": TAINT, "effect": effect}]}});
        assert!(has_taint(&node("NoSchedule")));
        assert!(!has_taint(&node("PreferNoSchedule")));
        assert!(!has_taint(&serde_json::json!({"spec": {}})));
    }
}
