//! plan = design − facts.

mod etcd;
mod files;
mod leaving;
mod meaning;
mod order;
mod record;
mod rolling;
mod system;
mod units;

pub use leaving::rested_on;
pub(crate) use leaving::waits_for_the_api;
pub(crate) use order::{before, downstream, edges, nearest};
pub(crate) use system::archive_path;

use std::collections::{BTreeMap, BTreeSet};

use hardway_design::{Design, Group, GroupId, NodeSeen, Observation, Observed, Resource, ResourceId};
use hardway_spec::MachineName;

use crate::etcd::Members;
use crate::{Action, Entry, Inventory, InventoryError, Plan, Stage, Step};

/// What was seen of the machines and of the live cluster before planning: a possibly outdated view.
#[derive(Debug, Clone, Default)]
pub struct Sight {
    pub machines: BTreeMap<MachineName, Observed>,
    /// None where the API does not answer: its objects are then taken to be absent.
    pub cluster: Option<BTreeMap<ResourceId, Observation>>,
    /// The registered nodes, by name; none where the API does not answer.
    pub nodes: BTreeMap<String, NodeSeen>,
}

/// Everything the planner knows of one machine while it goes through the machine's groups.
struct MachineView<'a> {
    observed: &'a Observed,
    inventory: Option<Inventory>,
    /// Paths that this plan writes, links or removes; units look here for reasons to restart.
    changed: BTreeSet<String>,
    /// Paths whose mode or owner alone this plan puts right.
    touched: BTreeSet<String>,
    /// What this plan puts there only for as long as it goes on.
    temporary: Vec<Entry>,
    /// What a process must have read to be up to date, by the path that it reads.
    wanted: BTreeMap<&'a str, Wanted>,
    /// Whether etcd's data are others than the processes know.
    recovers_etcd: bool,
}

/// What must stand at a path.
enum Wanted {
    /// SHA-256.
    Content(String),
    /// Where the program is in the store.
    Program(String),
}

impl Wanted {
    fn of(resource: &Resource) -> Option<(&str, Self)> {
        match resource {
            Resource::File(file) => Some((&file.path, Self::Content(file.content.sha256()))),
            Resource::Binary(binary) => Some((&binary.link, Self::Program(binary.store_path()))),
            _ => None,
        }
    }
}

impl<'a> MachineView<'a> {
    fn seen(&self, resource: &Resource) -> Option<&'a Observation> {
        self.observed.resources.get(&resource.id())
    }

    /// Whether the path is a file that a process reads, and no program that it runs.
    fn reads_content(&self, path: &str) -> bool {
        !matches!(self.wanted.get(path), Some(Wanted::Program(_)))
    }
}

/// Plans the way from what was seen to the design.
///
/// Only machines in `sight` are planned for; groups on other machines are left out.
///
/// # Errors
/// [`InventoryError`] where a machine holds another cluster or a newer hardway's inventory.
pub fn plan(cluster: &str, design: &Design, sight: &Sight) -> Result<Plan, InventoryError> {
    let mut steps: BTreeMap<&GroupId, Vec<Step>> = BTreeMap::new();
    let mut extra: Vec<Stage> = Vec::new();
    let by_machine = design.by_machine();
    let leaving: BTreeSet<&MachineName> = design.leaving.iter().map(|leaving| &leaving.machine).collect();
    for (machine, observed) in sight.machines.iter().filter(|(machine, _)| !leaving.contains(machine)) {
        let inventory =
            observed.inventory.as_deref().map(|text| Inventory::parse(text, machine, cluster)).transpose()?;
        let groups = by_machine.get(machine).map(Vec::as_slice).unwrap_or_default();
        let wanted = groups.iter().flat_map(|group| &group.resources).filter_map(Wanted::of).collect();
        let (changed, touched, temporary) = (BTreeSet::new(), BTreeSet::new(), Vec::new());
        let recovers_etcd = design.recovery.is_some();
        let mut view = MachineView { observed, inventory, changed, touched, temporary, wanted, recovers_etcd };
        // Units come second: a unit may have to restart for a file of any group of its machine.
        for group in groups {
            steps.insert(&group.id, group_steps(group, &mut view));
        }
        for group in groups {
            let units = units::steps(group, &mut view);
            place_unit_steps(steps.entry(&group.id).or_default(), group, units);
        }
        extra.extend(record::stages(cluster, machine, groups, &view));
    }
    let gone = leaving::nodes_to_come_again(sight);
    for group in design.in_cluster() {
        steps.insert(&group.id, cluster_steps(group, sight.cluster.as_ref(), &gone));
    }
    let members = Members::of(design, sight);
    let changes = etcd::add_steps(&members, &mut steps);
    let mut plan = order::arrange(design, steps, extra);
    leaving::uncordon_who_stays(&mut plan, design, sight);
    leaving::withdraw_nodes(&mut plan, design, sight);
    leaving::forget_replaced_nodes(&mut plan, sight);
    leaving::remove_retired_objects(&mut plan, design, sight);
    leaving::remove_machines(&mut plan, cluster, design, sight)?;
    etcd::add_removals(&mut plan, &members, &changes);
    etcd::put_in_order(&mut plan, &changes);
    leaving::rested_on_goes_last(&mut plan, design);
    rolling::one_at_a_time(&mut plan, design, sight);
    rolling::balancers_in_between(&mut plan, sight);
    meaning::fill(&mut plan, design, sight);
    Ok(plan)
}

/// The steps of all but units and waits, which need to know of the whole machine's changes first.
fn group_steps(group: &Group, view: &mut MachineView<'_>) -> Vec<Step> {
    let mut steps = system::package_steps(group, view);
    let both_are_binaries =
        |one: &Resource, other: &Resource| matches!((one, other), (Resource::Binary(_), Resource::Binary(_)));
    for resources in group.resources.chunk_by(both_are_binaries) {
        let mut own: Vec<Step> = resources.iter().flat_map(|resource| resource_steps(resource, view)).collect();
        if let [Resource::Binary(_), ..] = resources {
            // What stands between two copies is a script of its own: all links together are one.
            own.sort_by_key(|step| step.action.blob().is_none());
        }
        steps.extend(own);
    }
    steps
}

fn resource_steps(resource: &Resource, view: &mut MachineView<'_>) -> Vec<Step> {
    match resource {
        Resource::User(_)
        | Resource::Hosts(_)
        | Resource::Module(_)
        | Resource::Sysctl(_)
        | Resource::SwapOff
        | Resource::Image(_)
        | Resource::Task(_) => system::steps(resource, view),
        Resource::Directory(_) | Resource::File(_) | Resource::Link(_) | Resource::Binary(_) => {
            files::steps(resource, view)
        }
        Resource::Wait(condition) => vec![Step {
            title: format!("Wait until {}", condition.title),
            reason: "what it rests on changes".to_owned(),
            resource: resource.id(),
            change: None,
            disruption: None,
            action: Action::WaitOnMachine(condition.clone()),
        }],
        Resource::Package(_)
        | Resource::EtcdMember(_)
        | Resource::Unit(_)
        | Resource::Remains(_)
        | Resource::Object(_)
        | Resource::Await(_) => Vec::new(),
    }
}

/// Puts each unit's steps where the unit stands in its group, so that what follows it there finds it running.
fn place_unit_steps(steps: &mut Vec<Step>, group: &Group, units: BTreeMap<ResourceId, Vec<Step>>) {
    let position = |id: &ResourceId| group.resources.iter().position(|resource| &resource.id() == id);
    for (unit, unit_steps) in units {
        let unit_position = position(&unit);
        let at = steps.iter().position(|step| position(&step.resource) > unit_position).unwrap_or(steps.len());
        steps.splice(at..at, unit_steps);
    }
}

/// `gone`: what will be there no more when the group's turn comes.
fn cluster_steps(
    group: &Group,
    seen: Option<&BTreeMap<ResourceId, Observation>>,
    gone: &BTreeSet<ResourceId>,
) -> Vec<Step> {
    group.resources.iter().filter_map(|resource| cluster_step(resource, seen, gone)).collect()
}

fn cluster_step(
    resource: &Resource,
    seen: Option<&BTreeMap<ResourceId, Observation>>,
    gone: &BTreeSet<ResourceId>,
) -> Option<Step> {
    let id = resource.id();
    match resource {
        Resource::Object(object) => {
            let observation = seen.filter(|_| !gone.contains(&id)).and_then(|objects| objects.get(&id));
            let (reason, change) = match observation {
                None => {
                    let reason = if seen.is_some() { "missing" } else { "not seen: the API does not answer" };
                    (reason.to_owned(), crate::Change::of_object(&id.0, None, &object.value))
                }
                Some(Observation::Object { live, dry_run }) if live == dry_run => return None,
                Some(Observation::Object { live, dry_run }) => {
                    ("differs from the design".to_owned(), crate::Change::of_object(&id.0, Some(live), dry_run))
                }
                Some(_) => return None,
            };
            let place = object.namespace().map(|namespace| format!("{namespace}/")).unwrap_or_default();
            Some(Step {
                title: format!("Apply {} {place}{}", object.kind(), object.name()),
                reason,
                resource: id,
                change: Some(change),
                disruption: None,
                action: Action::ApplyObject(object.clone()),
            })
        }
        Resource::Await(condition) => Some(Step {
            title: format!("Wait until {}", condition.title()),
            reason: "what it rests on changes".to_owned(),
            resource: id,
            change: None,
            disruption: None,
            action: Action::WaitInCluster(condition.clone()),
        }),
        _ => None,
    }
}
