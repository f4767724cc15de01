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

    /// The stages that the run's length hangs on: from the last to end back over the latest of those before each.
    ///
    /// Each with its own seconds, the first one first.
    pub(super) fn longest_chain(&self, order: &Order) -> Vec<(String, f64)> {
        let latest = |names: &mut dyn Iterator<Item = &String>| {
            let known = names.filter_map(|name| self.stages.get_key_value(name));
            known.max_by(|(_, one), (_, other)| one.ended.total_cmp(&other.ended))
        };
        let mut chain = Vec::new();
        let mut next = latest(&mut self.stages.keys());
        while let Some((name, ran)) = next {
            chain.push((name.clone(), ran.ended - ran.began));
            next = latest(&mut order.get(name).into_iter().flatten());
        }
        chain.reverse();
        chain
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const JOURNAL: &str = r#"{"time":"t","entry":{"event":"runStarted","stages":3,"steps":3,"bytes":1}}
{"time":"t","entry":{"event":"stageDone","place":"cp1","stage":"base","waitedSeconds":0.0,"elapsedSeconds":1.0}}
{"time":"t","entry":{"event":"stageDone","place":"cp1","stage":"copy","waitedSeconds":0.0,"elapsedSeconds":2.0}}
{"time":"t","entry":{"event":"stageDone","place":"cp1","stage":"etcd","waitedSeconds":2.0,"elapsedSeconds":0.5}}
{"time":"t","entry":{"event":"runDone","elapsedSeconds":2.5,"failed":0,"skipped":0}}
"#;

    #[test]
    fn the_chain_goes_over_what_ended_last() {
        let order = Order::from([("etcd@cp1".to_owned(), vec!["base@cp1".to_owned(), "copy@cp1".to_owned()])]);
        let journal = Journal::read(JOURNAL).unwrap();
        let chain = journal.longest_chain(&order);
        assert_eq!(chain, [("copy@cp1".to_owned(), 2.0), ("etcd@cp1".to_owned(), 0.5)]);
        assert!((journal.elapsed - 2.5).abs() < 1e-9);
    }
}
