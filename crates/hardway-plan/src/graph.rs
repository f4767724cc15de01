//! Which stages come before which.

use std::collections::{BTreeMap, BTreeSet};

use hardway_design::GroupId;

use crate::Plan;
use crate::planner::{before, downstream};

/// The edges of a plan: each stage with those that it waits for.
pub(crate) struct Graph<'a> {
    after: BTreeMap<&'a GroupId, &'a [GroupId]>,
}

impl<'a> Graph<'a> {
    pub(crate) fn of(plan: &'a Plan) -> Self {
        Self { after: plan.stages.iter().map(|stage| (&stage.id, stage.after.as_slice())).collect() }
    }

    /// Every stage that is done before `id` begins.
    pub(crate) fn before(&self, id: &GroupId) -> BTreeSet<&'a GroupId> {
        before(id, &self.after)
    }

    /// The stage, and every one that begins only when it is done.
    pub(crate) fn from(&self, id: &'a GroupId) -> BTreeSet<&'a GroupId> {
        downstream(self.after.iter().map(|(id, after)| (*id, *after)), [id])
    }

    /// The stages in an order that their edges allow, and in the plan's own where they leave a choice: each one's place.
    pub(crate) fn places(plan: &'a Plan) -> BTreeMap<&'a GroupId, usize> {
        let index: BTreeMap<&GroupId, usize> =
            plan.stages.iter().enumerate().map(|(index, stage)| (&stage.id, index)).collect();
        let mut waits: Vec<usize> = Vec::with_capacity(plan.stages.len());
        let mut followers: Vec<Vec<usize>> = vec![Vec::new(); plan.stages.len()];
        for (own, stage) in plan.stages.iter().enumerate() {
            let earlier: BTreeSet<usize> = stage.after.iter().filter_map(|id| index.get(id).copied()).collect();
            waits.push(earlier.len());
            for earlier in earlier {
                followers[earlier].push(own);
            }
        }
        let mut ready: BTreeSet<usize> = (0..waits.len()).filter(|stage| waits[*stage] == 0).collect();
        let mut places = BTreeMap::new();
        while let Some(next) = ready.pop_first() {
            places.insert(&plan.stages[next].id, places.len());
            for follower in &followers[next] {
                waits[*follower] -= 1;
                if waits[*follower] == 0 {
                    ready.insert(*follower);
                }
            }
        }
        places
    }
}
