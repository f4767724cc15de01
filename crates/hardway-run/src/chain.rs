//! What a run's length hung on: the longest chain of stages that waited for one another.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::StageRef;

/// The name that stands for the cluster among places.
const CLUSTER: &str = "cluster";

/// When a stage went, counted from the run's start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StageTime {
    pub stage: StageRef,
    /// The stages that it waited for.
    pub after: Vec<StageRef>,
    pub began: Duration,
    pub ended: Duration,
}

impl StageTime {
    pub fn took(&self) -> Duration {
        self.ended.saturating_sub(self.began)
    }
}

/// A stage of the chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    pub stage: StageRef,
    /// How much of the run's length is this stage's: from the end of the one before to its own.
    pub adds: Duration,
}

/// The stages that the run's length hangs on, the first one first: from the last to end back over what each waited for.
///
/// A stage in the cluster also waits for machines without naming them, as for a node to become Ready: so the last one to
/// end on a machine meanwhile counts for it too.
pub fn longest_chain(stages: &[StageTime]) -> Vec<Link> {
    let by_name: BTreeMap<&StageRef, &StageTime> = stages.iter().map(|stage| (&stage.stage, stage)).collect();
    let mut chain = Vec::new();
    // Stages' times are measured one by one, so that two may each seem to end before the other.
    let mut seen = BTreeSet::new();
    let mut next = latest(stages.iter());
    while let Some(stage) = next {
        seen.insert(&stage.stage);
        let named = stage.after.iter().filter_map(|before| by_name.get(before).copied());
        let meanwhile = stages.iter().filter(|other| {
            stage.stage.place == CLUSTER
                && other.stage.place != CLUSTER
                && stage.began < other.ended
                && other.ended < stage.ended
        });
        next = latest(named.chain(meanwhile).filter(|before| !seen.contains(&before.stage)));
        let from = next.map_or(stage.began, |before| before.ended);
        chain.push(Link { stage: stage.stage.clone(), adds: stage.ended.saturating_sub(from) });
    }
    chain.reverse();
    chain
}

fn latest<'a>(stages: impl Iterator<Item = &'a StageTime>) -> Option<&'a StageTime> {
    stages.max_by_key(|stage| stage.ended)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(id: &str) -> StageRef {
        let (stage, place) = id.split_once('@').expect("NAME@PLACE");
        StageRef { place: place.to_owned(), stage: stage.to_owned() }
    }

    fn stage(id: &str, after: &[&str], began: u64, ended: u64) -> StageTime {
        StageTime {
            stage: name(id),
            after: after.iter().map(|id| name(id)).collect(),
            began: Duration::from_secs(began),
            ended: Duration::from_secs(ended),
        }
    }

    #[test]
    fn the_chain_goes_over_what_ended_last() {
        let stages = [
            stage("base@cp1", &[], 0, 10),
            stage("copy@cp1", &[], 0, 20),
            stage("etcd@cp1", &["base@cp1", "copy@cp1"], 20, 25),
            stage("kubelet@w1", &["etcd@cp1"], 25, 35),
            // Began long ago, and waited for w1's node meanwhile.
            stage("nodes@cluster", &["copy@cp1"], 20, 40),
        ];
        let expected = [("copy@cp1", 20), ("etcd@cp1", 5), ("kubelet@w1", 10), ("nodes@cluster", 5)];
        let expected = expected.map(|(id, seconds)| Link { stage: name(id), adds: Duration::from_secs(seconds) });
        assert_eq!(longest_chain(&stages), expected);
    }

    #[test]
    fn a_run_without_stages_has_no_chain() {
        assert_eq!(longest_chain(&[]), []);
    }
}
