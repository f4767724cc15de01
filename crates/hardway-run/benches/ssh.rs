//! Many sessions to one machine's sshd, each under a name of its own, as a fleet's machines are connected to.
//!
//! A part of a worker's design is put on the machine first: its names, folders, files and links. Then as many names as
//! there are sessions are planned for, all of which are this machine: each logs in, tells what it is and what stands
//! there, and has nothing to do. So it is all that an apply without changes does on a worker, but for what it would be
//! asked of packages, images and units.
//!
//! Prints one row per line, `NAME SECONDS`.

mod over_ssh;
#[path = "../tests/fleet/world.rs"]
#[allow(dead_code, reason = "the tests use the rest")]
mod world;

use std::collections::BTreeMap;
use std::time::Instant;

use futures::future::join_all;
use hardway_design::{Design, Group, GroupId, Observed, Resource};
use hardway_machine::{Depth, Machine, SshMachine, SshSettings, machine_facts, observe};
use hardway_plan::{Plan, Sight, plan};
use hardway_spec::MachineName;
use over_ssh::{carry_out, settings};
use world::Fleet;

const CLUSTER: &str = "fleet";

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    let [address, key, known_hosts, sessions] = arguments.as_slice() else {
        eprintln!("needs ADDRESS KEY KNOWN_HOSTS SESSIONS, which `cargo xtask bench` gives");
        return;
    };
    let settings = settings(address, key, known_hosts);
    let sessions: usize = sessions.parse().expect("a number");
    let runtime = tokio::runtime::Runtime::new().expect("threads can be started");
    runtime.block_on(measure(&settings, sessions));
}

async fn measure(settings: &SshSettings, sessions: usize) {
    let resources = files_of_a_worker(sessions).await;
    let machine = SshMachine::new("w1".into(), settings.clone());
    let wanted = changes(&[(machine.name().clone(), observed(&machine, &resources).await)], &resources);
    carry_out(vec![machine], BTreeMap::new(), &wanted).await;

    let began = Instant::now();
    let fleet = connected(settings, sessions).await;
    println!("ssh-{sessions}-probe {:.3}", began.elapsed().as_secs_f64());
    drop(fleet);

    let began = Instant::now();
    let fleet = connected(settings, sessions).await;
    let seen =
        join_all(fleet.iter().map(async |machine| (machine.name().clone(), observed(machine, &resources).await)));
    let plan = changes(&seen.await, &resources);
    println!("ssh-{sessions}-noop-apply {:.3}", began.elapsed().as_secs_f64());
    assert!(plan.is_empty(), "{} machines have something to do", plan.machines().len());
}

/// Of a cluster of so many machines.
async fn files_of_a_worker(machines: usize) -> Vec<Resource> {
    let design = Fleet::built(machines).await.design().await;
    let worker: MachineName = "w1".into();
    let resources = design.on_machine(&worker).flat_map(|group| &group.resources);
    let kept = resources.filter(|resource| {
        matches!(resource, Resource::Hosts(_) | Resource::Directory(_) | Resource::File(_) | Resource::Link(_))
    });
    kept.cloned().collect()
}

/// Sessions that have told what their machine is.
async fn connected(settings: &SshSettings, sessions: usize) -> Vec<SshMachine> {
    let machines: Vec<SshMachine> =
        (1..=sessions).map(|number| SshMachine::new(format!("w{number}").as_str().into(), settings.clone())).collect();
    let facts = join_all(machines.iter().map(|machine| machine_facts(machine))).await;
    for answer in facts {
        answer.expect("the machine answers every session");
    }
    machines
}

async fn observed(machine: &SshMachine, resources: &[Resource]) -> Observed {
    let resources: Vec<&Resource> = resources.iter().collect();
    observe(machine, &resources, Depth::Changed).await.expect("the machine answers every session")
}

/// What is to be done where each of the names should have these resources.
fn changes(seen: &[(MachineName, Observed)], resources: &[Resource]) -> Plan {
    let group = |name| Group { id: GroupId::on(name, "files"), after: Vec::new(), resources: resources.to_vec() };
    let design = Design { groups: seen.iter().map(|(name, _)| group(name)).collect(), ..Design::default() };
    let sight = Sight { machines: seen.iter().cloned().collect(), ..Sight::default() };
    plan(CLUSTER, &design, &sight).expect("the inventory is this cluster's")
}
