//! A small cluster in memory whose steps fail as a test says, and what came about on it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::future::BoxFuture;
use futures::{FutureExt, TryFutureExt};
use hardway_design::{Await, Drain, GroupId, Image, Manner, Object, Place, ResourceId};
use hardway_machine::fake::FakeMachine;
use hardway_machine::{Blob, Claim, Fault, Machine, MachineError, Output, Script, ScriptEvent};
use hardway_plan::{Action, Plan, Stage, Step};
use hardway_run::{ApiError, ClusterApi, Event, LocalBlob, Report, Runner};
use hardway_spec::MachineName;
use serde_json::json;
use sha2::{Digest, Sha256};
use tempfile::TempDir;
use tokio::sync::{Semaphore, mpsc};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// What goes wrong with a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// It says why, and nothing came about.
    Fails,
    /// The connection is lost, and nothing came about.
    LostBefore,
    /// The connection is lost; the step came about, and nobody heard of it.
    LostAfter,
    /// The step came about and was heard of; then the connection is lost.
    LostThen,
    /// It never ends.
    Hangs,
    /// The machine restarts in the middle of it, or cannot be reached: nothing came about, and for so long nobody gets
    /// there.
    Away(Duration),
}

/// A step's place and title.
pub(crate) type Name = (String, String);

/// The troubles to come and what came about.
#[derive(Default)]
pub(crate) struct World {
    troubles: Mutex<BTreeMap<Name, (Trouble, usize)>>,
    /// Machines that cannot be reached until then.
    away: Mutex<BTreeMap<MachineName, Instant>>,
    done: Mutex<BTreeSet<Name>>,
    copies: AtomicUsize,
    most_copies: AtomicUsize,
}

impl World {
    fn trouble(&self, name: &Name) -> Option<Trouble> {
        let mut troubles = self.troubles.lock().unwrap();
        let (trouble, times) = troubles.get_mut(name)?;
        *times = times.checked_sub(1)?;
        Some(*trouble)
    }

    fn make(&self, name: Name) {
        self.done.lock().unwrap().insert(name);
    }

    pub(crate) fn done(&self) -> BTreeSet<Name> {
        self.done.lock().unwrap().clone()
    }

    pub(crate) fn most_copies(&self) -> usize {
        self.most_copies.load(Ordering::SeqCst)
    }
}

struct StandMachine {
    fake: FakeMachine,
    world: Arc<World>,
}

impl StandMachine {
    fn name_of(&self, title: &str) -> Name {
        (self.name().to_string(), title.to_owned())
    }

    fn lost(&self) -> MachineError {
        self.error(Fault::ConnectionLost { reason: "the cable was pulled".to_owned() })
    }

    fn error(&self, fault: Fault) -> MachineError {
        MachineError { machine: self.name().clone(), fault }
    }

    /// Fails as long as the machine is away.
    fn reach(&self) -> Result<(), MachineError> {
        let away = self.world.away.lock().unwrap().get(self.name()).is_some_and(|until| Instant::now() < *until);
        let after = Duration::from_secs(5);
        if away {
            return Err(self.error(Fault::ConnectTimeout { host: self.name().to_string(), port: 22, after }));
        }
        Ok(())
    }

    fn leave(&self, length: Duration) -> MachineError {
        self.world.away.lock().unwrap().insert(self.name().clone(), Instant::now() + length);
        self.lost()
    }

    async fn steps(&self, script: &Script, on_event: &mut (dyn FnMut(ScriptEvent) + Send)) -> Result<(), MachineError> {
        self.reach()?;
        for (step, title) in titles(script) {
            let name = self.name_of(&title);
            let trouble = self.world.trouble(&name);
            if trouble == Some(Trouble::LostBefore) {
                return Err(self.lost());
            }
            on_event(ScriptEvent::Begin(step));
            match trouble {
                Some(Trouble::Fails) => {
                    let line = format!("{title}: no");
                    on_event(ScriptEvent::Output(line.clone()));
                    on_event(ScriptEvent::Failed(step, 1));
                    return Err(self.error(Fault::StepFailed { step, code: 1, output: vec![line] }));
                }
                Some(Trouble::Hangs) => std::future::pending().await,
                Some(Trouble::Away(length)) => return Err(self.leave(length)),
                _ => self.world.make(name),
            }
            if trouble == Some(Trouble::LostAfter) {
                return Err(self.lost());
            }
            on_event(ScriptEvent::Done(step));
            if trouble == Some(Trouble::LostThen) {
                return Err(self.lost());
            }
        }
        Ok(())
    }
}

impl Machine for StandMachine {
    fn name(&self) -> &MachineName {
        self.fake.name()
    }

    fn run<'a>(
        &'a self,
        script: &'a Script,
        on_event: &'a mut (dyn FnMut(ScriptEvent) + Send),
    ) -> BoxFuture<'a, Result<(), MachineError>> {
        self.steps(script, on_event).boxed()
    }

    fn copy<'a>(
        &'a self,
        blob: &'a Blob,
        on_bytes: &'a mut (dyn FnMut(u64) + Send),
    ) -> BoxFuture<'a, Result<(), MachineError>> {
        async move {
            self.reach()?;
            let name = self.name_of(&format!("Copy {}", blob.dest));
            let now = self.world.copies.fetch_add(1, Ordering::SeqCst) + 1;
            self.world.most_copies.fetch_max(now, Ordering::SeqCst);
            let trouble = self.world.trouble(&name);
            let result = match trouble {
                Some(Trouble::LostBefore) => {
                    // Cut off in its middle.
                    on_bytes(blob.size / 2);
                    Err(self.lost())
                }
                Some(Trouble::Away(length)) => {
                    on_bytes(blob.size / 2);
                    Err(self.leave(length))
                }
                Some(Trouble::Fails) => Err(self.error(Fault::DiskFull { dest: blob.dest.clone() })),
                Some(Trouble::Hangs) => std::future::pending().await,
                _ => self.fake.copy(blob, on_bytes).await,
            };
            self.world.copies.fetch_sub(1, Ordering::SeqCst);
            result?;
            self.world.make(name);
            if matches!(trouble, Some(Trouble::LostAfter | Trouble::LostThen)) { Err(self.lost()) } else { Ok(()) }
        }
        .boxed()
    }

    fn exec<'a>(&'a self, script: &'a str, stdin: &'a [u8]) -> BoxFuture<'a, Result<Output, MachineError>> {
        self.fake.exec(script, stdin)
    }

    fn hold<'a>(&'a self, holder: &'a str) -> BoxFuture<'a, Result<Claim, MachineError>> {
        self.fake.hold(holder)
    }
}

/// The number and title of each step that a script performs: the comment above a step's function is `# TITLE: REASON`.
fn titles(script: &Script) -> Vec<(usize, String)> {
    let lines: Vec<&str> = script.text.lines().collect();
    let title = |step: &str| {
        let function = lines.iter().position(|line| *line == format!("step_{step}() {{")).expect("it is defined");
        let comment = lines[function - 1].strip_prefix("# ").expect("its comment stands above");
        comment.rsplit_once(": ").expect("a reason follows").0.to_owned()
    };
    let steps = lines.iter().filter_map(|line| line.strip_prefix("perform "));
    steps.map(|step| (step.parse().expect("a number"), title(step))).collect()
}

struct StandCluster {
    world: Arc<World>,
}

impl StandCluster {
    fn do_step(&self, title: String) -> BoxFuture<'_, Result<(), ApiError>> {
        async move {
            let name = ("cluster".to_owned(), title.clone());
            let trouble = self.world.trouble(&name);
            if trouble == Some(Trouble::Hangs) {
                std::future::pending::<()>().await;
            }
            if !matches!(trouble, Some(Trouble::Fails | Trouble::LostBefore | Trouble::Away(_))) {
                self.world.make(name);
            }
            let Some(trouble) = trouble else { return Ok(()) };
            let may_pass = trouble != Trouble::Fails;
            Err(ApiError { text: format!("{title}: the API said no"), may_pass })
        }
        .boxed()
    }
}

impl ClusterApi for StandCluster {
    fn apply<'a>(&'a self, object: &'a Object) -> BoxFuture<'a, Result<(), ApiError>> {
        self.do_step(format!("Apply {}", object.name()))
    }

    fn delete<'a>(&'a self, object: &'a Object) -> BoxFuture<'a, Result<(), ApiError>> {
        self.do_step(format!("Delete {}", object.name()))
    }

    fn wait<'a>(&'a self, condition: &'a Await) -> BoxFuture<'a, Result<(), ApiError>> {
        self.do_step(format!("Wait until {}", condition.title()))
    }

    fn cordon<'a>(&'a self, node: &'a str) -> BoxFuture<'a, Result<(), ApiError>> {
        self.do_step(format!("Cordon node {node}"))
    }

    fn uncordon<'a>(&'a self, node: &'a str) -> BoxFuture<'a, Result<bool, ApiError>> {
        self.do_step(format!("Uncordon node {node}")).map_ok(|()| true).boxed()
    }

    fn drain<'a>(&'a self, drain: &'a Drain) -> BoxFuture<'a, Result<(), ApiError>> {
        self.do_step(format!("Drain {}", drain.node))
    }
}

/// Two machines and a cluster, kept from one run to the next.
pub(crate) struct Stand {
    pub(crate) world: Arc<World>,
    /// Bounds copies at once.
    pub(crate) uploads: usize,
    pub(crate) cancel: CancellationToken,
    /// How long a copy lasts.
    pub(crate) delay: Duration,
    pub(crate) folder: TempDir,
}

/// How a run went.
pub(crate) struct Ended {
    pub(crate) report: Report,
    pub(crate) events: Vec<Event>,
}

const CONTENT: &[u8] = b"a large file";

impl Stand {
    pub(crate) fn new() -> Self {
        Self {
            world: Arc::default(),
            uploads: 8,
            cancel: CancellationToken::new(),
            delay: Duration::ZERO,
            folder: tempfile::tempdir().unwrap(),
        }
    }

    /// Makes a step go wrong the next `times` times.
    pub(crate) fn trouble(&self, name: &Name, trouble: Trouble, times: usize) {
        self.world.troubles.lock().unwrap().insert(name.clone(), (trouble, times));
    }

    /// Nothing goes wrong any more.
    pub(crate) fn mend(&self) {
        self.world.troubles.lock().unwrap().clear();
        self.world.away.lock().unwrap().clear();
    }

    pub(crate) async fn run(&self, plan: &Plan) -> Ended {
        self.run_watched(plan, |_| {}).await
    }

    /// Shows each event as it comes.
    pub(crate) async fn run_watched(&self, plan: &Plan, mut watch: impl FnMut(&Event)) -> Ended {
        let local: PathBuf = self.folder.path().join("blob");
        std::fs::write(&local, CONTENT).unwrap();
        let (events, mut incoming) = mpsc::unbounded_channel();
        let machine = |name: &str| {
            let fake = FakeMachine::new(name).delay(self.delay);
            let machine = StandMachine { fake, world: self.world.clone() };
            (MachineName::from(name), Arc::new(machine) as Arc<dyn Machine>)
        };
        let runner = Arc::new(Runner {
            machines: BTreeMap::from([machine("cp1"), machine("w1")]),
            cluster: Some(Arc::new(StandCluster { world: self.world.clone() })),
            blobs: BTreeMap::from([(digest(), LocalBlob { path: local, packed: None })]),
            uploads: Arc::new(Semaphore::new(self.uploads)),
            events,
            cancel: self.cancel.clone(),
        });
        let mut seen = Vec::new();
        let watching = async {
            while let Some(event) = incoming.recv().await {
                watch(&event);
                seen.push(event);
            }
        };
        let (report, ()) = tokio::join!(runner.run(plan), watching);
        Ended { report, events: seen }
    }
}

fn digest() -> String {
    hex::encode(Sha256::digest(CONTENT))
}

fn step(title: impl Into<String>, action: Action) -> Step {
    let resource = ResourceId("x:y".to_owned());
    Step { title: title.into(), reason: "missing".to_owned(), resource, change: None, disruption: None, action }
}

fn blob(destination: &str) -> hardway_plan::Blob {
    hardway_plan::Blob {
        artifact: "blob".to_owned(),
        sha256: digest(),
        size: CONTENT.len() as u64,
        destination: destination.to_owned(),
    }
}

pub(crate) fn copy(destination: &str) -> Step {
    step(format!("Copy {destination}"), Action::CopyBinary(blob(destination)))
}

pub(crate) fn start(unit: &str) -> Step {
    step(format!("Start {unit}"), Action::StartUnit { unit: unit.to_owned(), reads: Vec::new(), ready: None })
}

pub(crate) fn copy_packages(archive: &str) -> Step {
    step(format!("Copy {archive}"), Action::CopyPackages(blob(archive)))
}

pub(crate) fn install(package: &str, archive: Option<&str>) -> Step {
    let (names, archive) = (vec![package.to_owned()], archive.map(ToOwned::to_owned));
    step(format!("Install {package}"), Action::InstallPackages { names, archive })
}

fn import(reference: &str) -> Step {
    let image = Image {
        name: reference.to_owned(),
        reference: reference.to_owned(),
        sha256: digest(),
        manifest_digest: "sha256:0".to_owned(),
        size: CONTENT.len() as u64,
    };
    step(format!("Import {reference}"), Action::ImportImage(image))
}

fn wait(condition: Await) -> Step {
    step(format!("Wait until {}", condition.title()), Action::WaitInCluster(condition))
}

fn apply(name: &str) -> Step {
    let value = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}});
    step(format!("Apply {name}"), Action::ApplyObject(Object { value }))
}

/// The stages that take `w1` out of the cluster, as the planner makes them.
pub(crate) fn leaving() -> Plan {
    let cordon = Action::Cordon { node: "w1".to_owned(), before: group("removal@w1") };
    let drain =
        Drain { node: "w1".to_owned(), manner: Manner::Ask, grace_period: None, limit: Duration::from_secs(60) };
    let node = json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "w1"}});
    let delete = Action::DeleteObject(Object { value: node });
    Plan {
        stages: vec![
            stage(
                "drain-w1@cluster",
                &[],
                vec![step("Cordon node w1", cordon), step("Drain w1", Action::Drain(drain))],
            ),
            stage("removal@w1", &["drain-w1@cluster"], vec![start("cleaning")]),
            stage("node-w1@cluster", &["removal@w1"], vec![step("Delete w1", delete)]),
        ],
    }
}

pub(crate) fn stage(id: &str, after: &[&str], steps: Vec<Step>) -> Stage {
    Stage { id: group(id), after: after.iter().map(|id| group(id)).collect(), steps }
}

/// `NAME@PLACE`.
pub(crate) fn group(id: &str) -> GroupId {
    let (name, place) = id.split_once('@').unwrap();
    let place = if place == "cluster" { Place::Cluster } else { Place::Machine(place.into()) };
    GroupId { place, name: name.to_owned() }
}

/// Every kind of step, with edges on a machine, between machines, and into the cluster.
pub(crate) fn plan() -> Plan {
    let delete = step("Delete old", Action::DeleteObject(Object { value: json!({"metadata": {"name": "old"}}) }));
    Plan {
        stages: vec![
            stage("packages@cp1", &[], vec![copy_packages("/p"), install("conntrack", Some("/p")), start("cron")]),
            stage("etcd@cp1", &[], vec![copy("/etcd"), start("etcd"), copy("/etcdctl"), start("etcd-auth")]),
            stage("api@cp1", &["packages@cp1", "etcd@cp1"], vec![copy("/kube-apiserver"), start("kube-apiserver")]),
            stage("containerd@w1", &[], vec![copy("/image"), start("containerd"), import("pause")]),
            stage("kubelet@w1", &["containerd@w1", "api@cp1"], vec![start("kubelet")]),
            stage("objects@cluster", &["api@cp1"], vec![wait(Await::ApiReady), apply("a"), apply("b"), delete]),
            stage("nodes@cluster", &["kubelet@w1"], vec![wait(Await::NodeReady("w1".to_owned()))]),
        ],
    }
}

/// Every step of a plan, with its stage.
pub(crate) fn steps(plan: &Plan) -> Vec<(GroupId, Name)> {
    let of = |stage: &Stage| {
        let names = stage.steps.iter().map(|step| (stage.id.clone(), (stage.id.place.to_string(), step.title.clone())));
        names.collect::<Vec<_>>()
    };
    plan.stages.iter().flat_map(of).collect()
}

/// What planning again would leave: the steps that did not come about.
pub(crate) fn rest(plan: &Plan, done: &BTreeSet<Name>) -> Plan {
    let mut rest = plan.clone();
    for stage in &mut rest.stages {
        let place = stage.id.place.to_string();
        stage.steps.retain(|step| !done.contains(&(place.clone(), step.title.clone())));
    }
    rest.stages.retain(|stage| !stage.steps.is_empty());
    let left: Vec<GroupId> = rest.stages.iter().map(|stage| stage.id.clone()).collect();
    for stage in &mut rest.stages {
        stage.after.retain(|id| left.contains(id));
    }
    rest
}
