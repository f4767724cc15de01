//! The healthz proxy: nginx on each control plane tells the API server's health without TLS.

use std::net::SocketAddr;

use hardway_spec::{Machine, MachineName};

use crate::Part;
use crate::fault::{Verdict, ensure};
use crate::probe::Probe;
use crate::scene::Scene;
use crate::shell;

const PART: Part = Part::HealthzProxy;

const PORT: u16 = 80;

pub(crate) fn probes<'a>(scene: Scene<'a>) -> Vec<Probe<'a>> {
    let cluster = scene.cluster();
    let mut probes = Vec::new();
    for control_plane in cluster.control_planes() {
        let mut askers: Vec<_> = cluster.load_balancers().map(|machine| &machine.name).collect();
        if askers.is_empty() {
            askers.push(&control_plane.name);
        }
        for asker in askers {
            let title = format!("curl from {asker} gets ok from nginx on {}", control_plane.name);
            probes.push(Probe::new(PART, title, says_ok(scene, asker, control_plane)));
        }
    }
    probes
}

async fn says_ok(scene: Scene<'_>, asker: &MachineName, control_plane: &Machine) -> Verdict {
    let expected = "ok";
    let hint = format!("hardway ssh {} -- journalctl -u nginx -u kube-apiserver", control_plane.name);
    let address = SocketAddr::new(control_plane.address, PORT);
    let script = format!("curl --silent --show-error --fail --max-time 5 http://{address}/healthz");
    let answer = shell::read(scene.context, asker, &script, expected, &hint).await?;
    ensure(answer.trim() == "ok", || format!("{:?}", answer.trim()), expected, hint)
}
