//! What becomes of a node that was cordoned by a run that fails.

use crate::stand::{Ended, Stand, Trouble, leaving};
use hardway_run::Event;

const ALWAYS: usize = usize::MAX;

/// Whether the node takes pods again, and what is said of it.
fn outcome(stand: &Stand, ended: &Ended) -> (bool, Vec<String>) {
    let said = ended.events.iter().filter_map(|event| match event {
        Event::NodeUncordoned { node } => Some(format!("{node} uncordoned")),
        Event::NodeLeftCordoned { node, because } => Some(format!("{node}: {because}")),
        _ => None,
    });
    let uncordoned = stand.world.done().contains(&("cluster".to_owned(), "Uncordon node w1".to_owned()));
    (uncordoned, said.collect())
}

async fn failing_at(place: &str, title: &str) -> (bool, Vec<String>) {
    let stand = Stand::new();
    stand.trouble(&(place.to_owned(), title.to_owned()), Trouble::Fails, ALWAYS);
    let ended = stand.run(&leaving()).await;
    assert!(!ended.report.succeeded());
    outcome(&stand, &ended)
}

#[tokio::test(start_paused = true)]
async fn a_node_takes_pods_again_where_its_machine_was_not_touched() {
    assert_eq!(failing_at("cluster", "Drain w1").await, (true, vec!["w1 uncordoned".to_owned()]));
}

#[tokio::test(start_paused = true)]
async fn a_node_whose_machine_is_half_removed_stays_cordoned_and_that_is_said() {
    let expected = "w1: removal@w1 has begun; run the same command again to go on";
    assert_eq!(failing_at("w1", "Start cleaning").await, (false, vec![expected.to_owned()]));
    assert_eq!(failing_at("cluster", "Delete w1").await, (false, vec![expected.to_owned()]));
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_stopped_while_pods_leave_lets_the_node_take_pods_again() {
    let stand = Stand::new();
    stand.trouble(&("cluster".to_owned(), "Drain w1".to_owned()), Trouble::Hangs, 1);
    let cancel = stand.cancel.clone();
    let ended = stand
        .run_watched(&leaving(), |event| {
            if matches!(event, Event::StepStarted { title, .. } if title == "Drain w1") {
                cancel.cancel();
            }
        })
        .await;
    assert!(ended.report.cancelled);
    assert_eq!(outcome(&stand, &ended), (true, vec!["w1 uncordoned".to_owned()]));
}

#[tokio::test(start_paused = true)]
async fn an_api_that_is_away_is_said_to_keep_the_node_cordoned() {
    let stand = Stand::new();
    for title in ["Drain w1", "Uncordon node w1"] {
        stand.trouble(&("cluster".to_owned(), title.to_owned()), Trouble::Fails, ALWAYS);
    }
    let ended = stand.run(&leaving()).await;
    assert_eq!(outcome(&stand, &ended), (false, vec!["w1: Uncordon node w1: the API said no".to_owned()]));
}

#[tokio::test(start_paused = true)]
async fn a_run_that_succeeds_says_nothing() {
    let stand = Stand::new();
    let ended = stand.run(&leaving()).await;
    assert!(ended.report.succeeded());
    assert_eq!(outcome(&stand, &ended), (false, Vec::new()));
}
