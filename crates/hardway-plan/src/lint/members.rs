//! etcd's members: nobody is left among them, or founds anew, by an oversight; changes keep the quorum.

use std::collections::BTreeSet;

use hardway_design::EtcdChange;
use hardway_spec::MachineName;

use super::Harm;
use super::context::{Context, list};
use crate::Action;
use crate::etcd::{Members, State};
use crate::graph::Graph;

/// Members that are not what the spec says, and data that are gone.
pub(super) fn check(context: &Context<'_>) -> Vec<Harm> {
    let members = Members::of(context.design, context.sight);
    let mut harms = Vec::new();
    let unknown = members.unknown();
    if !unknown.is_empty() {
        harms.push(Harm {
            machines: Vec::new(),
            harm: format!("etcd still counts on {}, which the spec does not have", list(unknown)),
            help: "list such a machine with `removed: {force: true}`, so that it leaves etcd too".to_owned(),
        });
    }
    if members.state() == State::Lost {
        let without = members.staying.iter().filter(|member| member.seen.is_some_and(|seen| !seen.has_data));
        let machines: Vec<MachineName> = without.map(|member| member.machine.clone()).collect();
        harms.push(Harm {
            harm: format!(
                "etcd has been up and has no data on {} any more; too few members are left to go on",
                list(&machines)
            ),
            help: "bring the machines back that have its data, or go on from what is left: hardway etcd recover"
                .to_owned(),
            machines,
        });
    }
    harms
}

/// Follows the members through the plan: at every step more than half of those that vote must be up.
pub(super) fn quorum(context: &Context<'_>) -> Vec<Harm> {
    let members = Members::of(context.design, context.sight);
    let name = |name: &str| MachineName::from(name);
    let mut voters: BTreeSet<MachineName> =
        members.listed.iter().filter(|listed| !listed.is_learner).map(|listed| name(&listed.name)).collect();
    let all = members.staying.iter().chain(&members.leaving);
    let mut up: BTreeSet<MachineName> =
        all.filter(|member| member.answers()).map(|member| member.machine.clone()).collect();
    up.retain(|machine| voters.contains(machine));
    if up.len() <= voters.len() / 2 {
        // Nobody answered, or nothing is left to lose.
        return Vec::new();
    }
    let places = Graph::places(context.plan);
    let mut stages: Vec<_> = context.plan.stages.iter().collect();
    stages.sort_by_key(|stage| places.get(&stage.id).copied());
    for change in stages.iter().flat_map(|stage| &stage.steps).filter_map(|step| match &step.action {
        Action::ChangeEtcd(change) => Some(change),
        _ => None,
    }) {
        let Some(call) = change.member() else { continue };
        let (mut voters_then, mut up_then) = (voters.clone(), up.clone());
        match change {
            EtcdChange::Found | EtcdChange::Rebuild(_) | EtcdChange::Move(_) => continue,
            EtcdChange::Remove(_) => {
                voters_then.remove(&call.name);
                up_then.remove(&call.name);
            }
            // A learner is counted on already when it is added (`mayAddMember` in etcd's server.go).
            EtcdChange::Join(_) if voters.len() > 1 => _ = voters_then.insert(call.name.clone()),
            EtcdChange::Join(_) => {}
            EtcdChange::Promote(_) => {
                voters_then.insert(call.name.clone());
                up_then.insert(call.name.clone());
            }
        }
        if up_then.len() <= voters_then.len() / 2 {
            let down: Vec<&MachineName> = voters.difference(&up).collect();
            let answer = if down.len() == 1 { "does" } else { "do" };
            let harm = match change {
                EtcdChange::Remove(_) => format!("without {} etcd has no quorum", call.name),
                _ => format!("{} cannot join etcd as long as {} {answer} not answer", call.name, list(down)),
            };
            return vec![Harm {
                machines: vec![call.name.clone()],
                harm,
                help: "bring back the members that are away, or remove those that are dead first, with \
                       `removed: {force: true}`"
                    .to_owned(),
            }];
        }
        if !matches!(change, EtcdChange::Join(_)) {
            (voters, up) = (voters_then, up_then);
        }
    }
    Vec::new()
}
