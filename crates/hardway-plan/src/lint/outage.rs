//! What machines do together: never so many away at once that nobody does it.

use std::collections::BTreeSet;

use hardway_design::landmarks::{ETCD, HAPROXY, KUBE_APISERVER};
use hardway_design::{GroupId, Place};
use hardway_spec::MachineName;

use super::context::{Context, list, owned};
use super::{Harm, members};
use crate::{Action, units};

pub(super) fn of_etcd(context: &Context<'_>) -> Vec<Harm> {
    let mut harms = check(context, ETCD, "etcd has no quorum then, and the API is away");
    harms.extend(members::quorum(context));
    harms
}

pub(super) fn of_api_servers(context: &Context<'_>) -> Vec<Harm> {
    check(context, KUBE_APISERVER, "fewer API servers answer than need be, or none")
}

pub(super) fn of_load_balancers(context: &Context<'_>) -> Vec<Harm> {
    check(context, HAPROXY, "clients reach the API through fewer load balancers than need be, or none")
}

/// A stage of the plan that ends the unit's process on a machine, or begins it.
struct Event<'a> {
    stage: &'a GroupId,
    machine: &'a MachineName,
}

fn check(context: &Context<'_>, unit: &str, consequence: &str) -> Vec<Harm> {
    let Some(shared) = units::shared(context.design).remove(unit) else { return Vec::new() };
    let all = units::machines(context.design, unit);
    let mut running = units::running(context.sight, unit);
    // A machine that is to do without it stops it when the others do without that machine.
    running.retain(|machine| all.contains(machine));
    let down = units::down(context.design, context.sight, unit);
    let needed = shared.needs.of(all.len());
    let up = |away: &BTreeSet<&MachineName>| all.iter().filter(|machine| !away.contains(*machine)).count();

    // A single one cannot be spared, and where too few run already nothing is left to lose.
    if all.len() < needed + 1 || up(&down) < needed {
        return Vec::new();
    }
    let ends = events(context, |action| action.interrupts() == Some(unit));
    let stops = events(context, |action| action.interrupts() == Some(unit) && matches!(action, Action::Remove(_)));
    let starts = events(context, |action| matches!(action, Action::StartUnit { unit: name, .. } if name == unit));

    let mut worst: BTreeSet<&MachineName> = BTreeSet::new();
    for end in ends.iter().filter(|end| running.contains(end.machine)) {
        let before = context.graph.before(end.stage);
        let together = ends.iter().filter(|other| {
            other.machine != end.machine
                && running.contains(other.machine)
                && !before.contains(other.stage)
                && !context.graph.before(other.stage).contains(end.stage)
        });
        let together: BTreeSet<&MachineName> = together.map(|other| other.machine).collect();
        let started: BTreeSet<&MachineName> =
            starts.iter().filter(|start| before.contains(start.stage)).map(|start| start.machine).collect();
        let stopped = stops.iter().filter(|stop| before.contains(stop.stage)).map(|stop| stop.machine);

        let mut away: BTreeSet<&MachineName> = down.difference(&started).copied().collect();
        away.extend(stopped);
        let without_this = up(&away);
        away.insert(end.machine);
        away.extend(&together);
        let hurts = !together.is_empty() || (up(&away) < needed && without_this >= needed);
        if hurts && away.len() > worst.len() {
            worst = away;
        }
    }
    if worst.is_empty() {
        return Vec::new();
    }
    let name = unit.strip_suffix(".service").unwrap_or(unit);
    vec![Harm {
        harm: format!("{name} would be away on {} at the same time: {consequence}", list(&worst)),
        help: "plan for all machines at once, without --only and --only-role: what is down then starts first, and the \
               others follow one by one"
            .to_owned(),
        machines: owned(worst),
    }]
}

fn events<'a>(context: &Context<'a>, holds: impl Fn(&Action) -> bool) -> Vec<Event<'a>> {
    let stages = context.plan.stages.iter().filter(|stage| stage.steps.iter().any(|step| holds(&step.action)));
    let events = stages.filter_map(|stage| match &stage.id.place {
        Place::Machine(machine) => Some(Event { stage: &stage.id, machine }),
        Place::Cluster => None,
    });
    events.collect()
}
