//! What happens to the cluster.

use super::etcd;
use super::inside::{AWAY, HOME};
use super::scene;
use crate::support::LabWorkspace;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    ControlPlane,
    EtcdLeader,
    EtcdProcess,
    LoadBalancer,
    Worker,
    Everything,
}

/// What was done.
pub(crate) struct Struck {
    pub(crate) title: String,
    /// Machines that lost what ran on them.
    pub(crate) restarted: Vec<String>,
    /// Those of them that are off, to be started again.
    pub(crate) away: Vec<String>,
}

impl Fault {
    pub(crate) const ALL: [Self; 6] =
        [Self::ControlPlane, Self::EtcdLeader, Self::EtcdProcess, Self::LoadBalancer, Self::Worker, Self::Everything];

    pub(crate) fn strike(self, lab: &LabWorkspace) -> Struck {
        match self {
            Self::ControlPlane => {
                let leader = etcd::leader(lab);
                let other = ["cp1", "cp2", "cp3"].into_iter().find(|machine| *machine != leader);
                power_cut(lab, other.expect("one of three leads"), "a control plane whose etcd member follows")
            }
            Self::EtcdLeader => power_cut(lab, &etcd::leader(lab), "the control plane whose etcd member leads"),
            Self::EtcdProcess => {
                let leader = etcd::leader(lab);
                lab.ssh(&leader, "systemctl kill --signal=KILL --kill-whom=main etcd.service");
                let title = "the process of the etcd member that leads".to_owned();
                Struck { title, restarted: Vec::new(), away: Vec::new() }
            }
            Self::LoadBalancer => power_cut(lab, &holder(lab), "the load balancer that has the endpoint's address"),
            Self::Worker => {
                assert!(runs_coredns(lab, AWAY), "{AWAY} runs no CoreDNS");
                power_cut(lab, AWAY, "a worker with one of two pods of CoreDNS and of the Service")
            }
            Self::Everything => {
                let machines = machines(lab);
                machines.iter().for_each(|machine| _ = lab.ok(&["lab", "kill", machine]));
                lab.ok(&[&super::LAB[..], &["--machines-only"]].concat());
                let title = "all machines at once, started again at once".to_owned();
                Struck { title, restarted: machines, away: Vec::new() }
            }
        }
    }
}

fn power_cut(lab: &LabWorkspace, machine: &str, title: &str) -> Struck {
    eprintln!("== {machine}: {title}");
    lab.ok(&["lab", "kill", machine]);
    let machine = vec![machine.to_owned()];
    Struck { title: title.to_owned(), restarted: machine.clone(), away: machine }
}

fn machines(lab: &LabWorkspace) -> Vec<String> {
    scene::spec(lab).machines().map(|machine| machine.name.to_string()).collect()
}

/// The machine that packets for the endpoint reach.
fn holder(lab: &LabWorkspace) -> String {
    let address = scene::server(lab).ip().to_string();
    let names: Vec<String> = scene::spec(lab).load_balancers().map(|machine| machine.name.to_string()).collect();
    let has_it =
        |name: &&String| lab.ssh(name, "hostname --all-ip-addresses").split_whitespace().any(|own| own == address);
    names.iter().find(has_it).expect("somebody has the endpoint's address").clone()
}

fn runs_coredns(lab: &LabWorkspace, node: &str) -> bool {
    assert_ne!(node, HOME);
    let path = "jsonpath={range .items[*]}{.metadata.name} {.spec.nodeName}{\"\\n\"}{end}";
    let pods = lab.kubectl(&["get", "pods", "-n", "kube-system", "-o", path]);
    pods.lines().any(|line| line.starts_with("coredns-") && line.ends_with(&format!(" {node}")))
}
