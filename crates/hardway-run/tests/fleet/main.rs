//! Large fleets, in memory: what nobody asked to be touched is not touched, and what does not answer holds up nobody.

mod change;
mod world;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use change::{MACHINE, change_one};
use hardway_design::{GroupId, Place, ResourceId};
use hardway_machine::Machine;
use hardway_machine::fake::{FakeMachine, Operation, Trouble};
use hardway_plan::{Action, Plan, Stage, Step};
use hardway_run::{DEFAULT_UPLOADS, Event, Report, Runner};
use hardway_spec::MachineName;
use tokio::sync::{Semaphore, mpsc};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use world::Fleet;

/// Large enough that whatever grows with the square of it would be felt, in a build without optimisation.
const SIZE: usize = 200;

/// How often each machine was asked to do something.
fn calls(fleet: &Fleet) -> BTreeMap<&str, usize> {
    fleet.machines.iter().map(|(name, machine)| (name.as_str(), machine.operations().len())).collect()
}

/// A runner with nothing but machines, and the events that it will send.
fn runner(machines: BTreeMap<MachineName, Arc<dyn Machine>>) -> (Arc<Runner>, mpsc::UnboundedReceiver<Event>) {
    let (events, incoming) = mpsc::unbounded_channel();
    let runner = Runner {
        machines,
        cluster: None,
        blobs: BTreeMap::new(),
        uploads: Arc::new(Semaphore::new(DEFAULT_UPLOADS)),
        events,
        cancel: CancellationToken::new(),
    };
    (Arc::new(runner), incoming)
}

#[tokio::test]
async fn a_fleet_as_designed_has_nothing_to_do_and_each_machine_is_asked_twice() {
    let fleet = Fleet::built(SIZE).await;
    let plan = fleet.plan(|_| {}, |_| {}).await;
    assert!(plan.is_empty(), "{:?}", plan.machines());
    assert_eq!(fleet.machines.len(), SIZE);
    // What it is, and what stands on it.
    assert!(calls(&fleet).values().all(|calls| *calls == 2), "{:?}", calls(&fleet));
}

#[tokio::test]
async fn a_change_of_one_machine_touches_no_other() {
    let fleet = Fleet::built(SIZE).await;
    let mut plan = fleet.plan(change_one, |_| {}).await;
    assert_eq!(plan.machines(), [&MachineName::from(MACHINE)]);

    // What the cluster says once the node is back is not these machines'.
    plan.stages.retain(|stage| stage.id.place != Place::Cluster);
    let (runner, _events) = runner(fleet.reached());
    let report = runner.run(&plan).await;
    assert!(report.succeeded(), "{report:?}");
    for (name, machine) in &fleet.machines {
        let operations = machine.operations();
        let ran = operations.iter().filter(|operation| matches!(operation, Operation::Run(_))).count();
        assert_eq!(ran > 0, name.as_str() == MACHINE, "{name} ran {ran} stages");
        // A file that differs is read again, to show the difference.
        assert_eq!(operations.len() - ran, if name.as_str() == MACHINE { 3 } else { 2 }, "{name}");
    }
}
