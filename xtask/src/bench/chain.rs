//! Where a run's time went: its journal, and the longest chain of stages in it.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use crate::run::Failure;

/// `NAME@PLACE` of a stage, and what comes before it.
pub(super) type Order = BTreeMap<String, Vec<String>>;

/// A stage as it was run, in seconds since the run's start.
#[derive(Debug, Clone, PartialEq)]
struct Ran {
    began: f64,
    ended: f64,
}

/// The run of a workspace, read from its journal.
#[derive(Debug)]
pub(super) struct Journal {
    stages: BTreeMap<String, Ran>,
    /// Seconds from the run's start to its end.
    pub(super) elapsed: f64,
}

impl Journal {
    /// The newest journal of the workspace.
    pub(super) fn newest(workspace: &Path) -> Result<Self, Failure> {
        let mut runs: Vec<_> = std::fs::read_dir(workspace.join(".hardway/runs"))?
            .map(|entry| Ok(entry?.path()))
            .collect::<Result<Vec<_>, Failure>>()?;
        runs.sort();
        let newest = runs.last().ok_or("the workspace has no run")?;
        Self::read(&std::fs::read_to_string(newest.join("events.jsonl"))?)
    }

    fn read(text: &str) -> Result<Self, Failure> {
        let mut journal = Self { stages: BTreeMap::new(), elapsed: 0.0 };
        for line in text.lines() {
            let line: Value = serde_json::from_str(line)?;
            let entry = &line["entry"];
            let seconds = |field: &str| entry[field].as_f64().unwrap_or_default();
            match entry["event"].as_str() {
                Some("stageDone") => {
                    let word = |field: &str| entry[field].as_str().unwrap_or_default();
                    let began = seconds("waitedSeconds");
                    let ran = Ran { began, ended: began + seconds("elapsedSeconds") };
                    journal.stages.insert(format!("{}@{}", word("stage"), word("place")), ran);
                }
                Some("runDone") => journal.elapsed = seconds("elapsedSeconds"),
                _ => {}
            }
        }
        Ok(journal)
    }

    /// The stages that the run's length hangs on: from the last to end back over what each waited for.
    ///
    /// Each with the seconds that it adds, the first one first. A stage in the cluster also waits for machines without
    /// naming them, as for a node to become Ready: so the last one to end on a machine meanwhile counts for it too.
    pub(super) fn longest_chain(&self, order: &Order) -> Vec<(String, f64)> {
        let mut chain = Vec::new();
        let mut next = latest(self.stages.iter());
        while let Some((name, ran)) = next {
            let named = order.get(name).into_iter().flatten().filter_map(|before| self.stages.get_key_value(before));
            let meanwhile = self.stages.iter().filter(|(other, theirs)| {
                is_in_cluster(name) && !is_in_cluster(other) && ran.began < theirs.ended && theirs.ended < ran.ended
            });
            next = latest(named.chain(meanwhile));
            chain.push((name.clone(), ran.ended - next.map_or(ran.began, |(_, before)| before.ended)));
        }
        chain.reverse();
        chain
    }
}

fn latest<'a>(stages: impl Iterator<Item = (&'a String, &'a Ran)>) -> Option<(&'a String, &'a Ran)> {
    stages.max_by(|(_, one), (_, other)| one.ended.total_cmp(&other.ended))
}

fn is_in_cluster(stage: &str) -> bool {
    stage.ends_with("@cluster")
}

#[cfg(test)]
mod tests {
    use super::*;

    const JOURNAL: &str = r#"{"time":"t","entry":{"event":"runStarted","stages":3,"steps":3,"bytes":1}}
{"time":"t","entry":{"event":"stageDone","place":"cp1","stage":"base","waitedSeconds":0.0,"elapsedSeconds":1.0}}
{"time":"t","entry":{"event":"stageDone","place":"cp1","stage":"copy","waitedSeconds":0.0,"elapsedSeconds":2.0}}
{"time":"t","entry":{"event":"stageDone","place":"cp1","stage":"etcd","waitedSeconds":2.0,"elapsedSeconds":0.5}}
{"time":"t","entry":{"event":"stageDone","place":"cluster","stage":"nodes","waitedSeconds":2.0,"elapsedSeconds":2.0}}
{"time":"t","entry":{"event":"stageDone","place":"w1","stage":"kubelet","waitedSeconds":2.5,"elapsedSeconds":1.0}}
{"time":"t","entry":{"event":"runDone","elapsedSeconds":4.0,"failed":0,"skipped":0}}
"#;

    #[test]
    fn the_chain_goes_over_what_ended_last() {
        let order = Order::from([
            ("etcd@cp1".to_owned(), vec!["base@cp1".to_owned(), "copy@cp1".to_owned()]),
            ("kubelet@w1".to_owned(), vec!["etcd@cp1".to_owned()]),
            ("nodes@cluster".to_owned(), vec!["copy@cp1".to_owned()]),
        ]);
        let journal = Journal::read(JOURNAL).unwrap();
        let expected = [("copy@cp1", 2.0), ("etcd@cp1", 0.5), ("kubelet@w1", 1.0), ("nodes@cluster", 0.5)];
        assert_eq!(journal.longest_chain(&order), expected.map(|(name, seconds)| (name.to_owned(), seconds)));
        assert!((journal.elapsed - 4.0).abs() < 1e-9);
    }
}
