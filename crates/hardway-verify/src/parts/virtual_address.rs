//! The address that load balancers share: exactly one of them has it.

use std::net::IpAddr;

use futures::future::join_all;
use hardway_design::landmarks::KEEPALIVED;

use crate::Part;
use crate::fault::{Fault, Verdict};
use crate::probe::Probe;
use crate::scene::Scene;
use crate::shell;

pub(crate) fn probes<'a>(scene: Scene<'a>, part: Part) -> Vec<Probe<'a>> {
    let address = scene.cluster().spec.load_balancer.virtual_address;
    let probe = |address: IpAddr| {
        let title = format!("exactly one load balancer has the virtual address {address}");
        Probe::new(part, title, one_has_it(scene, address))
    };
    address.map(probe).into_iter().collect()
}

async fn one_has_it(scene: Scene<'_>, address: IpAddr) -> Verdict {
    let expected = "one load balancer has it";
    let first = scene.cluster().load_balancers().next().map(|machine| machine.name.as_str()).unwrap_or_default();
    let hint = format!("hardway ssh {first} -- journalctl -u {KEEPALIVED}");
    let script = format!("ip -oneline address show to {address}");
    let answers = scene.cluster().load_balancers().map(async |machine| {
        let printed = shell::read(scene.context, &machine.name, &script, expected, &hint).await?;
        Verdict::Ok((!printed.trim().is_empty()).then(|| machine.name.to_string()))
    });
    let answers = join_all(answers).await.into_iter().collect::<Verdict<Vec<_>>>()?;
    let holders: Vec<String> = answers.into_iter().flatten().collect();
    match &holders[..] {
        [_] => Ok(()),
        [] => Err(Fault::new("none has it", expected, hint)),
        _ => Err(Fault::new(format!("{} have it", holders.join(" and ")), expected, hint)),
    }
}
