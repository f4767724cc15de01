//! One at a time: what several machines do together is never away on two of them at once.
//!
//! A stage is done when what it restarts is ready again, so an edge from one machine's stage to the next one's is a gate
//! of health: where a machine does not come back, the others are left as they are. What does not run yet needs no care,
//! so that a cluster's first start is as parallel as its design.

use std::collections::{BTreeMap, BTreeSet};

use hardway_design::landmarks::{HAPROXY, KUBE_APISERVER};
use hardway_design::{Design, GroupId, Shared};

use super::Sight;
use crate::graph::Graph;
use crate::{Action, Plan, units};

/// Adds the edges that keep interruptions of the same unit apart. They never lead in a circle.
pub(super) fn one_at_a_time(plan: &mut Plan, design: &Design, sight: &Sight) {
    for (unit, shared) in units::shared(design) {
        let interrupted = stages_where(plan, |action| action.interrupts() == Some(unit));
        if interrupted.is_empty() || nothing_to_keep(plan, design, sight, unit, shared) {
            continue;
        }
        let started =
            stages_where(plan, |action| matches!(action, Action::StartUnit { unit: name, .. } if name == unit));
        starts_first(plan, &started, &interrupted);
        chain(plan, interrupted);
    }
}

/// Load balancers learn of new API servers when those answer, and before others restart; where some go and none comes,
/// those that stay restart while the others still answer: at no time is there none.
pub(super) fn balancers_in_between(plan: &mut Plan, sight: &Sight) {
    if units::running(sight, KUBE_APISERVER).is_empty() {
        return;
    }
    let balancers = stages_where(
        plan,
        |action| matches!(action, Action::RestartUnit { unit, .. } | Action::ReloadUnit { unit, .. } if unit == HAPROXY),
    );
    let started =
        stages_where(plan, |action| matches!(action, Action::StartUnit { unit, .. } if unit == KUBE_APISERVER));
    let restarted =
        stages_where(plan, |action| matches!(action, Action::RestartUnit { unit, .. } if unit == KUBE_APISERVER));
    let interrupted = stages_where(plan, |action| action.interrupts() == Some(KUBE_APISERVER));
    let some_go = interrupted.iter().any(|stage| !restarted.contains(stage));
    for balancer in &balancers {
        started.iter().for_each(|start| add_safe_edge(plan, balancer, start));
        if some_go && started.is_empty() {
            restarted.iter().for_each(|stage| add_safe_edge(plan, balancer, stage));
        }
        interrupted.iter().for_each(|stage| add_safe_edge(plan, stage, balancer));
    }
}

pub(super) fn stages_where(plan: &Plan, holds: impl Fn(&Action) -> bool) -> Vec<GroupId> {
    let stages = plan.stages.iter().filter(|stage| stage.steps.iter().any(|step| holds(&step.action)));
    stages.map(|stage| stage.id.clone()).collect()
}

/// Whether going one by one would keep nothing up, or would never end.
fn nothing_to_keep(plan: &Plan, design: &Design, sight: &Sight, unit: &str, shared: &Shared) -> bool {
    let total = units::machines(design, unit).len();
    let needed = shared.needs.of(total);
    if total.saturating_sub(units::down(design, sight, unit).len()) < needed {
        return true;
    }
    // The first to restart with another file would wait for the rest, which still has the old one.
    let Some(path) = shared.agreement else { return false };
    let rewritten: BTreeSet<_> = plan
        .stages
        .iter()
        .filter(|stage| {
            stage.steps.iter().any(|step| matches!(&step.action, Action::WriteFile { file, .. } if file.path == path))
        })
        .map(|stage| &stage.id.place)
        .collect();
    !rewritten.is_empty() && total.saturating_sub(rewritten.len()) + 1 < needed
}

/// What is down comes up before what runs goes down.
fn starts_first(plan: &mut Plan, started: &[GroupId], interrupted: &[GroupId]) {
    let graph = Graph::of(plan);
    let mut edges: Vec<(GroupId, &GroupId)> = Vec::new();
    for start in started {
        let before = graph.before(start);
        let later = interrupted.iter().filter(|stage| *stage != start && !before.contains(stage));
        edges.extend(later.map(|stage| (stage.clone(), start)));
    }
    for (stage, start) in edges {
        add_edge(plan, &stage, start);
    }
}

/// Puts stages into a row, in an order that the plan's edges allow already.
fn chain(plan: &mut Plan, mut stages: Vec<GroupId>) {
    let places: BTreeMap<GroupId, usize> =
        Graph::places(plan).into_iter().map(|(id, place)| (id.clone(), place)).collect();
    stages.sort_by_key(|stage| places.get(stage).copied());
    for pair in stages.windows(2) {
        add_edge(plan, &pair[1], &pair[0]);
    }
}

fn add_edge(plan: &mut Plan, id: &GroupId, after: &GroupId) {
    let stage = plan.stages.iter_mut().find(|stage| stage.id == *id).expect("the stage was found in this plan");
    if !stage.after.contains(after) {
        stage.after.push(after.clone());
    }
}

/// Adds an edge where both stages are there, and it closes no circle.
pub(super) fn add_safe_edge(plan: &mut Plan, id: &GroupId, after: &GroupId) {
    let has = |wanted: &GroupId| plan.stages.iter().any(|stage| stage.id == *wanted);
    if id != after && has(id) && has(after) && !Graph::of(plan).before(after).contains(id) {
        add_edge(plan, id, after);
    }
}

/// Puts a stage behind all that do not wait for it.
pub(super) fn goes_last(plan: &mut Plan, last: &GroupId) {
    let waiting = Graph::of(plan).from(last);
    let stages = plan.stages.iter().map(|stage| &stage.id);
    let earlier: Vec<GroupId> = stages.filter(|id| !waiting.contains(id)).cloned().collect();
    for id in earlier {
        add_edge(plan, last, &id);
    }
}
