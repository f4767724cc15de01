//! One run at a time on a cluster, wherever it is run from.
//!
//! The lock is on the control planes: a change of any machine is made with their keys and ends at their API, and they
//! are few. Every one that is reached is taken, in the spec's order, so that of two operators who begin at once one gets
//! through. It lives with the connection: nothing has to be cleaned up after a run that was killed.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use hardway_machine::{Claim, Fault, Hold, Machine, MachineError, settle};
use hardway_spec::MachineName;
use hardway_workspace::Holder;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::connect::grouped;
use super::{Machines, Session};
use crate::error::CommandError;

/// Between two tries to take a machine again whose connection was lost: a machine that restarts needs a few.
const PAUSE: Duration = Duration::from_secs(2);

/// What takes no longer needs no word.
const SILENCE: Duration = Duration::from_secs(2);

/// This run is the only one, until this is released or dropped.
pub struct ClusterLock {
    released: CancellationToken,
    keepers: Vec<JoinHandle<()>>,
    /// Who took a machine while its connection was lost.
    taken: mpsc::UnboundedReceiver<Locked>,
    /// Kept, so that the channel stays open where nothing is held.
    _takers: mpsc::UnboundedSender<Locked>,
}

/// Somebody else changes the cluster.
#[derive(Debug, thiserror::Error)]
#[error("the cluster {cluster} is being changed by {by}, says {machine}")]
struct Locked {
    cluster: String,
    machine: MachineName,
    by: String,
}

impl Locked {
    fn new(cluster: &str, machine: &MachineName, holder: Option<&str>) -> Self {
        let by = holder
            .and_then(|text| serde_json::from_str::<Holder>(text).ok())
            .map_or_else(|| "another run".to_owned(), |holder| holder.to_string());
        Self { cluster: cluster.to_owned(), machine: machine.clone(), by }
    }
}

impl From<Locked> for CommandError {
    fn from(locked: Locked) -> Self {
        Self::input(locked).with_help(
            "wait until it is done: the lock goes with that run, or half a minute after the machine that it runs on",
        )
    }
}

impl Session {
    /// Makes this the only run on the cluster, for as long as the lock is held.
    pub async fn lock_cluster(&self, holder: &Holder, machines: &Machines) -> Result<ClusterLock, CommandError> {
        let cluster = &self.cluster.metadata.name;
        let text: Arc<str> = serde_json::to_string(holder).expect("plain strings and numbers are always JSON").into();
        let (takers, taken) = mpsc::unbounded_channel();
        let mut lock =
            ClusterLock { released: CancellationToken::new(), keepers: Vec::new(), taken, _takers: takers.clone() };
        for machine in self.cluster.control_planes().filter_map(|machine| machines.get(&machine.name)) {
            match machine.hold(&text).await {
                Ok(Claim::Held(hold)) => {
                    let keeper = Keeper {
                        cluster: cluster.clone(),
                        machine: machine.clone(),
                        holder: text.clone(),
                        released: lock.released.clone(),
                        takers: takers.clone(),
                    };
                    lock.keepers.push(tokio::spawn(keeper.keep(hold)));
                }
                // Another name of a machine that is held already.
                Ok(Claim::Taken(by)) if by.as_deref() == Some(&*text) => {}
                Ok(Claim::Taken(by)) => {
                    lock.release().await;
                    return Err(Locked::new(cluster, machine.name(), by.as_deref()).into());
                }
                Err(error) => {
                    lock.release().await;
                    return Err(CommandError::Obstacles(grouped([&error])));
                }
            }
        }
        if lock.keepers.is_empty() {
            self.output.note("no control plane can be reached: whether somebody else changes the cluster is not known");
        }
        self.settle(machines).await?;
        Ok(lock)
    }

    /// Waits for steps that a run which was cut off left at work, and says so where that takes a while.
    async fn settle(&self, machines: &Machines) -> Result<(), CommandError> {
        let all = join_all(machines.values().map(async |machine| settle(machine.as_ref()).await));
        tokio::pin!(all);
        let outcomes = match tokio::time::timeout(SILENCE, &mut all).await {
            Ok(outcomes) => outcomes,
            Err(_) => {
                self.output.note("waiting for a step that an earlier run left at work");
                all.await
            }
        };
        // A machine that was lost meanwhile is found so by whatever is asked of it next.
        let at_work = |error: &MachineError| matches!(error.fault, Fault::StillAtWork { .. });
        let failures: Vec<MachineError> = outcomes.into_iter().filter_map(Result::err).filter(at_work).collect();
        if failures.is_empty() { Ok(()) } else { Err(CommandError::Obstacles(grouped(&failures))) }
    }
}

impl ClusterLock {
    /// Works for as long as the lock is ours, and lets go of it.
    pub async fn during<T>(mut self, work: impl Future<Output = Result<T, CommandError>>) -> Result<T, CommandError> {
        let result = tokio::select! {
            result = work => result,
            Some(locked) = self.taken.recv() => Err(locked.into()),
        };
        self.release().await;
        result
    }

    /// Returns when the machines know it: the next command finds them free.
    async fn release(self) {
        self.released.cancel();
        join_all(self.keepers).await;
    }
}

/// Holds one machine, again after its connection was lost.
struct Keeper {
    cluster: String,
    machine: Arc<dyn Machine>,
    holder: Arc<str>,
    released: CancellationToken,
    takers: mpsc::UnboundedSender<Locked>,
}

impl Keeper {
    async fn keep(self, mut hold: Hold) {
        loop {
            tokio::select! {
                () = self.released.cancelled() => return hold.release().await,
                () = hold.lost() => {}
            }
            tokio::select! {
                () = self.released.cancelled() => return,
                again = self.again() => match again {
                    Some(again) => hold = again,
                    None => return,
                },
            }
        }
    }

    /// Takes the machine again, unless somebody else has done so meanwhile.
    async fn again(&self) -> Option<Hold> {
        loop {
            match self.machine.hold(&self.holder).await {
                Ok(Claim::Held(hold)) => return Some(hold),
                // The machine may not have noticed yet that the connection is gone.
                Ok(Claim::Taken(by)) if by.as_deref() == Some(&*self.holder) => {}
                Ok(Claim::Taken(by)) => {
                    // Nobody listens any more where the run is over.
                    let _ = self.takers.send(Locked::new(&self.cluster, self.machine.name(), by.as_deref()));
                    return None;
                }
                Err(_) => {}
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use hardway_machine::fake::{FakeMachine, Operation};
    use hardway_ui::{Format, Output};

    use super::*;

    fn session(folder: &std::path::Path) -> Session {
        let text = "apiVersion: hardway/v1alpha1\nkind: Cluster\nmetadata: {name: c}\nspec:\n  machines:\n    \
                    - {name: cp1, address: 192.0.2.11, roles: [control-plane]}\n    \
                    - {name: cp2, address: 192.0.2.12, roles: [control-plane]}\n    \
                    - {name: cp3, address: 192.0.2.13, roles: [control-plane]}\n    \
                    - {name: w1, address: 192.0.2.21, roles: [worker]}\n";
        std::fs::write(folder.join("cluster.yaml"), text).unwrap();
        Session {
            workspace: hardway_workspace::Workspace::open(folder).unwrap(),
            cluster: hardway_spec::parse(text, "cluster.yaml").unwrap(),
            output: Output { format: Format::Text, quiet: true, verbose: false },
            handshakes: hardway_machine::Handshakes::new(1),
            uploads: 1,
            bundle: None,
        }
    }

    fn holder(host: &str) -> Holder {
        Holder {
            command: "hardway apply".to_owned(),
            user: "ada".to_owned(),
            host: host.to_owned(),
            process: 7,
            since: "2026-11-23T17:00:00Z".parse().unwrap(),
        }
    }

    fn machines(names: &[&str]) -> Machines {
        names
            .iter()
            .map(|name| (MachineName::from(*name), Arc::new(FakeMachine::new(*name)) as Arc<dyn Machine>))
            .collect()
    }

    fn cause(result: Result<ClusterLock, CommandError>) -> String {
        match result {
            Err(CommandError::Input { source, .. }) => source.to_string(),
            Err(other) => panic!("{other:?}"),
            Ok(_) => panic!("two have the lock"),
        }
    }

    #[tokio::test]
    async fn a_second_operator_is_told_who_runs_since_when_and_where() {
        let folder = tempfile::tempdir().unwrap();
        let (session, machines) = (session(folder.path()), machines(&["cp1", "cp2", "cp3", "w1"]));
        let lock = session.lock_cluster(&holder("desk"), &machines).await.unwrap();
        assert_eq!(
            cause(session.lock_cluster(&holder("laptop"), &machines).await),
            "the cluster c is being changed by ada's `hardway apply` (process 7 on desk) since 2026-11-23T17:00:00Z, \
             says cp1"
        );
        lock.release().await;
        session.lock_cluster(&holder("laptop"), &machines).await.unwrap();
    }

    #[tokio::test]
    async fn who_is_refused_by_one_machine_keeps_none() {
        let folder = tempfile::tempdir().unwrap();
        let (session, all) = (session(folder.path()), machines(&["cp1", "cp2", "cp3"]));
        // The first cannot reach cp1, and the second can.
        let mut some = all.clone();
        some.remove(&MachineName::from("cp1"));
        let lock = session.lock_cluster(&holder("desk"), &some).await.unwrap();
        assert!(cause(session.lock_cluster(&holder("laptop"), &all).await).ends_with("says cp2"));
        lock.release().await;
        session.lock_cluster(&holder("desk"), &all).await.unwrap();
    }

    #[tokio::test]
    async fn workers_are_not_asked() {
        let folder = tempfile::tempdir().unwrap();
        let session = session(folder.path());
        let worker = Arc::new(FakeMachine::new("w1"));
        let machines: Machines = BTreeMap::from([(MachineName::from("w1"), worker.clone() as Arc<dyn Machine>)]);
        session.lock_cluster(&holder("desk"), &machines).await.unwrap();
        assert!(!worker.operations().iter().any(|operation| matches!(operation, Operation::Hold { .. })));
    }

    #[tokio::test]
    async fn work_ends_when_somebody_else_took_the_machine() {
        let folder = tempfile::tempdir().unwrap();
        let (session, machines) = (session(folder.path()), machines(&["cp1"]));
        let lock = session.lock_cluster(&holder("desk"), &machines).await.unwrap();
        assert_eq!(lock.during(async { Ok(5) }).await.unwrap(), 5);
        let lock = session.lock_cluster(&holder("desk"), &machines).await.unwrap();
        lock._takers.send(Locked::new("c", &MachineName::from("cp1"), None)).unwrap();
        let error = lock.during(std::future::pending::<Result<(), CommandError>>()).await.unwrap_err();
        assert!(matches!(error, CommandError::Input { source, .. }
            if source.to_string() == "the cluster c is being changed by another run, says cp1"));
    }
}
