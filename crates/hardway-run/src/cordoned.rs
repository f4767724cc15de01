//! Nodes that a run cordoned and then did not remove.

use std::collections::BTreeSet;
use std::time::Duration;

use hardway_design::GroupId;
use hardway_plan::{Action, Plan};
use tokio::time::timeout;

use crate::Event;
use crate::runner::Runner;

/// The operator waits for the end of a run that failed: an API that answers does so within a second.
const LIMIT: Duration = Duration::from_secs(10);

/// After a run that did not succeed: nodes whose machines nothing was done to yet take pods again, and of the others it is
/// said that they do not.
pub(crate) async fn give_back(runner: &Runner, plan: &Plan, never_began: &BTreeSet<GroupId>) {
    let Some(cluster) = &runner.cluster else { return };
    let stages = plan.stages.iter().filter(|stage| !never_began.contains(&stage.id));
    for step in stages.flat_map(|stage| &stage.steps) {
        let Action::Cordon { node, before } = &step.action else { continue };
        let changes_later = plan.stages.iter().any(|stage| stage.id == *before);
        if changes_later && !never_began.contains(before) {
            let because = format!("{before} has begun; run the same command again to go on");
            runner.say(Event::NodeLeftCordoned { node: node.clone(), because });
            continue;
        }
        match timeout(LIMIT, cluster.uncordon(node)).await {
            Ok(Ok(true)) => runner.say(Event::NodeUncordoned { node: node.clone() }),
            // Somebody else had cordoned it, or it is gone.
            Ok(Ok(false)) => {}
            Ok(Err(error)) => runner.say(Event::NodeLeftCordoned { node: node.clone(), because: error.text }),
            Err(_) => {
                let because = format!("the API did not answer within {} s", LIMIT.as_secs());
                runner.say(Event::NodeLeftCordoned { node: node.clone(), because });
            }
        }
    }
}
