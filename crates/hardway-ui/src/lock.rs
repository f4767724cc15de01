//! What a new lock of artifacts changes.

use std::collections::BTreeMap;
use std::fmt;

use hardway_artifacts::{Lock, Locked};
use serde::Serialize;

/// Every artifact that is not as it was locked, and how all of them were verified.
#[derive(Debug, Serialize)]
pub struct LockChanges {
    changes: Vec<Change>,
    /// How many artifacts each kind of trust vouched for.
    verified: BTreeMap<String, usize>,
}

#[derive(Debug, Serialize)]
struct Change {
    artifact: String,
    before: Option<Locked>,
    now: Option<Locked>,
    #[serde(skip)]
    line: String,
}

impl LockChanges {
    pub fn new(before: &Lock, now: &Lock) -> Self {
        let mut verified = BTreeMap::new();
        for locked in now.artifacts.values() {
            *verified.entry(locked.verified.to_string()).or_default() += 1;
        }
        let changes = before.changes(now).into_iter().map(|difference| Change {
            line: difference.to_string(),
            artifact: difference.artifact,
            before: difference.locked,
            now: difference.found,
        });
        Self { changes: changes.collect(), verified }
    }

    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }
}

impl fmt::Display for LockChanges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for change in &self.changes {
            writeln!(f, "{}", change.line)?;
        }
        if self.is_empty() {
            writeln!(f, "nothing changes")?;
        }
        let all: usize = self.verified.values().sum();
        let by: Vec<String> = self.verified.iter().map(|(trust, count)| format!("{count} by {trust}")).collect();
        write!(f, "{all} artifacts, verified: {}", by.join(", "))
    }
}
