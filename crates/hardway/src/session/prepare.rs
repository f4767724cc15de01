//! From a spec to a plan: connect, probe, design, observe.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use futures::future::join_all;
use hardway_cluster::{Access, Credentials, Live};
use hardway_design::{Catalog, Design, Inputs, MachineFacts, Observation, Place, Resource, ResourceId};
use hardway_export::ExportedFile;
use hardway_machine::{Depth, Machine, MachineError, machine_facts, observe};
use hardway_pki::Identity;
use hardway_plan::{Obstacle, Plan, Sight, plan, platform, preflight};
use hardway_spec::MachineName;

use super::connect::grouped;
use super::{API_PORT, Machines, Material, Session, workspace_error};
use crate::error::{CommandError, Message};

/// How much is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Machines and the live cluster, as planning needs.
    Everything,
    /// Only what the design needs to be made.
    FactsOnly,
}

/// A cluster as it should be and as it was just seen.
pub struct Prepared {
    pub material: Material,
    pub machines: Machines,
    pub facts: BTreeMap<MachineName, MachineFacts>,
    pub design: Design,
    pub sight: Sight,
    pub live: Live,
}

impl Session {
    /// Reads everything and changes nothing but the workspace: missing certificates are issued there.
    pub async fn prepare(&self, scope: Scope) -> Result<Prepared, CommandError> {
        // A machine that cannot be reached is said before components are built for it.
        let (material, machines) = tokio::try_join!(self.material(), self.connect())?;
        let facts = probe(&machines).await?;
        let obstacles = unsupported(&facts);
        if !obstacles.is_empty() {
            return Err(CommandError::Obstacles(obstacles));
        }
        let inputs = Inputs {
            cluster: &self.cluster,
            bundle: &material.bundle,
            encryption_key: &material.encryption_key,
            catalog: &material.catalog,
            facts: &facts,
        };
        let design = hardway_design::design(&inputs).map_err(CommandError::failed)?;
        self.write_kubeconfigs(&inputs)?;
        let live = self.live(&material)?;
        let sight = match scope {
            Scope::FactsOnly => Sight::default(),
            Scope::Everything => look(&design, &machines, &live).await?,
        };
        Ok(Prepared { material, machines, facts, design, sight, live })
    }

    /// Writes the kubeconfigs alone, which takes neither machines nor components.
    pub async fn prepare_kubeconfigs(&self) -> Result<(), CommandError> {
        let bundle = self.complete_bundle().await?;
        let encryption_key = self.workspace.encryption_key().map_err(workspace_error)?;
        let (catalog, facts) = (Catalog::default(), BTreeMap::new());
        self.write_kubeconfigs(&Inputs {
            cluster: &self.cluster,
            bundle: &bundle,
            encryption_key: &encryption_key,
            catalog: &catalog,
            facts: &facts,
        })
    }

    fn write_kubeconfigs(&self, inputs: &Inputs<'_>) -> Result<(), CommandError> {
        for (path, content) in hardway_design::kubeconfigs(inputs).map_err(CommandError::failed)? {
            self.workspace.write(&path, &content).map_err(workspace_error)?;
        }
        Ok(())
    }

    /// The API as the administrator, at the endpoint's address.
    pub fn live(&self, material: &Material) -> Result<Live, CommandError> {
        let address = self
            .cluster
            .endpoint_address()
            .ok_or_else(|| CommandError::input(Message("the spec has no control plane".to_owned())))?;
        let authority = material.bundle.get(&Identity::ClusterAuthority).map_err(CommandError::failed)?;
        let admin = material.bundle.get(&Identity::Admin).map_err(CommandError::failed)?;
        let access = Access {
            server: SocketAddr::new(address, API_PORT),
            server_name: self.cluster.spec.endpoint.clone(),
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
            bundle: &self.material.bundle,
            encryption_key: &self.material.encryption_key,
            catalog: &self.material.catalog,
            facts: &self.facts,
        }
    }

    /// The plan, unless something stands in its way.
    pub fn plan(&self, session: &Session) -> Result<Plan, CommandError> {
        let plan = plan(&session.cluster.metadata.name, &self.design, &self.sight).map_err(CommandError::failed)?;
        let obstacles = preflight(&session.cluster, &self.design, &self.facts, &self.sight.machines, &plan);
        if obstacles.is_empty() { Ok(plan) } else { Err(CommandError::Obstacles(obstacles)) }
    }
}

async fn probe(machines: &Machines) -> Result<BTreeMap<MachineName, MachineFacts>, CommandError> {
    let answers = join_all(machines.iter().map(async |(name, machine)| (name, machine_facts(machine.as_ref()).await)));
    collect(answers.await)
}

/// Splits what machines answered from what they failed with.
fn collect<T>(answers: Vec<(&MachineName, Result<T, MachineError>)>) -> Result<BTreeMap<MachineName, T>, CommandError> {
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
    if failures.is_empty() { Ok(seen) } else { Err(CommandError::Obstacles(grouped(failures))) }
}

/// Machines that no design could be made for.
fn unsupported(facts: &BTreeMap<MachineName, MachineFacts>) -> Vec<Obstacle> {
    let mut found: BTreeMap<(String, String), std::collections::BTreeSet<MachineName>> = BTreeMap::new();
    for (name, facts) in facts {
        for obstacle in platform(facts) {
            found.entry(obstacle).or_default().insert(name.clone());
        }
    }
    found.into_iter().map(|((cause, help), machines)| Obstacle { cause, help, machines }).collect()
}

async fn look(design: &Design, machines: &Machines, live: &Live) -> Result<Sight, CommandError> {
    let on_machines = join_all(machines.iter().map(async |(name, machine): (&MachineName, &Arc<dyn Machine>)| {
        let resources: Vec<&Resource> = design.on_machine(name).flat_map(|group| &group.resources).collect();
        (name, observe(machine.as_ref(), &resources, Depth::Changed).await)
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
        .collect();
    let (on_machines, in_cluster) = tokio::join!(on_machines, in_cluster(live, &objects));
    Ok(Sight { machines: collect(on_machines)?, cluster: in_cluster? })
}

/// What the live cluster holds; None where its API cannot be reached, as before the first apply.
async fn in_cluster(
    live: &Live,
    objects: &[&hardway_design::Object],
) -> Result<Option<BTreeMap<ResourceId, Observation>>, CommandError> {
    match live.observe_all(objects.iter().copied()).await {
        Ok(seen) => Ok(Some(seen)),
        Err(error) if error.is_unreachable() => Ok(None),
        Err(error) => Err(CommandError::failed(error)),
    }
}

/// What each machine's inventory says, and nothing else.
pub async fn observe_inventories(
    machines: &Machines,
) -> Result<BTreeMap<MachineName, hardway_design::Observed>, CommandError> {
    let answers = join_all(
        machines.iter().map(async |(name, machine)| (name, observe(machine.as_ref(), &[], Depth::Changed).await)),
    );
    collect(answers.await)
}
