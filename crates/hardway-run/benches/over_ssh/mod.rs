//! What benches over real SSH share.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use hardway_machine::{KnownHosts, Machine, SshMachine, SshSettings, SshTarget};
use hardway_plan::Plan;
use hardway_run::{DEFAULT_UPLOADS, LocalBlob, Runner};
use tokio::sync::{Semaphore, mpsc};
use tokio_util::sync::CancellationToken;

/// How root of a machine is reached with the files of a lab's workspace.
pub(crate) fn settings(address: &str, key: &str, known_hosts: &str) -> SshSettings {
    let known_hosts = std::fs::read_to_string(known_hosts).expect("the file can be read");
    SshTarget {
        host: address.to_owned(),
        identity_file: Some(PathBuf::from(key)),
        known_hosts: KnownHosts::parse(&known_hosts).expect("hardway wrote it"),
        ..SshTarget::default()
    }
    .resolve_alone()
}

/// Runs a plan to its end, as `apply` does.
pub(crate) async fn carry_out(machines: Vec<SshMachine>, blobs: BTreeMap<String, LocalBlob>, plan: &Plan) {
    let (events, _heard) = mpsc::unbounded_channel();
    let machines = machines.into_iter().map(|machine| (machine.name().clone(), Arc::new(machine) as Arc<dyn Machine>));
    let runner = Runner {
        machines: machines.collect(),
        cluster: None,
        blobs,
        uploads: Arc::new(Semaphore::new(DEFAULT_UPLOADS)),
        events,
        cancel: CancellationToken::new(),
    };
    let report = Arc::new(runner).run(plan).await;
    assert!(report.succeeded(), "{report:?}");
}
