//! A large fleet in memory: how long a plan takes, and how much memory.
//!
//! Prints one row per line, `NAME VALUE`: seconds, or MiB where the name ends in `mib`.

#[path = "../tests/fleet/change.rs"]
mod change;
#[path = "../tests/fleet/world.rs"]
#[allow(dead_code, reason = "the tests use the rest")]
mod world;

use std::time::Instant;

use change::change_one;
use hardway_design::Design;
use world::Fleet;

const SIZE: usize = 1000;

fn main() {
    let runtime = tokio::runtime::Runtime::new().expect("threads can be started");
    runtime.block_on(async {
        let fleet = Fleet::built(SIZE).await;
        let before = resident("VmRSS:");
        measure(&fleet, &format!("fleet-{SIZE}-noop-plan"), |_| {}, 0).await;
        measure(&fleet, &format!("fleet-{SIZE}-one-change-plan"), change_one, 1).await;
        println!("fleet-{SIZE}-itself-mib {before:.0}");
        println!("fleet-{SIZE}-peak-mib {:.0}", resident("VmHWM:"));
    });
}

/// Plans, and says how long each part of it took.
async fn measure(fleet: &Fleet, name: &str, change: impl FnOnce(&mut Design), changes: usize) {
    let began = Instant::now();
    let mut last = began;
    let plan = fleet
        .plan(change, |part| {
            println!("{name}/{part} {:.3}", last.elapsed().as_secs_f64());
            last = Instant::now();
        })
        .await;
    println!("{name} {:.3}", began.elapsed().as_secs_f64());
    assert_eq!(plan.machines().len(), changes, "{:?}", plan.machines());
}

/// A line of proc_pid_status(5), in MiB.
fn resident(key: &str) -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("a process can read its own status");
    let line = status.lines().find_map(|line| line.strip_prefix(key)).expect("the kernel says it");
    let kibibytes: f64 = line.trim().trim_end_matches(" kB").parse().expect("it is a number");
    kibibytes / 1024.0
}
