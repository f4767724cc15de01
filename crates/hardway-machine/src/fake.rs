//! A machine in memory, for the tests of whoever uses machines.

mod probed;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use hardway_plan::script::Script;
use hardway_spec::MachineName;
use sha2::{Digest, Sha256};

pub use probed::probed;

use crate::{Blob, Claim, Fault, Hold, Machine, MachineError, Output, ScriptEvent};

/// What a fake machine was asked to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operation {
    Run(Script),
    Copy(Blob),
    Exec { script: String, stdin: Vec<u8> },
    Hold { holder: String },
}

/// What goes wrong with one operation.
#[derive(Debug)]
pub enum Trouble {
    /// Nothing happened on the machine.
    FailBefore(Fault),
    /// All of it happened, but nobody heard of it.
    FailAfter(Fault),
    /// It never ends.
    Hang,
}

type OnRun = Box<dyn Fn(&Script) -> Vec<ScriptEvent> + Send + Sync>;
type OnExec = Box<dyn Fn(&str, &[u8]) -> Output + Send + Sync>;

/// Records what it is asked to do, and answers as it was told to. Without being told, every step succeeds silently and
/// every command ends with status 0 and no output.
pub struct FakeMachine {
    name: MachineName,
    on_run: OnRun,
    on_exec: OnExec,
    delay: Duration,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    operations: Vec<Operation>,
    troubles: BTreeMap<usize, Trouble>,
    copied: BTreeSet<String>,
    holder: Arc<Mutex<Option<String>>>,
}

impl FakeMachine {
    pub fn new(name: impl Into<MachineName>) -> Self {
        Self {
            name: name.into(),
            on_run: Box::new(all_steps_succeed),
            on_exec: Box::new(|_, _| Output::default()),
            delay: Duration::ZERO,
            state: Mutex::default(),
        }
    }

    /// Says which events a stage's script gives. The first [`ScriptEvent::Failed`] makes it fail.
    pub fn on_run(mut self, answer: impl Fn(&Script) -> Vec<ScriptEvent> + Send + Sync + 'static) -> Self {
        self.on_run = Box::new(answer);
        self
    }

    pub fn on_exec(mut self, answer: impl Fn(&str, &[u8]) -> Output + Send + Sync + 'static) -> Self {
        self.on_exec = Box::new(answer);
        self
    }

    /// Makes every operation last this long: for tests with tokio's clock paused.
    pub fn delay(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// Makes operation `number`, from 0, go wrong.
    pub fn trouble(self, number: usize, trouble: Trouble) -> Self {
        self.state().troubles.insert(number, trouble);
        self
    }

    pub fn operations(&self) -> Vec<Operation> {
        self.state().operations.clone()
    }

    /// Whether a copy to this path has arrived.
    pub fn has(&self, dest: &str) -> bool {
        self.state().copied.contains(dest)
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// Records the operation and does it, unless there is trouble.
    async fn perform<T>(
        &self,
        operation: Operation,
        action: impl AsyncFnOnce() -> Result<T, Fault>,
    ) -> Result<T, MachineError> {
        let trouble = {
            let mut state = self.state();
            let number = state.operations.len();
            state.operations.push(operation);
            state.troubles.remove(&number)
        };
        if self.delay > Duration::ZERO {
            tokio::time::sleep(self.delay).await;
        }
        let result = match trouble {
            None => action().await,
            Some(Trouble::Hang) => std::future::pending().await,
            Some(Trouble::FailBefore(fault)) => Err(fault),
            Some(Trouble::FailAfter(fault)) => action().await.and(Err(fault)),
        };
        result.map_err(|fault| MachineError { machine: self.name.clone(), fault })
    }
}

impl Machine for FakeMachine {
    fn name(&self) -> &MachineName {
        &self.name
    }

    fn run<'a>(
        &'a self,
        script: &'a Script,
        on_event: &'a mut (dyn FnMut(ScriptEvent) + Send),
    ) -> BoxFuture<'a, Result<(), MachineError>> {
        let events = (self.on_run)(script);
        self.perform(Operation::Run(script.clone()), async move || play(events, on_event)).boxed()
    }

    fn copy<'a>(
        &'a self,
        blob: &'a Blob,
        on_bytes: &'a mut (dyn FnMut(u64) + Send),
    ) -> BoxFuture<'a, Result<(), MachineError>> {
        let copy = async move || {
            let local = |source| Fault::LocalFile { path: blob.local.clone(), source };
            let bytes = std::fs::read(&blob.local).map_err(local)?;
            let (expected, actual) = (blob.size, bytes.len() as u64);
            if actual != expected {
                return Err(Fault::LocalSize { path: blob.local.clone(), expected, actual });
            }
            on_bytes(actual);
            let digest = hex::encode(Sha256::digest(&bytes));
            if digest != blob.sha256 {
                let (dest, expected) = (blob.dest.clone(), blob.sha256.clone());
                return Err(Fault::DigestMismatch { dest, expected, actual: digest });
            }
            self.state().copied.insert(blob.dest.clone());
            Ok(())
        };
        self.perform(Operation::Copy(blob.clone()), copy).boxed()
    }

    fn exec<'a>(&'a self, script: &'a str, stdin: &'a [u8]) -> BoxFuture<'a, Result<Output, MachineError>> {
        let output = (self.on_exec)(script, stdin);
        let operation = Operation::Exec { script: script.to_owned(), stdin: stdin.to_vec() };
        self.perform(operation, async move || Ok(output)).boxed()
    }

    fn hold<'a>(&'a self, holder: &'a str) -> BoxFuture<'a, Result<Claim, MachineError>> {
        let claim = async move || {
            let slot = self.state().holder.clone();
            {
                let mut taken = lock(&slot);
                if taken.is_some() {
                    return Ok(Claim::Taken(taken.clone()));
                }
                *taken = Some(holder.to_owned());
            }
            Ok(Claim::Held(Hold::kept(|released| async move {
                // Released or dropped, which is the same.
                let _ = released.await;
                *lock(&slot) = None;
            })))
        };
        self.perform(Operation::Hold { holder: holder.to_owned() }, claim).boxed()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().expect("no holder of the lock panics")
}

/// A rendered stage ends with a line `perform N` per step.
fn all_steps_succeed(script: &Script) -> Vec<ScriptEvent> {
    let steps = script.text.lines().filter_map(|line| line.strip_prefix("perform ")?.parse().ok());
    steps.flat_map(|step| [ScriptEvent::Begin(step), ScriptEvent::Done(step)]).collect()
}

/// Ends as a real stage does: at the first step that fails, with the lines that it wrote.
fn play(events: Vec<ScriptEvent>, on_event: &mut (dyn FnMut(ScriptEvent) + Send)) -> Result<(), Fault> {
    let mut output = Vec::new();
    for event in events {
        on_event(event.clone());
        match event {
            ScriptEvent::Begin(_) => output.clear(),
            ScriptEvent::Output(line) => output.push(line),
            ScriptEvent::Done(_) => {}
            ScriptEvent::Failed(step, code) => return Err(Fault::StepFailed { step, code, output }),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stage() -> Script {
        Script { text: "perform 0\nperform 1\n".to_owned(), files: Vec::new() }
    }

    #[tokio::test]
    async fn every_step_of_a_stage_succeeds_unless_told_otherwise() {
        let machine = FakeMachine::new("cp1");
        let mut events = Vec::new();
        machine.run(&stage(), &mut |event| events.push(event)).await.unwrap();
        assert_eq!(events, [ScriptEvent::Begin(0), ScriptEvent::Done(0), ScriptEvent::Begin(1), ScriptEvent::Done(1)]);
        assert_eq!(machine.operations(), [Operation::Run(stage())]);
    }

    #[tokio::test]
    async fn trouble_strikes_before_or_after_the_operation() {
        let lost = || Fault::ConnectionLost { reason: "pulled".to_owned() };
        let machine =
            FakeMachine::new("cp1").trouble(0, Trouble::FailBefore(lost())).trouble(1, Trouble::FailAfter(lost()));
        let mut heard = 0;
        assert!(machine.run(&stage(), &mut |_| heard += 1).await.is_err());
        assert_eq!(heard, 0);
        assert!(machine.run(&stage(), &mut |_| heard += 1).await.is_err());
        assert_eq!(heard, 4);
        assert!(machine.run(&stage(), &mut |_| {}).await.is_ok());
    }
}
