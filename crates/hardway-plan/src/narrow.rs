//! A plan narrowed to some places, and what that leaves out.

use std::collections::{BTreeMap, BTreeSet};

use hardway_design::{GroupId, Place};
use hardway_spec::{Cluster, Role, did_you_mean};

use crate::planner::{before, nearest};
use crate::{Plan, Stage};

/// How the operator names the live cluster among the places.
const CLUSTER: &str = "cluster";

/// The places that a plan is narrowed to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection {
    places: BTreeSet<Place>,
}

/// A place that the spec does not have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SelectionError {
    #[error("no machine is called {name}")]
    UnknownMachine { name: String, help: String },
    #[error("no machine has the role {role}")]
    UnusedRole { role: Role, help: String },
}

impl SelectionError {
    /// What to type instead.
    pub fn help(&self) -> &str {
        match self {
            Self::UnknownMachine { help, .. } | Self::UnusedRole { help, .. } => help,
        }
    }
}

impl Selection {
    /// The machines in `names` and those with one of `roles`; the name `cluster` stands for the objects of the API.
    ///
    /// # Errors
    /// [`SelectionError`] for a name or role that no machine of the spec has.
    pub fn new(cluster: &Cluster, names: &[String], roles: &[Role]) -> Result<Self, SelectionError> {
        let machines = &cluster.spec.machines;
        let mut places = BTreeSet::new();
        for name in names {
            let machine = machines.iter().find(|machine| machine.name.as_str() == name);
            places.insert(match machine {
                Some(machine) => Place::Machine(machine.name.clone()),
                None if name == CLUSTER => Place::Cluster,
                None => {
                    let known: Vec<&str> =
                        machines.iter().map(|machine| machine.name.as_str()).chain([CLUSTER]).collect();
                    return Err(SelectionError::UnknownMachine {
                        name: name.clone(),
                        help: did_you_mean(name, &known),
                    });
                }
            });
        }
        for role in roles {
            let before = places.len();
            let with_role = machines.iter().filter(|machine| machine.roles.contains(role));
            places.extend(with_role.map(|machine| Place::Machine(machine.name.clone())));
            if places.len() == before && !machines.iter().any(|machine| machine.roles.contains(role)) {
                let used: BTreeSet<Role> = machines.iter().flat_map(|machine| machine.roles.iter().copied()).collect();
                let used: Vec<String> = used.iter().map(ToString::to_string).collect();
                return Err(SelectionError::UnusedRole {
                    role: *role,
                    help: format!("this cluster's machines have {}", used.join(", ")),
                });
            }
        }
        Ok(Self { places })
    }

    pub fn contains(&self, place: &Place) -> bool {
        self.places.contains(place)
    }

    /// The places by name, as [`Selection::new`] takes them.
    pub fn names(&self) -> Vec<String> {
        self.places.iter().map(ToString::to_string).collect()
    }
}

/// A place that a narrowed plan leaves as it is, though it differs from the design.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    pub place: Place,
    /// Steps that would be done there; waits are not counted.
    pub steps: usize,
}

/// Keeps what happens at the selected places, in the order that it had, and says what is left out.
///
/// A wait for the live cluster changes nothing, so it stays where everything that it rests on does: narrowed to a new
/// worker, a run still ends with that node being Ready.
pub fn narrow(plan: Plan, selection: &Selection) -> (Plan, Vec<LeftOut>) {
    let edges: BTreeMap<&GroupId, &[GroupId]> =
        plan.stages.iter().map(|stage| (&stage.id, stage.after.as_slice())).collect();
    let acting: BTreeMap<&GroupId, Place> =
        plan.stages.iter().filter(|stage| acts(stage)).map(|stage| (&stage.id, stage.belongs_to())).collect();
    let keeps = |stage: &Stage| {
        if let Some(place) = acting.get(&stage.id) {
            return selection.contains(place);
        }
        let earlier = before(&stage.id, &edges);
        let mut rests_on = earlier.into_iter().filter_map(|id| acting.get(id)).peekable();
        rests_on.peek().is_some() && rests_on.all(|place| selection.contains(place))
    };
    let kept: BTreeSet<GroupId> =
        plan.stages.iter().filter(|stage| keeps(stage)).map(|stage| stage.id.clone()).collect();
    keep(&plan, &kept)
}

/// Some stages of a plan, in the order that they had, and what goes with the others.
pub(crate) fn keep(plan: &Plan, kept: &BTreeSet<GroupId>) -> (Plan, Vec<LeftOut>) {
    let edges: BTreeMap<&GroupId, &[GroupId]> =
        plan.stages.iter().map(|stage| (&stage.id, stage.after.as_slice())).collect();
    let mut left_out: Vec<LeftOut> = Vec::new();
    for stage in plan.stages.iter().filter(|stage| acts(stage) && !kept.contains(&stage.id)) {
        let steps = stage.steps.iter().filter(|step| !step.action.only_waits()).count();
        let place = stage.belongs_to();
        match left_out.iter_mut().find(|left| left.place == place) {
            Some(left) => left.steps += steps,
            None => left_out.push(LeftOut { place, steps }),
        }
    }
    let stages = plan
        .stages
        .iter()
        .filter(|stage| kept.contains(&stage.id))
        .map(|stage| Stage { after: nearest(&stage.id, &edges, &|id| kept.contains(id)), ..stage.clone() });
    (Plan { stages: stages.collect() }, left_out)
}

fn acts(stage: &Stage) -> bool {
    stage.steps.iter().any(|step| !step.action.only_waits())
}

#[cfg(test)]
mod tests {
    use hardway_design::{Await, ResourceId};
    use hardway_spec::MachineName;

    use super::*;
    use crate::{Action, Step};

    fn cluster() -> Cluster {
        let text = "apiVersion: hardway/v1alpha1\nkind: Cluster\nmetadata: {name: test}\nspec:\n  machines:\n    \
                    - {name: lb, address: 192.0.2.10, roles: [load-balancer]}\n    \
                    - {name: cp1, address: 192.0.2.11, roles: [control-plane]}\n    \
                    - {name: w1, address: 192.0.2.21, roles: [worker]}\n    \
                    - {name: w2, address: 192.0.2.22, roles: [worker]}\n";
        hardway_spec::parse(text, "cluster.yaml").unwrap()
    }

    fn id(text: &str) -> GroupId {
        match text.split_once('@').unwrap() {
            (name, CLUSTER) => GroupId::in_cluster(name),
            (name, machine) => GroupId::on(&MachineName::from(machine), name),
        }
    }

    fn stage(name: &str, after: &[&str], action: Action) -> Stage {
        let step = Step {
            title: "Do it".to_owned(),
            reason: "missing".to_owned(),
            resource: ResourceId("r".to_owned()),
            change: None,
            disruption: None,
            action,
        };
        Stage { id: id(name), after: after.iter().map(|name| id(name)).collect(), steps: vec![step] }
    }

    fn act(name: &str, after: &[&str]) -> Stage {
        stage(name, after, Action::ReloadSystemd)
    }

    fn wait(name: &str, after: &[&str]) -> Stage {
        stage(name, after, Action::WaitInCluster(Await::ApiReady))
    }

    fn select(names: &[&str], roles: &[Role]) -> Selection {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        Selection::new(&cluster(), &names, roles).unwrap()
    }

    fn narrowed(stages: Vec<Stage>, names: &[&str]) -> (Vec<String>, Vec<String>) {
        let (plan, left_out) = narrow(Plan { stages }, &select(names, &[]));
        let stages = plan.stages.iter().map(|stage| {
            let after: Vec<String> = stage.after.iter().map(ToString::to_string).collect();
            format!("{} after [{}]", stage.id, after.join(" "))
        });
        let left_out = left_out.iter().map(|left| format!("{} {}", left.place, left.steps));
        (stages.collect(), left_out.collect())
    }

    #[test]
    fn what_is_left_out_is_counted_by_place() {
        let stages = vec![act("a@cp1", &[]), act("b@cp1", &[]), act("a@w1", &[]), act("objects@cluster", &["a@cp1"])];
        let (stages, left_out) = narrowed(stages, &["w1"]);
        assert_eq!(stages, ["a@w1 after []"]);
        assert_eq!(left_out, ["cp1 2", "cluster 1"]);
    }

    #[test]
    fn order_among_the_kept_survives_what_stood_between() {
        let stages = vec![act("a@cp1", &[]), act("b@w1", &["a@cp1"]), act("c@cp1", &["b@w1"])];
        assert_eq!(narrowed(stages, &["cp1"]).0, ["a@cp1 after []", "c@cp1 after [a@cp1]"]);
    }

    #[test]
    fn a_wait_stays_where_all_that_it_rests_on_does() {
        let stages = vec![
            act("kubelet@w1", &[]),
            act("kubelet@w2", &[]),
            wait("node-w1@cluster", &["kubelet@w1"]),
            wait("node-w2@cluster", &["kubelet@w2"]),
            wait("all@cluster", &["node-w1@cluster", "node-w2@cluster"]),
        ];
        let (stages, left_out) = narrowed(stages, &["w1"]);
        assert_eq!(stages, ["kubelet@w1 after []", "node-w1@cluster after [kubelet@w1]"]);
        assert_eq!(left_out, ["w2 1"]);
    }

    #[test]
    fn the_cluster_is_a_place_like_any_other() {
        let stages = vec![act("api@cp1", &[]), wait("ready@cluster", &["api@cp1"]), act("dns@cluster", &["api@cp1"])];
        let (stages, left_out) = narrowed(stages, &["cluster"]);
        assert_eq!(stages, ["dns@cluster after []"]);
        assert_eq!(left_out, ["cp1 1"]);
    }

    #[test]
    fn names_and_roles_add_up() {
        let selection = select(&["lb"], &[Role::Worker]);
        assert_eq!(selection.names(), ["lb", "w1", "w2"]);
        assert!(!selection.contains(&Place::Cluster));
        assert_eq!(select(&["w1"], &[Role::Worker]).names(), ["w1", "w2"]);
    }

    #[test]
    fn what_the_spec_does_not_have_is_told_with_what_it_has() {
        let unknown = |name: &str| Selection::new(&cluster(), &[name.to_owned()], &[]).unwrap_err();
        assert_eq!(unknown("cp2").to_string(), "no machine is called cp2");
        assert_eq!(unknown("cp2").help(), "did you mean `cp1`?");
        assert_eq!(unknown("storage").help(), "expected one of `lb`, `cp1`, `w1`, `w2`, `cluster`");
        let unused = Selection::new(&cluster(), &[], &[Role::Etcd]).unwrap_err();
        assert_eq!(unused.to_string(), "no machine has the role etcd");
        assert_eq!(unused.help(), "this cluster's machines have load-balancer, control-plane, worker");
    }
}
