//! A fleet of machines in memory that stand as their design wants them, and the way from looking at them to a plan.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::future::join_all;
use hardway_design::example::supplied;
use hardway_design::{Catalog, Design, EncryptionKey, Inputs, MachineFacts, Observation, Place, Resource, ResourceId};
use hardway_machine::fake::{FakeMachine, probed};
use hardway_machine::{Depth, Machine, Output, machine_facts, observe};
use hardway_pki::Bundle;
use hardway_plan::{Action, Plan, Sight, lint, plan, preflight};
use hardway_spec::{Cluster, MachineName};
use jiff::Timestamp;

/// Beside them stands a load balancer; all others are workers.
const CONTROL_PLANES: usize = 3;

/// An operator's side of a fleet, and the fleet.
pub(crate) struct Fleet {
    spec: String,
    pub(crate) machines: BTreeMap<MachineName, Arc<FakeMachine>>,
    bundle: Bundle,
    encryption_key: EncryptionKey,
    catalog: Catalog,
    live: BTreeMap<ResourceId, Observation>,
}

/// What was carried out on the machines of a fleet: they look here to answer.
struct Built {
    design: Design,
    inventories: BTreeMap<MachineName, String>,
}

impl Built {
    fn answer(&self, script: &str, machine: &MachineName, groups: &[usize]) -> Output {
        let resources: Vec<&Resource> = groups.iter().flat_map(|index| &self.design.groups[*index].resources).collect();
        probed(script, machine.as_str(), &resources, self.inventories.get(machine).map(String::as_str))
    }
}

impl Fleet {
    /// `size` machines, all of them as designed.
    pub(crate) async fn built(size: usize) -> Self {
        let spec = spec(size);
        let cluster = hardway_spec::parse(&spec, "cluster.yaml").expect("it is a valid spec");
        let mut bundle = Bundle::default();
        hardway_pki::complete(&cluster, &mut bundle, hardway_pki::FormerNames::Kept, Timestamp::now())
            .expect("nothing stands in the way");
        let mut fleet = Self {
            spec,
            machines: BTreeMap::new(),
            bundle,
            encryption_key: EncryptionKey::from_bytes(&[7; 32]),
            catalog: Catalog::default(),
            live: BTreeMap::new(),
        };
        let design = fleet.first_design(&cluster).await;
        fleet.live = live(&design);
        let mut groups: BTreeMap<MachineName, Vec<usize>> = BTreeMap::new();
        for (index, group) in design.groups.iter().enumerate() {
            if let Place::Machine(name) = &group.id.place {
                groups.entry(name.clone()).or_default().push(index);
            }
        }
        let inventories = inventories(&cluster.metadata.name, &design);
        let built = Arc::new(Built { design, inventories });
        fleet.machines = groups
            .into_iter()
            .map(|(name, groups)| {
                let (built, own) = (built.clone(), name.clone());
                let fake = FakeMachine::new(name.as_str());
                let machine = fake.on_exec(move |script, _| built.answer(script, &own, &groups));
                (name, Arc::new(machine))
            })
            .collect();
        fleet
    }

    /// What the machines are to be.
    pub(crate) async fn design(&self) -> Design {
        let cluster = hardway_spec::parse(&self.spec, "cluster.yaml").expect("it was read before");
        let facts = self.facts().await;
        hardway_design::design(&self.inputs(&cluster, &facts)).expect("it was designed before")
    }

    async fn facts(&self) -> BTreeMap<MachineName, MachineFacts> {
        let probes = self.machines.iter().map(async |(name, machine): (&MachineName, &Arc<FakeMachine>)| {
            (name.clone(), machine_facts(machine.as_ref()).await.expect("a fake machine answers"))
        });
        join_all(probes).await.into_iter().collect()
    }

    /// Adds artifacts until the design asks for no more.
    async fn first_design(&mut self, cluster: &Cluster) -> Design {
        let bare = FakeMachine::new("bare").on_exec(|script, _| probed(script, "bare", &[], None));
        let facts = machine_facts(&bare).await.expect("a fake machine answers");
        let facts = cluster.spec.machines.iter().map(|machine| (machine.name.clone(), facts.clone())).collect();
        let (catalog, design) = supplied(&self.inputs(cluster, &facts), digest, 1).expect("only artifacts are missing");
        self.catalog = catalog;
        design
    }

    fn inputs<'a>(&'a self, cluster: &'a Cluster, facts: &'a BTreeMap<MachineName, MachineFacts>) -> Inputs<'a> {
        let (bundle, encryption_key, catalog) = (&self.bundle, &self.encryption_key, &self.catalog);
        Inputs { cluster, bundle, encryption_key, catalog, facts }
    }

    /// Reads the spec, judges the certificates, looks at every machine and plans, as `hardway plan` does.
    ///
    /// `change` alters the design before it is compared with what was seen; `ended` hears of each part's end.
    pub(crate) async fn plan(&self, change: impl FnOnce(&mut Design), mut ended: impl FnMut(&'static str)) -> Plan {
        let cluster = hardway_spec::parse(&self.spec, "cluster.yaml").expect("it was read before");
        let missing = hardway_pki::missing(&cluster, &self.bundle, hardway_pki::FormerNames::Kept, Timestamp::now())
            .expect("they were just issued");
        assert_eq!(missing, []);
        ended("read");

        let facts = self.facts().await;
        ended("probe");
        let mut design = hardway_design::design(&self.inputs(&cluster, &facts)).expect("it was designed before");
        change(&mut design);
        ended("design");

        let by_machine = design.by_machine();
        let looks = self.machines.iter().map(async |(name, machine): (&MachineName, &Arc<FakeMachine>)| {
            let resources: Vec<&Resource> = by_machine[name].iter().flat_map(|group| &group.resources).collect();
            let seen = observe(machine.as_ref(), &resources, Depth::Changed).await;
            (name.clone(), seen.expect("a fake machine answers"))
        });
        let machines = join_all(looks).await.into_iter().collect();
        ended("observe");
        let sight = Sight { machines, cluster: Some(self.live.clone()), ..Sight::default() };
        let name = &cluster.metadata.name;
        let plan = plan(name, &design, &sight).expect("the inventories are this cluster's");
        ended("plan");
        assert_eq!(lint(name, &design, &sight, &plan).expect("they were read before"), []);
        assert_eq!(preflight(&cluster, &design, &facts, &sight.machines, &plan), []);
        ended("judge");
        plan
    }

    /// The machines as a runner takes them.
    pub(crate) fn reached(&self) -> BTreeMap<MachineName, Arc<dyn Machine>> {
        self.machines.iter().map(|(name, machine)| (name.clone(), machine.clone() as Arc<dyn Machine>)).collect()
    }
}

/// Keys on a curve, since a thousand machines' RSA keys take minutes, which are not what is measured.
fn spec(size: usize) -> String {
    let machine = |index: usize| {
        let (name, role) = match index {
            0 => ("lb".to_owned(), "load-balancer"),
            1..=CONTROL_PLANES => (format!("cp{index}"), "control-plane"),
            _ => (format!("w{}", index - CONTROL_PLANES), "worker"),
        };
        format!("    - {{name: {name}, address: 172.30.{}.{}, roles: [{role}]}}\n", index / 250, index % 250 + 1)
    };
    let machines: String = (0..size).map(machine).collect();
    format!(
        "apiVersion: hardway/v1alpha1\nkind: Cluster\nmetadata: {{name: fleet}}\nspec:\n  \
         pki: {{algorithm: ecdsa-p256}}\n  network: {{pods: 10.200.0.0/13}}\n  machines:\n{machines}"
    )
}

/// What each machine's inventory says after a first plan was carried out.
fn inventories(cluster: &str, design: &Design) -> BTreeMap<MachineName, String> {
    let machines = design.by_machine().into_keys().map(|name| (name.clone(), Default::default())).collect();
    let first =
        plan(cluster, design, &Sight { machines, ..Sight::default() }).expect("a bare machine has no inventory");
    let steps = first.stages.into_iter().flat_map(|stage| stage.steps);
    steps
        .filter_map(|step| match step.action {
            Action::WriteInventory(inventory) => Some((inventory.machine.clone(), inventory.text())),
            _ => None,
        })
        .collect()
}

/// The cluster's objects, none of which a server-side dry run would change.
fn live(design: &Design) -> BTreeMap<ResourceId, Observation> {
    let resources = design.in_cluster().flat_map(|group| &group.resources);
    resources
        .filter_map(|resource| match resource {
            Resource::Object(object) => {
                let (live, dry_run) = (object.value.clone(), object.value.clone());
                Some((resource.id(), Observation::Object { live, dry_run }))
            }
            _ => None,
        })
        .collect()
}

/// A stand-in for the digest of an artifact.
fn digest(name: &str) -> String {
    name.bytes().cycle().take(32).map(|byte| format!("{byte:02x}")).collect()
}
