//! From groups with their steps to stages with their edges.

use std::collections::{BTreeMap, BTreeSet};

use hardway_design::{Design, GroupId, Place};

use super::record;
use crate::{Plan, Stage, Step};

/// Drops groups with nothing to do and joins the edges that led through them.
///
/// Waits stay only where something that they rest on changes: in their own group or in one before it.
pub(super) fn arrange(design: &Design, mut steps: BTreeMap<&GroupId, Vec<Step>>, extra: Vec<Stage>) -> Plan {
    let edges: BTreeMap<&GroupId, &[GroupId]> = edges(design).collect();
    let affected = affected(design, &steps);
    steps.retain(|id, steps| !steps.is_empty() && affected.contains(id));

    let recorded: BTreeSet<&Place> =
        extra.iter().filter(|stage| stage.id.name == record::STAGE).map(|stage| &stage.id.place).collect();
    let mut stages: Vec<Stage> = extra.iter().filter(|stage| stage.id.name == record::STAGE).cloned().collect();
    for group in &design.groups {
        let Some(own) = steps.get(&group.id) else { continue };
        let mut after: Vec<GroupId> = nearest(&group.id, &edges, &|id| steps.contains_key(id));
        if recorded.contains(&group.id.place)
            && let Place::Machine(machine) = &group.id.place
        {
            after.push(GroupId::on(machine, record::STAGE));
        }
        stages.push(Stage { id: group.id.clone(), after, steps: own.clone() });
    }
    for mut stage in extra.into_iter().filter(|stage| stage.id.name == record::REMOVAL) {
        stage.after.retain(|id| steps.contains_key(id));
        stages.push(stage);
    }
    Plan { stages }
}

/// The groups that act, and all that come after them.
fn affected<'a>(design: &'a Design, steps: &BTreeMap<&GroupId, Vec<Step>>) -> BTreeSet<&'a GroupId> {
    let acts = |id: &GroupId| steps.get(id).is_some_and(|steps| steps.iter().any(|step| !step.action.only_waits()));
    downstream(edges(design), design.groups.iter().map(|group| &group.id).filter(|id| acts(id)))
}

/// Each group with those that it waits for.
pub(crate) fn edges(design: &Design) -> impl Iterator<Item = (&GroupId, &[GroupId])> {
    design.groups.iter().map(|group| (&group.id, group.after.as_slice()))
}

/// These groups, and all that come after them, near or far. One walk over the edges: asking each group for all before
/// it would take the square of a fleet.
pub(crate) fn downstream<'a>(
    edges: impl IntoIterator<Item = (&'a GroupId, &'a [GroupId])>,
    from: impl IntoIterator<Item = &'a GroupId>,
) -> BTreeSet<&'a GroupId> {
    let mut open: Vec<&GroupId> = from.into_iter().collect();
    if open.is_empty() {
        return BTreeSet::new();
    }
    let mut followers: BTreeMap<&GroupId, Vec<&GroupId>> = BTreeMap::new();
    for (id, after) in edges {
        for earlier in after {
            followers.entry(earlier).or_default().push(id);
        }
    }
    let mut found = BTreeSet::new();
    while let Some(next) = open.pop() {
        if found.insert(next) {
            open.extend(followers.get(next).into_iter().flatten());
        }
    }
    found
}

/// Every group that comes before `id`, near or far.
pub(crate) fn before<'a>(id: &GroupId, edges: &BTreeMap<&'a GroupId, &'a [GroupId]>) -> BTreeSet<&'a GroupId> {
    let mut found = BTreeSet::new();
    let mut open: Vec<&'a GroupId> = edges.get(id).into_iter().flat_map(|after| after.iter()).collect();
    while let Some(next) = open.pop() {
        if found.insert(next) {
            open.extend(edges.get(next).into_iter().flat_map(|after| after.iter()));
        }
    }
    found
}

/// The closest groups before `id` that are kept, looking through those that are not.
pub(crate) fn nearest(
    id: &GroupId,
    edges: &BTreeMap<&GroupId, &[GroupId]>,
    kept: &dyn Fn(&GroupId) -> bool,
) -> Vec<GroupId> {
    let mut found: Vec<GroupId> = Vec::new();
    let mut seen = BTreeSet::new();
    let mut open: Vec<&GroupId> = edges.get(id).into_iter().flat_map(|after| after.iter()).rev().collect();
    while let Some(next) = open.pop() {
        if !seen.insert(next) {
            continue;
        }
        if kept(next) {
            found.push(next.clone());
        } else {
            open.extend(edges.get(next).into_iter().flat_map(|after| after.iter()).rev());
        }
    }
    found
}
