//! From a spec to a plan: connect, probe, design, observe.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures::future::join_all;
use hardway_cluster::{Access, Credentials, Live};
use hardway_design::{
    Catalog, Content, Design, Inputs, MachineFacts, NodeSeen, Observation, Observed, Place, Resource, ResourceId,
};
use hardway_export::ExportedFile;
use hardway_machine::{Depth, Machine, MachineError, machine_facts, observe};
use hardway_pki::{FormerNames, Identity, former_names};
use hardway_plan::{
    Fingerprints, Obstacle, Proposal, SavedPlan, Selection, Sight, WorkspaceChange, departed, held_up, lint, plan,
    platform, preflight, strangers, without,
};
use hardway_spec::MachineName;
use hardway_workspace::{Held, Holder};
use jiff::Timestamp;

use super::connect::grouped;
use super::material::{Keys, Renewal};
use super::{ADMIN_REMOTE, API_NAME, ClusterLock, Machines, Material, Session, workspace_error};
use crate::error::{CommandError, Message};

/// What is looked at, and with which certificates the design is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope<'a> {
    /// Machines and the live cluster. Machines outside of the selection are looked at where they can be reached.
    Plan(Option<&'a Selection>, FormerNames),
    /// Machines and the live cluster, with certificates as they are.
    Status,
    /// Only what the design needs to be made.
    Export,
    /// Only what the design needs to be made, with certificates as they are.
    Verify,
}

impl Scope<'_> {
    fn renewal(self) -> Renewal {
        match self {
            Self::Plan(_, former) => Renewal::Due(former),
            Self::Export => Renewal::Due(FormerNames::Kept),
            Self::Status | Self::Verify => Renewal::AbsentOnly,
        }
    }

    fn looks(self) -> bool {
        matches!(self, Self::Plan(..) | Self::Status)
    }

    /// Whether the machine is one of those that it is about.
    fn covers(self, machine: &MachineName) -> bool {
        match self {
            Self::Plan(selection, _) => is_covered(selection, machine),
            Self::Status | Self::Export | Self::Verify => true,
        }
    }

    /// Whether there is no going on without the machine. Of all machines, those go on that can be reached.
    fn needs(self, machine: &MachineName) -> bool {
        self.covers(machine) && !matches!(self, Self::Plan(None, _))
    }
}

fn is_covered(selection: Option<&Selection>, machine: &MachineName) -> bool {
    selection.is_none_or(|selection| selection.contains(&Place::Machine(machine.clone())))
}

/// A cluster as it should be and as it was just seen.
pub struct Prepared {
    pub material: Material,
    pub machines: Machines,
    pub facts: BTreeMap<MachineName, MachineFacts>,
    pub design: Design,
    pub sight: Sight,
    pub live: Live,
    /// Machines that could not be looked at and that are not needed.
    not_looked_at: BTreeSet<MachineName>,
    /// Those of them that should have been, by cause.
    left_out: Vec<Obstacle>,
}

impl Session {
    /// Reads everything and changes nothing.
    pub async fn prepare(&self, scope: Scope<'_>) -> Result<Prepared, CommandError> {
        self.read(scope, None).await.map(|(prepared, _)| prepared)
    }

    /// As [`Session::prepare`], with the cluster locked before it is looked at.
    pub async fn prepare_alone(
        &self,
        scope: Scope<'_>,
        holder: &Holder,
    ) -> Result<(Prepared, ClusterLock), CommandError> {
        let (prepared, lock) = self.read(scope, Some(holder)).await?;
        Ok((prepared, lock.expect("it is taken for the holder")))
    }

    async fn read(
        &self,
        scope: Scope<'_>,
        holder: Option<&Holder>,
    ) -> Result<(Prepared, Option<ClusterLock>), CommandError> {
        let reach = async {
            let (machines, mut failures) = self.connect().await?;
            self.needed(scope, &machines, &failures)?;
            let lock = async {
                match holder {
                    Some(holder) => self.lock_cluster(holder, &machines).await.map(Some),
                    None => Ok(None),
                }
            };
            let (lock, (facts, more)) = tokio::join!(lock, probe(&machines));
            failures.extend(more);
            Ok((machines, lock?, facts, failures))
        };
        // A machine that cannot be reached is said before components are built for it.
        let (material, (mut machines, lock, mut facts, mut failures)) =
            tokio::try_join!(self.material(scope.renewal()), reach)?;
        machines.retain(|name, _| facts.contains_key(name));
        self.needed(scope, &machines, &failures)?;
        let obstacles = unsupported(facts.iter().filter(|(name, _)| scope.covers(name) && !self.leaves(name)));
        if !obstacles.is_empty() {
            return Err(CommandError::Obstacles(obstacles));
        }
        // Nothing is planned for machines that were not looked at, but a design has all machines: any facts will do.
        if let Some(any) = facts.values().next().cloned() {
            facts.extend(failures.iter().map(|failure| (failure.machine.clone(), any.of_its_kind())));
        }
        let inputs = Inputs {
            cluster: &self.cluster,
            bundle: &material.keys.bundle,
            encryption_key: &material.keys.encryption_key,
            catalog: &material.catalog,
            facts: &facts,
        };
        let design = hardway_design::design(&inputs).map_err(CommandError::failed)?;
        let live = self.live(&material.keys).await?;
        let mut sight = Sight::default();
        if scope.looks() {
            let (on_machines, more, in_cluster) = look(&design, &machines, &live).await;
            failures.extend(more);
            machines.retain(|name, _| on_machines.contains_key(name));
            self.needed(scope, &machines, &failures)?;
            let (cluster, nodes) = in_cluster?;
            sight = Sight { machines: on_machines, cluster, nodes };
        }
        let not_looked_at = failures.iter().map(|failure| failure.machine.clone()).collect();
        let missed = failures.iter().filter(|failure| scope.covers(&failure.machine) && !self.leaves(&failure.machine));
        let left_out = grouped(missed);
        Ok((Prepared { material, machines, facts, design, sight, live, not_looked_at, left_out }, lock))
    }

    fn leaves(&self, machine: &MachineName) -> bool {
        self.cluster.leaving().any(|leaving| leaving.name == *machine)
    }

    /// Whether the spec says that the machine is dead.
    pub fn is_given_up(&self, machine: &MachineName) -> bool {
        let removal = self.cluster.machine(machine.as_str()).and_then(|machine| machine.removed);
        removal.is_some_and(|removal| removal.force)
    }

    /// Ends a command that cannot go on without the machines that failed, or has no machine to go on with.
    fn needed(&self, scope: Scope<'_>, machines: &Machines, failures: &[MachineError]) -> Result<(), CommandError> {
        let nobody = machines.is_empty() && !failures.is_empty();
        let needs = |failure: &MachineError| scope.needs(&failure.machine) && !self.leaves(&failure.machine);
        if nobody || failures.iter().any(needs) {
            let causes = failures.iter().filter(|failure| nobody || needs(failure));
            return Err(CommandError::Obstacles(grouped(causes)));
        }
        let silent = match scope {
            Scope::Plan(..) => {
                self.silent_without_leave(failures.iter().filter(|failure| scope.covers(&failure.machine)))
            }
            Scope::Status | Scope::Export | Scope::Verify => Vec::new(),
        };
        if silent.is_empty() { Ok(()) } else { Err(CommandError::Obstacles(silent)) }
    }

    /// Machines that are to leave in good order and cannot be reached for it.
    fn silent_without_leave<'a>(&self, failures: impl Iterator<Item = &'a MachineError>) -> Vec<Obstacle> {
        let asked = |failure: &&MachineError| self.leaves(&failure.machine) && !self.is_given_up(&failure.machine);
        let mut silent = grouped(failures.filter(asked));
        for obstacle in &mut silent {
            obstacle.cause = format!("it leaves the cluster, and {}", obstacle.cause);
            obstacle.help = format!(
                "{}; if the machine is dead, write `removed: {{force: true}}`; if it was removed already, take its entry \
                 out of cluster.yaml",
                obstacle.help
            );
        }
        silent
    }

    /// Writes the administrator's kubeconfig where it is not as it should be.
    ///
    /// Takes neither machines nor components. Certificates that are due are left to `apply`.
    pub async fn prepare_kubeconfig(&self) -> Result<(), CommandError> {
        if self.kubeconfig_changes(&self.admin_kubeconfig(&self.keys(Renewal::AbsentOnly).await?)?)?.is_empty() {
            return Ok(());
        }
        let _lock = self.lock("kubeconfig")?;
        // Another command may have made the keys before the lock was free.
        let keys = self.keys(Renewal::AbsentOnly).await?;
        if keys.issued.iter().any(|issued| matches!(issued.identity, Identity::Admin | Identity::ClusterAuthority)) {
            self.keep(&keys)?;
        }
        self.write_kubeconfigs(&self.admin_kubeconfig(&keys)?)
    }

    fn admin_kubeconfig(&self, keys: &Keys) -> Result<Vec<(String, Content)>, CommandError> {
        let mut kubeconfigs = self.kubeconfigs(keys)?;
        kubeconfigs.retain(|(path, _)| path == ADMIN_REMOTE);
        Ok(kubeconfigs)
    }

    /// Every kubeconfig of the workspace, by its path there.
    fn kubeconfigs(&self, keys: &Keys) -> Result<Vec<(String, Content)>, CommandError> {
        let (catalog, facts) = (Catalog::default(), BTreeMap::new());
        let inputs = Inputs {
            cluster: &self.cluster,
            bundle: &keys.bundle,
            encryption_key: &keys.encryption_key,
            catalog: &catalog,
            facts: &facts,
        };
        let kubeconfigs = hardway_design::kubeconfigs(&inputs).map_err(CommandError::failed)?;
        Ok(kubeconfigs.into_iter().collect())
    }

    fn kubeconfig_changes(&self, kubeconfigs: &[(String, Content)]) -> Result<Vec<WorkspaceChange>, CommandError> {
        let mut changes = Vec::new();
        for (path, content) in kubeconfigs {
            let reason = match self.workspace.held(path, content).map_err(workspace_error)? {
                Held::Same => continue,
                Held::Other => "content differs",
                Held::Nothing => "missing",
            };
            changes.push(WorkspaceChange { title: format!("Write {path}"), reason: reason.to_owned() });
        }
        Ok(changes)
    }

    fn write_kubeconfigs(&self, kubeconfigs: &[(String, Content)]) -> Result<(), CommandError> {
        for (path, content) in kubeconfigs {
            self.workspace.write(path, content).map_err(workspace_error)?;
        }
        Ok(())
    }

    /// The API as the administrator.
    async fn live(&self, keys: &Keys) -> Result<Live, CommandError> {
        let server = self
            .api_address()
            .await
            .ok_or_else(|| CommandError::input(Message("the spec has no control plane".to_owned())))?;
        let authority = keys.bundle.get(&Identity::ClusterAuthority).map_err(CommandError::failed)?;
        let admin = keys.bundle.get(&Identity::Admin).map_err(CommandError::failed)?;
        let access = Access {
            server,
            // Not the endpoint's: a new one is in the certificate only when the run that brings it is done.
            server_name: API_NAME.to_owned(),
            authority: authority.certificate.clone(),
        };
        Live::connect(&access, &Credentials::Certificate(admin.clone())).map_err(CommandError::failed)
    }
}

impl Prepared {
    /// Every file of the hard way, and the runbook.
    pub fn export(&self, session: &Session) -> Result<Vec<ExportedFile>, CommandError> {
        hardway_export::export(&self.inputs(session), &self.design).map_err(CommandError::failed)
    }

    fn inputs<'a>(&'a self, session: &'a Session) -> Inputs<'a> {
        Inputs {
            cluster: &session.cluster,
            bundle: &self.material.keys.bundle,
            encryption_key: &self.material.keys.encryption_key,
            catalog: &self.material.catalog,
            facts: &self.facts,
        }
    }

    /// Names and addresses that clients may still call the API by, though the spec has others.
    pub fn former_names(&self, session: &Session) -> Vec<String> {
        let names = former_names(&session.cluster, &self.material.keys.bundle);
        names.iter().map(ToString::to_string).collect()
    }

    /// What is to be done at the selected places, unless something stands in its way there.
    pub fn propose(&self, session: &Session, selection: Option<&Selection>) -> Result<Proposal, CommandError> {
        let covers = |name: &MachineName| is_covered(selection, name);
        let plan = plan(&session.cluster.metadata.name, &self.design, &self.sight).map_err(CommandError::failed)?;
        self.none_goes_alone(&plan, selection)?;
        let mut workspace = self.material.keys.changes();
        workspace.extend(session.artifact_lock_changes(&self.material.lock)?);
        workspace.extend(session.kubeconfig_changes(&session.kubeconfigs(&self.material.keys)?)?);
        // The cluster is to do without those that leave, whether they can be reached or not.
        let absent = self.not_looked_at.iter().filter(|name| !session.leaves(name)).cloned().collect();
        let (plan, waiting) = without(plan, &self.design, &absent, self.sight.cluster.is_some());
        let mut proposal = Proposal::new(workspace, plan, selection);
        proposal.not_looked_at = self.not_looked_at.iter().cloned().collect();
        proposal.waiting = waiting;
        proposal.strangers = strangers(&session.cluster, &self.sight);
        proposal.findings = lint(&session.cluster.metadata.name, &self.design, &self.sight, &proposal.plan)
            .map_err(CommandError::failed)?;
        let facts = self.facts.iter().filter(|(name, _)| covers(name));
        let facts = facts.map(|(name, facts)| (name.clone(), facts.clone())).collect();
        let mut obstacles = preflight(&session.cluster, &self.design, &facts, &self.sight.machines, &proposal.plan);
        let held_up = held_up(&session.cluster.metadata.name, &self.design, &self.sight);
        let held_up = held_up.map_err(CommandError::failed)?;
        obstacles.extend(held_up.into_iter().filter(|obstacle| obstacle.machines.iter().any(&covers)));
        if obstacles.is_empty() { Ok(proposal) } else { Err(CommandError::Obstacles(obstacles)) }
    }

    /// Refuses to take away by itself what others rest on: they have to do without it first.
    fn none_goes_alone(&self, plan: &hardway_plan::Plan, selection: Option<&Selection>) -> Result<(), CommandError> {
        let Some(selection) = selection else { return Ok(()) };
        let leaving = self.design.leaving.iter().filter(|leaving| !leaving.is_only_a_worker);
        let mut rested_on: BTreeSet<MachineName> = leaving.map(|leaving| leaving.machine.clone()).collect();
        rested_on.extend(hardway_plan::rested_on(plan));
        rested_on.retain(|name| selection.contains(&Place::Machine(name.clone())));
        if rested_on.is_empty() {
            return Ok(());
        }
        let names: Vec<&str> = rested_on.iter().map(MachineName::as_str).collect();
        let names = names.join(", ");
        let message = format!("{names} leaves or loses a role, and the other machines have to do without it first");
        Err(CommandError::input(Message(message)).with_help("leave out --only and --only-role"))
    }

    /// What is to be done by hand about machines that left, once the plan is carried out.
    pub fn farewells(&self, selection: Option<&Selection>) -> Vec<String> {
        let names = |machines: Vec<&MachineName>| {
            let names = machines.into_iter().filter(|name| is_covered(selection, name)).map(ToString::to_string);
            names.collect::<Vec<_>>().join(", ")
        };
        let (clean, lost) = departed(&self.design, &self.sight);
        let (clean, lost) = (names(clean), names(lost));
        let mut lines = Vec::new();
        if !clean.is_empty() {
            lines.push(format!("left the cluster: {clean}; take the entry out of cluster.yaml"));
        }
        if !lost.is_empty() {
            lines.push(format!(
                "the cluster does without {lost}, and refuses it should it come back; apply cleans it then: leave the \
                 entry in cluster.yaml for as long as that may happen"
            ));
        }
        lines
    }

    /// Fails where machines were left out: to be asked when all else is done.
    pub fn nobody_left_out(&self) -> Result<(), CommandError> {
        if self.left_out.is_empty() { Ok(()) } else { Err(CommandError::Obstacles(self.left_out.clone())) }
    }

    /// The proposal as a file can hold it.
    pub fn save(&self, session: &Session, proposal: &Proposal) -> Result<SavedPlan, CommandError> {
        let spec = session.workspace.read_spec().map_err(workspace_error)?;
        Ok(SavedPlan::new(
            env!("CARGO_PKG_VERSION"),
            &session.cluster.metadata.name,
            Timestamp::now(),
            proposal.only.clone(),
            Fingerprints::of(&spec, &self.inputs(session)),
            &proposal.plan,
        ))
    }

    /// Writes into the workspace what the design was made from and what is made from it. For the lock's holder only.
    pub fn keep(&self, session: &Session) -> Result<(), CommandError> {
        session.keep_artifact_lock(&self.material.lock)?;
        session.keep(&self.material.keys)?;
        session.write_kubeconfigs(&session.kubeconfigs(&self.material.keys)?)
    }
}

/// What was seen of each machine, and what the others failed with.
type Answers<T> = (BTreeMap<MachineName, T>, Vec<MachineError>);

async fn probe(machines: &Machines) -> Answers<MachineFacts> {
    let answers = join_all(machines.iter().map(async |(name, machine)| (name, machine_facts(machine.as_ref()).await)));
    collect(answers.await)
}

/// Splits what machines answered from what they failed with.
fn collect<T>(answers: Vec<(&MachineName, Result<T, MachineError>)>) -> Answers<T> {
    let mut seen = BTreeMap::new();
    let mut failures = Vec::new();
    for (name, answer) in answers {
        match answer {
            Ok(value) => {
                seen.insert(name.clone(), value);
            }
            Err(error) => failures.push(error),
        }
    }
    (seen, failures)
}

/// Machines that no design could be made for.
fn unsupported<'a>(facts: impl Iterator<Item = (&'a MachineName, &'a MachineFacts)>) -> Vec<Obstacle> {
    Obstacle::grouped(
        facts.flat_map(|(name, facts)| platform(facts).into_iter().map(move |trouble| (name.clone(), trouble))),
    )
}

/// The objects, where the API answers, and the nodes.
type InCluster = Result<(Option<BTreeMap<ResourceId, Observation>>, BTreeMap<String, NodeSeen>), CommandError>;

async fn look(
    design: &Design,
    machines: &Machines,
    live: &Live,
) -> (BTreeMap<MachineName, Observed>, Vec<MachineError>, InCluster) {
    let resources = design.looked_at();
    let on_machines = join_all(machines.iter().map(async |(name, machine): (&MachineName, &Arc<dyn Machine>)| {
        let resources = resources.get(name).map(Vec::as_slice).unwrap_or_default();
        (name, observe(machine.as_ref(), resources, Depth::Changed).await)
    }));
    let objects: Vec<&hardway_design::Object> = design
        .groups
        .iter()
        .filter(|group| group.id.place == Place::Cluster)
        .flat_map(|group| &group.resources)
        .filter_map(|resource| match resource {
            Resource::Object(object) => Some(object),
            _ => None,
        })
        .chain(&design.retired)
        .collect();
    let leaving = design.leaving.iter().map(|leaving| &leaving.machine);
    let no_nodes = leaving.chain(design.without_kubelet()).map(ToString::to_string).collect();
    let (on_machines, in_cluster) = tokio::join!(on_machines, in_cluster(live, &objects, &no_nodes));
    let (seen, failures) = collect(on_machines);
    (seen, failures, in_cluster)
}

/// What the live cluster holds; None where its API cannot be reached, as before the first apply.
async fn in_cluster(live: &Live, objects: &[&hardway_design::Object], no_nodes: &BTreeSet<String>) -> InCluster {
    match tokio::try_join!(live.observe_all(objects.iter().copied()), live.observe_nodes(no_nodes)) {
        Ok((seen, nodes)) => Ok((Some(seen), nodes)),
        Err(error) if error.is_unreachable() => Ok((None, BTreeMap::new())),
        Err(error) => Err(CommandError::failed(error)),
    }
}

/// What each machine's inventory says, and nothing else.
pub async fn observe_inventories(machines: &Machines) -> Result<BTreeMap<MachineName, Observed>, CommandError> {
    let answers = join_all(
        machines.iter().map(async |(name, machine)| (name, observe(machine.as_ref(), &[], Depth::Changed).await)),
    );
    let (seen, failures) = collect(answers.await);
    if failures.is_empty() { Ok(seen) } else { Err(CommandError::Obstacles(grouped(&failures))) }
}
