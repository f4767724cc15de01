//! Large fleets, in memory: what nobody asked to be touched is not touched, and what does not answer holds up nobody.

mod change;
#[allow(dead_code, reason = "the benches use the rest")]
mod world;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use change::{MACHINE, change_one};
use hardway_design::{GroupId, Place, ResourceId};
use hardway_machine::fake::{FakeMachine, Operation, Trouble};
use hardway_machine::{Fault, Machine};
use hardway_plan::{Action, Plan, Stage, Step};
use hardway_run::{DEFAULT_UPLOADS, Event, Runner};
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

/// How long a machine takes for a stage, and how long one that does not answer is waited for.
const STAGE: Duration = Duration::from_millis(100);
const SILENCE: Duration = Duration::from_secs(5);

/// One step on each machine, none of which waits for another.
fn one_step_each(machines: &BTreeMap<MachineName, Arc<dyn Machine>>) -> Plan {
    let stage = |name: &MachineName| {
        let step = Step {
            title: "Remove /x".to_owned(),
            reason: "it stands there".to_owned(),
            resource: ResourceId("file:/x".to_owned()),
            change: None,
            disruption: None,
            action: Action::RemoveFile("/x".to_owned()),
        };
        Stage { id: GroupId::on(name, "files"), after: Vec::new(), steps: vec![step] }
    };
    Plan { stages: machines.keys().map(stage).collect() }
}

#[tokio::test(start_paused = true)]
async fn twenty_machines_that_do_not_answer_slow_no_other() {
    let machine = |number: usize| {
        let fake = FakeMachine::new(format!("w{number}").as_str());
        let silent = || Fault::ConnectTimeout { host: "w".to_owned(), port: 22, after: SILENCE };
        let fake = match number {
            // However often it is tried again.
            0..20 => (0..100).fold(fake.delay(SILENCE), |fake, call| fake.trouble(call, Trouble::FailBefore(silent()))),
            _ => fake.delay(STAGE),
        };
        (fake.name().clone(), Arc::new(fake) as Arc<dyn Machine>)
    };
    let machines: BTreeMap<_, _> = (0..1000).map(machine).collect();
    let plan = one_step_each(&machines);
    let (runner, mut events) = runner(machines);
    let began = Instant::now();
    let run = tokio::spawn(async move { runner.run(&plan).await });
    let (mut done, mut last) = (0, Duration::ZERO);
    while let Some(event) = events.recv().await {
        if let Event::StageDone { .. } = event {
            (done, last) = (done + 1, began.elapsed());
        }
    }
    let report = run.await.unwrap();
    assert_eq!((done, report.failures.len()), (980, 20));
    assert_eq!(last, STAGE);
    assert!(began.elapsed() >= SILENCE);
}
