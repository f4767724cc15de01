//! kubeadm, measured: the same end state on the same kind of machines.
//!
//! Fair means here: its program, images and every file are on the machines before the clock starts, containerd runs,
//! names resolve, and Calico is the one that hardway applies, its CNI files and objects byte for byte, but that they call
//! the API itself: a kubeadm node has no balancer of its own.

mod config;
mod machine;

use std::time::Duration;

use hardway_artifacts::Catalog;

use super::lab::Lab;
use super::ours::RESOLVES;
use super::report::{KUBEADM, Report};
use super::timed::timed;
use crate::run::Failure;

/// The machine that is left out: kubeadm's cluster has no load balancer.
const UNUSED: &str = "lb";
const CONTROL_PLANE: &str = "cp1";
const WORKER: &str = "w1";

/// kubectl on the control plane, as kubeadm's own words at the end of `init` put it.
const KUBECTL: &str = "kubectl --kubeconfig=/etc/kubernetes/admin.conf";

pub(super) fn measure(lab: &Lab, artifacts: &Catalog, report: &mut Report) -> Result<(), Failure> {
    without_load_balancer(lab)?;
    let export = lab.scratch("export");
    let mut command = lab.hardway(&["export"]);
    command.arg(&export);
    timed(command)?;
    let (control_plane, worker) = (lab.connect(CONTROL_PLANE)?, lab.connect(WORKER)?);
    for (name, remote) in [(CONTROL_PLANE, &control_plane), (WORKER, &worker)] {
        let tree = lab.scratch(name);
        machine::tree(&tree, name, lab, &export, artifacts)?;
        remote.unpack(&tree)?;
        remote.run(machine::SETUP)?;
    }

    let kubectl = KUBECTL;
    let parts = [
        ("init", control_plane.run(&format!("kubeadm init --config={} --ignore-preflight-errors=all", config::INIT))?),
        (
            "calico",
            // A pod can't be made before its namespace has a service account.
            control_plane.run(&format!(
                "{kubectl} apply --validate=false -f {objects} && \
                 {kubectl} wait --for=create serviceaccount/default --timeout=120s && \
                 {kubectl} apply --validate=false -f {pod}",
                objects = machine::OBJECTS,
                pod = machine::TEST_POD,
            ))?,
        ),
        ("join", worker.run(&format!("kubeadm join --config={} --ignore-preflight-errors=all", config::JOIN))?),
        (
            "ready",
            // `join` may be over before its node is registered.
            control_plane.run(&format!(
                "{kubectl} wait --for=create node/{WORKER} --timeout=120s && \
                 {kubectl} wait --for=condition=Ready node/{WORKER} --timeout=120s"
            ))?,
        ),
        (
            "dns",
            control_plane.run(&format!(
                "{kubectl} wait --for=condition=Ready pod/dnsutils --timeout=120s && \
                 {kubectl} exec dnsutils -- sh -c '{RESOLVES}'"
            ))?,
        ),
    ];
    report.add(KUBEADM, parts.iter().map(|(_, duration)| *duration).sum::<Duration>());
    for (part, duration) in parts {
        report.add_part(KUBEADM, part, duration);
    }
    Ok(())
}

/// Takes the load balancer out of the spec, so that what is exported leads to the control plane itself.
fn without_load_balancer(lab: &Lab) -> Result<(), Failure> {
    timed(lab.hardway(&["lab", "stop", UNUSED]))?;
    let path = lab.workspace().join("cluster.yaml");
    let text = std::fs::read_to_string(&path)?;
    let kept: String = text.split_inclusive('\n').filter(|line| !line.contains(&format!("name: {UNUSED},"))).collect();
    Ok(std::fs::write(path, kept)?)
}
