//! Clusters with everything that a design is made from, and machines on which a design was brought about.

use std::collections::BTreeMap;

use hardway_design::example::{facts, supplied};
use hardway_design::{
    Catalog, Content, Design, EncryptionKey, EtcdMemberObservation, Inputs, MachineFacts, NodeSeen, Observation,
    Observed, Resource, ResourceId, SeenEtcdMember, StoredBinary, Unit, UnitObservation,
};
use hardway_pki::{Bundle, FormerNames, complete};
use hardway_plan::{Action, InventoryError, Plan, Sight, plan};
use hardway_spec::{Cluster, KeyAlgorithm, MachineName};

pub(crate) const CLUSTER: &str = "test";

/// A spec with all that its design is made from.
#[derive(Clone)]
pub(crate) struct Example {
    pub(crate) cluster: Cluster,
    pub(crate) bundle: Bundle,
    pub(crate) encryption_key: EncryptionKey,
    facts: BTreeMap<MachineName, MachineFacts>,
}

impl Example {
    /// `machines` are lines of the spec's list: `lb load-balancer`.
    pub(crate) fn new(machines: &[&str]) -> Self {
        let mut text =
            format!("apiVersion: hardway/v1alpha1\nkind: Cluster\nmetadata: {{name: {CLUSTER}}}\nspec:\n  machines:\n");
        for (number, machine) in machines.iter().enumerate() {
            let (name, roles) = machine.split_once(' ').unwrap();
            text.push_str(&format!("    - {{name: {name}, address: 192.0.2.{}, roles: [{roles}]}}\n", number + 10));
        }
        let mut cluster = hardway_spec::parse(&text, "cluster.yaml").unwrap();
        // RSA keys would take the tests seconds.
        cluster.spec.pki.algorithm = KeyAlgorithm::EcdsaP256;
        Self {
            bundle: Bundle::default(),
            encryption_key: EncryptionKey::from_bytes(&[7; 32]),
            facts: BTreeMap::new(),
            cluster,
        }
        .completed()
    }

    /// A load balancer, three control planes and two workers.
    pub(crate) fn large() -> Self {
        Self::new(&[
            "lb load-balancer",
            "cp1 control-plane",
            "cp2 control-plane",
            "cp3 control-plane",
            "w1 worker",
            "w2 worker",
        ])
    }

    /// A load balancer, a control plane and a worker.
    pub(crate) fn small() -> Self {
        Self::new(&["lb load-balancer", "cp1 control-plane", "w1 worker"])
    }

    /// The same cluster by another spec: keys and certificates that still serve are kept.
    pub(crate) fn changed(&self, change: impl FnOnce(&mut Cluster)) -> Self {
        let mut changed = self.clone();
        change(&mut changed.cluster);
        changed.completed()
    }

    fn completed(mut self) -> Self {
        complete(&self.cluster, &mut self.bundle, FormerNames::Kept, "2026-01-01T00:00:00Z".parse().unwrap()).unwrap();
        self.facts = self
            .cluster
            .spec
            .machines
            .iter()
            .map(|machine| (machine.name.clone(), facts(machine.name.as_str())))
            .collect();
        self
    }

    pub(crate) fn design(&self) -> Design {
        let inputs = Inputs {
            cluster: &self.cluster,
            bundle: &self.bundle,
            encryption_key: &self.encryption_key,
            catalog: &Catalog::default(),
            facts: &self.facts,
        };
        supplied(&inputs, |name| self.artifact_digest(name), 1).unwrap().1
    }

    /// Kubernetes' own programs are others in another version of it.
    fn artifact_digest(&self, name: &str) -> String {
        let version = if name.starts_with("kube") { &self.cluster.spec.kubernetes.version } else { "" };
        digest(&format!("{name} {version}"))
    }

    /// The machines and the cluster after the spec was applied.
    pub(crate) fn applied(&self) -> Sight {
        applied(&self.design(), &self.cluster)
    }
}

fn digest(name: &str) -> String {
    Content::text(name).sha256()
}

/// What is seen where a first plan for the design was carried out.
fn applied(design: &Design, cluster: &Cluster) -> Sight {
    let bare = Sight {
        machines: cluster.spec.machines.iter().map(|machine| (machine.name.clone(), Observed::default())).collect(),
        ..Sight::default()
    };
    let first = plan(CLUSTER, design, &bare).unwrap();
    let mut sight = Sight { machines: BTreeMap::new(), cluster: Some(BTreeMap::new()), ..Sight::default() };
    let members = members(design);
    for machine in bare.machines.keys() {
        let inventory = first.stages.iter().flat_map(|stage| &stage.steps).find_map(|step| match &step.action {
            Action::WriteInventory(inventory) if inventory.machine == *machine => Some(inventory.text()),
            _ => None,
        });
        let resources: Vec<&Resource> = design.on_machine(machine).flat_map(|group| &group.resources).collect();
        let seen =
            resources.iter().filter_map(|resource| Some((resource.id(), left_behind(resource, &resources, &members)?)));
        sight.machines.insert(machine.clone(), Observed { resources: seen.collect(), inventory });
    }
    sight.nodes = cluster.nodes().map(|machine| (machine.name.to_string(), NodeSeen::default())).collect();
    let objects = sight.cluster.get_or_insert_default();
    for resource in design.in_cluster().flat_map(|group| &group.resources) {
        if let Resource::Object(object) = resource {
            let seen = Observation::Object { live: object.value.clone(), dry_run: object.value.clone() };
            objects.insert(resource.id(), seen);
        }
    }
    sight
}

/// Every member of the design, as a voting one.
fn members(design: &Design) -> Vec<SeenEtcdMember> {
    let designed = design.groups.iter().flat_map(|group| &group.resources).filter_map(|resource| match resource {
        Resource::EtcdMember(member) => Some(member),
        _ => None,
    });
    designed
        .map(|member| SeenEtcdMember {
            name: member.name.to_string(),
            peer_urls: vec![member.peer_url.clone()],
            is_learner: false,
        })
        .collect()
}

/// What is seen of a resource that is as it should be, among all of its machine.
fn left_behind(resource: &Resource, others: &[&Resource], members: &[SeenEtcdMember]) -> Option<Observation> {
    Some(match resource {
        Resource::Package(_) => Observation::Package { version: "1".to_owned() },
        Resource::User(_) => Observation::User,
        Resource::Directory(directory) => {
            Observation::Directory { mode: directory.mode, owner: directory.owner.clone() }
        }
        Resource::File(file) => {
            Observation::File { mode: file.mode, owner: file.owner.clone(), sha256: file.content.sha256(), text: None }
        }
        Resource::Link(link) => Observation::Link { target: link.target.clone() },
        Resource::Binary(binary) => Observation::Binary {
            target: Some(binary.store_path()),
            stored: Some(StoredBinary { sha256: binary.sha256.clone(), mode: 0o755, owner: "root:root".to_owned() }),
        },
        Resource::Image(image) => Observation::Image { manifest_digest: image.manifest_digest.clone() },
        Resource::Hosts(hosts) => Observation::Hosts { lines: hosts.lines.clone() },
        Resource::Module(_) => Observation::Module,
        Resource::Sysctl(sysctl) => Observation::Sysctl { value: sysctl.value.clone() },
        Resource::SwapOff => Observation::Swap { devices: Vec::new() },
        Resource::Unit(unit) => Observation::Unit(running(unit, others)),
        Resource::EtcdMember(_) => Observation::EtcdMember(EtcdMemberObservation {
            has_data: true,
            first_start: false,
            was_up: true,
            members: members.to_vec(),
        }),
        Resource::Task(_) => Observation::Task { holds: true },
        Resource::Remains(_) | Resource::Wait(_) | Resource::Object(_) | Resource::Await(_) => return None,
    })
}

fn running(unit: &Unit, others: &[&Resource]) -> UnitObservation {
    let watched = |path: &str| unit.restart_on.iter().chain(&unit.reload_on).any(|watched| watched == path);
    let mut seen =
        UnitObservation { active: "active".to_owned(), enabled: "enabled".to_owned(), ..UnitObservation::default() };
    for resource in others {
        match resource {
            Resource::File(file) if watched(&file.path) => {
                seen.read.insert(file.path.clone(), file.content.sha256());
            }
            Resource::Binary(binary) if watched(&binary.link) => seen.program = Some(binary.store_path()),
            _ => {}
        }
    }
    seen
}

/// The plan from what `before` left behind to what `after` says. The API answers a dry run with what it is told.
///
/// # Errors
/// Where the planner refuses.
pub(crate) fn plan_between(before: &Example, after: &Example) -> Result<Plan, InventoryError> {
    let design = after.design();
    let mut sight = before.applied();
    sight.machines.retain(|name, _| after.cluster.machine(name.as_str()).is_some());
    for machine in &after.cluster.spec.machines {
        sight.machines.entry(machine.name.clone()).or_default();
    }
    for resource in design.in_cluster().flat_map(|group| &group.resources) {
        if let Resource::Object(object) = resource
            && let Some(Observation::Object { dry_run, .. }) =
                sight.cluster.as_mut().and_then(|objects| objects.get_mut(&resource.id()))
        {
            *dry_run = object.value.clone();
        }
    }
    add_what_is_seen_of_new_resources(&design, before, &mut sight);
    plan(&after.cluster.metadata.name, &design, &sight)
}

/// The probe asks for resources of the new design: kernel settings and swap are seen whoever made them so.
fn add_what_is_seen_of_new_resources(design: &Design, before: &Example, sight: &mut Sight) {
    for (machine, observed) in &mut sight.machines {
        if before.cluster.machine(machine.as_str()).is_none() {
            continue;
        }
        for resource in design.on_machine(machine).flat_map(|group| &group.resources) {
            if matches!(resource, Resource::SwapOff) {
                observed.resources.entry(resource.id()).or_insert(Observation::Swap { devices: Vec::new() });
            }
        }
    }
}

pub(crate) fn unit_of<'a>(sight: &'a mut Sight, machine: &str, unit: &str) -> &'a mut UnitObservation {
    match seen(sight, machine, &format!("unit:{unit}")) {
        Observation::Unit(unit) => unit,
        other => panic!("{other:?}"),
    }
}

pub(crate) fn seen<'a>(sight: &'a mut Sight, machine: &str, id: &str) -> &'a mut Observation {
    let observed = sight.machines.get_mut(&MachineName::from(machine)).unwrap();
    observed.resources.get_mut(&ResourceId(id.to_owned())).unwrap_or_else(|| panic!("{machine} has no {id}"))
}

/// As if somebody had changed a file behind hardway's back.
pub(crate) fn tamper(sight: &mut Sight, machine: &str, path: &str) {
    match seen(sight, machine, &format!("file:{path}")) {
        Observation::File { sha256, .. } => *sha256 = "0".repeat(64),
        other => panic!("{other:?}"),
    }
}

pub(crate) fn stop(sight: &mut Sight, machine: &str, unit: &str) {
    unit_of(sight, machine, unit).active = "failed".to_owned();
}

/// As if a unit's process had read other files than there are.
pub(crate) fn make_stale(sight: &mut Sight, machine: &str, unit: &str) {
    unit_of(sight, machine, unit).other_command = Some("it --with another-flag".to_owned());
}
