//! The runner over machines that fail: at every step, before and after it came about.

mod cordoned;
mod stand;

use std::collections::BTreeSet;
use std::time::Duration;

use hardway_design::GroupId;
use hardway_plan::Plan;
use hardway_run::{Event, StepRef};
use stand::{Ended, Name, Stand, Trouble, copy, copy_packages, group, install, plan, rest, stage, start, steps};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// More often than any step is tried.
const ALWAYS: usize = 100;

fn all(plan: &Plan) -> BTreeSet<Name> {
    steps(plan).into_iter().map(|(_, name)| name).collect()
}

/// Stages that wait for `id`, directly or not.
fn dependents(plan: &Plan, id: &GroupId) -> BTreeSet<GroupId> {
    let mut found = BTreeSet::new();
    loop {
        let more = plan.stages.iter().filter(|stage| stage.after.iter().any(|a| a == id || found.contains(a)));
        let more: Vec<GroupId> = more.map(|stage| stage.id.clone()).filter(|id| !found.contains(id)).collect();
        if more.is_empty() {
            return found;
        }
        found.extend(more);
    }
}

fn retries(ended: &Ended) -> Vec<u32> {
    let attempt = |event: &Event| match event {
        Event::StepRetried { attempt, .. } => Some(*attempt),
        _ => None,
    };
    ended.events.iter().filter_map(attempt).collect()
}

/// Started before done or failed, and the run's own events around all.
fn assert_sane(events: &[Event]) {
    assert!(matches!(events.first(), Some(Event::RunStarted { .. })));
    assert!(matches!(events.last(), Some(Event::RunDone { .. })));
    let mut running: BTreeSet<StepRef> = BTreeSet::new();
    let mut done: BTreeSet<StepRef> = BTreeSet::new();
    let mut ended: BTreeSet<(String, String)> = BTreeSet::new();
    for event in events {
        match event {
            Event::StepStarted { step, .. } => {
                assert!(!ended.contains(&(step.place.clone(), step.stage.clone())), "{event:?}");
                assert!(!done.contains(step), "{event:?}");
                assert!(running.insert(step.clone()), "{event:?}");
            }
            Event::StepOutput { step, .. } | Event::StepProgress { step, .. } => {
                assert!(running.contains(step), "{event:?}");
            }
            Event::StepDone { step, .. } => {
                assert!(running.remove(step), "{event:?}");
                done.insert(step.clone());
            }
            // A connection that is lost may be lost before the step began.
            Event::StepRetried { step, .. } | Event::StepFailed { step, .. } => {
                running.remove(step);
                assert!(!done.contains(step), "{event:?}");
            }
            Event::StageDone { place, stage, .. } | Event::StageSkipped { place, stage, .. } => {
                assert!(ended.insert((place.clone(), stage.clone())), "{event:?}");
            }
            Event::StagePlanned { .. } => assert!(done.is_empty() && running.is_empty(), "{event:?}"),
            Event::NodeUncordoned { .. } | Event::NodeLeftCordoned { .. } => assert!(running.is_empty(), "{event:?}"),
            Event::RunOpened { .. } | Event::RunStarted { .. } | Event::RunDone { .. } => {}
        }
    }
    let framing = |event: &&Event| matches!(event, Event::RunStarted { .. } | Event::RunDone { .. });
    assert_eq!(events.iter().filter(framing).count(), 2);
}

#[tokio::test(start_paused = true)]
async fn without_faults_everything_comes_about_once() {
    let stand = Stand::new();
    let ended = stand.run(&plan()).await;
    assert!(ended.report.succeeded());
    assert_eq!(stand.world.done(), all(&plan()));
    assert_sane(&ended.events);
    let count = |wanted: fn(&Event) -> bool| ended.events.iter().filter(|event| wanted(event)).count();
    assert_eq!(count(|event| matches!(event, Event::StepDone { .. })), plan().step_count());
    assert_eq!(count(|event| matches!(event, Event::StageDone { .. })), plan().stages.len());
}

#[tokio::test(start_paused = true)]
async fn a_step_that_fails_stops_what_waits_for_it_and_nothing_else() {
    for (failing, name) in steps(&plan()) {
        let stand = Stand::new();
        stand.trouble(&name, Trouble::Fails, ALWAYS);
        let Ended { report, events } = stand.run(&plan()).await;
        assert_sane(&events);

        let [failure] = report.failures.as_slice() else { panic!("{name:?}: {:?}", report.failures) };
        assert_eq!((&failure.stage, &failure.step), (&failing, &name.1));
        let skipped: BTreeSet<GroupId> = report.skipped.iter().cloned().collect();
        assert_eq!(skipped, dependents(&plan(), &failing), "{name:?}");
        if failing.place.to_string() != "cluster" && !name.1.starts_with("Copy") {
            assert_eq!(failure.output, [format!("{}: no", name.1)]);
            assert_eq!(failure.cause.to_string(), "it ended with exit status 1");
        }
        let said = events.iter().find_map(|event| match event {
            Event::StepFailed { title, cause, output, .. } => Some((title, cause, output)),
            _ => None,
        });
        let (title, cause, output) = said.expect("a failure is said");
        assert_eq!((title, output), (&name.1, &failure.output));
        assert!(!cause.is_empty());

        let untouched: BTreeSet<Name> = steps(&plan())
            .into_iter()
            .filter(|(id, _)| *id != failing && !skipped.contains(id))
            .map(|(_, name)| name)
            .collect();
        let done = stand.world.done();
        assert!(untouched.is_subset(&done), "{name:?}: {:?}", untouched.difference(&done));
        assert!(!done.contains(&name));
    }
}

#[tokio::test(start_paused = true)]
async fn a_skipped_stage_says_what_it_waited_for() {
    let stand = Stand::new();
    stand.trouble(&("cp1".to_owned(), "Start etcd".to_owned()), Trouble::Fails, 1);
    let ended = stand.run(&plan()).await;
    let reasons: BTreeSet<(String, String)> = ended
        .events
        .iter()
        .filter_map(|event| match event {
            Event::StageSkipped { place, stage, because } => Some((format!("{stage}@{place}"), because.clone())),
            _ => None,
        })
        .collect();
    let expected = [
        ("api@cp1", "etcd@cp1 did not succeed"),
        ("kubelet@w1", "api@cp1 did not succeed"),
        ("nodes@cluster", "kubelet@w1 did not succeed"),
        ("objects@cluster", "api@cp1 did not succeed"),
    ];
    assert_eq!(reasons, expected.map(|(stage, because)| (stage.to_owned(), because.to_owned())).into());
}

#[tokio::test(start_paused = true)]
async fn a_second_run_completes_what_the_first_left() {
    for (_, name) in steps(&plan()) {
        let two_minutes = Trouble::Away(Duration::from_secs(120));
        for trouble in [Trouble::Fails, Trouble::LostBefore, Trouble::LostAfter, Trouble::LostThen, two_minutes] {
            let stand = Stand::new();
            stand.trouble(&name, trouble, ALWAYS);
            stand.run(&plan()).await;
            stand.mend();
            let rest = rest(&plan(), &stand.world.done());
            let ended = stand.run(&rest).await;
            assert!(ended.report.succeeded(), "{name:?}, {trouble:?}: {:?}", ended.report.failures);
            assert_eq!(stand.world.done(), all(&plan()), "{name:?}, {trouble:?}");
            assert_sane(&ended.events);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_comes_back_costs_an_attempt_and_nothing_more() {
    for (_, name) in steps(&plan()) {
        for trouble in [Trouble::LostBefore, Trouble::LostAfter, Trouble::LostThen] {
            let stand = Stand::new();
            stand.trouble(&name, trouble, 1);
            let ended = stand.run(&plan()).await;
            assert!(ended.report.succeeded(), "{name:?}, {trouble:?}: {:?}", ended.report.failures);
            assert_eq!(stand.world.done(), all(&plan()));
            assert!(retries(&ended).len() <= 1, "{name:?}, {trouble:?}");
            assert_sane(&ended.events);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_stays_away_is_given_up_after_four_attempts() {
    for (id, name) in steps(&plan()) {
        if id.place.to_string() == "cluster" {
            continue;
        }
        let stand = Stand::new();
        stand.trouble(&name, Trouble::LostBefore, ALWAYS);
        let began = Instant::now();
        let ended = stand.run(&plan()).await;
        assert_eq!(began.elapsed().as_secs(), 1 + 2 + 4, "{name:?}");
        assert_eq!(retries(&ended), [2, 3, 4]);
        let [failure] = ended.report.failures.as_slice() else { panic!("{:?}", ended.report.failures) };
        assert_eq!(failure.step, name.1);
        let cause = hardway_run::with_sources(&failure.cause);
        assert_eq!(cause, "the connection was lost: the cable was pulled");
        assert_sane(&ended.events);
    }
}

#[tokio::test(start_paused = true)]
async fn an_api_that_does_not_come_is_asked_ten_times_and_each_is_said() {
    for (id, name) in steps(&plan()) {
        if id.place.to_string() != "cluster" {
            continue;
        }
        let stand = Stand::new();
        stand.trouble(&name, Trouble::LostBefore, ALWAYS);
        let ended = stand.run(&plan()).await;
        assert_eq!(retries(&ended), (2..=10).collect::<Vec<u32>>(), "{name:?}");
        assert_eq!(ended.report.failures.len(), 1);
        assert_sane(&ended.events);

        let stand = Stand::new();
        stand.trouble(&name, Trouble::Fails, ALWAYS);
        assert!(retries(&stand.run(&plan()).await).is_empty(), "a refusal that cannot pass");
    }
}

#[tokio::test(start_paused = true)]
async fn every_step_of_a_script_has_its_own_attempts() {
    let stand = Stand::new();
    let plan = Plan { stages: vec![stage("units@cp1", &[], vec![start("a"), start("b"), start("c")])] };
    for (_, name) in steps(&plan) {
        stand.trouble(&name, Trouble::LostBefore, 3);
    }
    let ended = stand.run(&plan).await;
    assert!(ended.report.succeeded());
    assert_eq!(retries(&ended), [2, 3, 4, 2, 3, 4, 2, 3, 4]);
}

#[tokio::test(start_paused = true)]
async fn a_package_that_cannot_be_had_is_tried_again_and_a_unit_that_fails_is_not() {
    let plan = Plan { stages: vec![stage("packages@cp1", &[], vec![install("nginx", None), start("nginx")])] };
    let stand = Stand::new();
    stand.trouble(&("cp1".to_owned(), "Install nginx".to_owned()), Trouble::Fails, 2);
    let ended = stand.run(&plan).await;
    assert!(ended.report.succeeded());
    assert_eq!(retries(&ended), [2, 3]);
    assert_sane(&ended.events);

    let stand = Stand::new();
    stand.trouble(&("cp1".to_owned(), "Start nginx".to_owned()), Trouble::Fails, 1);
    let ended = stand.run(&plan).await;
    assert_eq!(ended.report.failures.len(), 1);
    assert!(retries(&ended).is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_package_that_its_archive_does_not_give_is_not_asked_for_again() {
    let plan =
        Plan { stages: vec![stage("packages@cp1", &[], vec![copy_packages("/p"), install("nginx", Some("/p"))])] };
    let stand = Stand::new();
    stand.trouble(&("cp1".to_owned(), "Install nginx".to_owned()), Trouble::Fails, 1);
    let ended = stand.run(&plan).await;
    assert_eq!(ended.report.failures.len(), 1);
    assert!(retries(&ended).is_empty());
    assert!(stand.run(&plan).await.report.succeeded());
}

#[tokio::test(start_paused = true)]
async fn copies_at_once_are_bounded() {
    let stages = (0..6).map(|number| stage(&format!("s{number}@cp1"), &[], vec![copy(&format!("/{number}"))]));
    let plan = Plan { stages: stages.collect() };
    let stand = Stand { uploads: 2, delay: Duration::from_secs(10), ..Stand::new() };
    let began = Instant::now();
    assert!(stand.run(&plan).await.report.succeeded());
    assert_eq!(stand.world.most_copies(), 2);
    assert_eq!(began.elapsed().as_secs(), 30);
}

#[tokio::test(start_paused = true)]
async fn a_copy_that_waits_for_its_next_attempt_holds_nobody_up() {
    let plan = Plan { stages: vec![stage("a@cp1", &[], vec![copy("/a")]), stage("b@w1", &[], vec![copy("/b")])] };
    let stand = Stand { uploads: 1, ..Stand::new() };
    stand.trouble(&("cp1".to_owned(), "Copy /a".to_owned()), Trouble::LostBefore, 1);
    let ended = stand.run(&plan).await;
    let done = ended.events.iter().filter_map(|event| match event {
        Event::StepDone { title, .. } => Some(title.as_str()),
        _ => None,
    });
    assert_eq!(done.collect::<Vec<_>>(), ["Copy /b", "Copy /a"]);
}

#[tokio::test(start_paused = true)]
async fn a_stopped_run_begins_no_further_step() {
    let plan = plan();
    for (id, name) in steps(&plan) {
        let stand = Stand::new();
        stand.trouble(&name, Trouble::Hangs, 1);
        let cancel = stand.cancel.clone();
        let mut after = 0;
        let running = stand.run_watched(&plan, |event| {
            if cancel.is_cancelled() && matches!(event, Event::StepStarted { .. }) {
                after += 1;
            }
        });
        // The clock moves only when nothing else does: all that does not wait for the hanging step is done by then.
        let stop = async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            cancel.cancel();
        };
        let (Ended { report, events }, ()) = tokio::join!(running, stop);
        assert_eq!(after, 0);
        assert!(report.cancelled && !report.succeeded());
        assert!(report.failures.is_empty());
        let stopped: BTreeSet<GroupId> = report.skipped.into_iter().collect();
        let mut expected = dependents(&plan, &id);
        expected.insert(id);
        assert_eq!(stopped, expected);
        assert_sane(&events);

        let stand = Stand { cancel: Default::default(), ..stand };
        let rest = rest(&plan, &stand.world.done());
        assert!(stand.run(&rest).await.report.succeeded());
        assert_eq!(stand.world.done(), all(&plan));
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_whose_process_dies_at_any_moment_is_completed_by_the_next() {
    let plan = plan();
    let whole = Stand::new().run(&plan).await.events.len();
    for moment in 1..=whole {
        let stand = Stand::new();
        let died = CancellationToken::new();
        let mut events = 0;
        let running = stand.run_watched(&plan, |_| {
            events += 1;
            if events == moment {
                died.cancel();
            }
        });
        tokio::select! {
            biased;
            // Dropped there and then: nothing of it is told to stop.
            () = died.cancelled() => {}
            _ = running => assert_eq!(moment, whole),
        }
        let rest = rest(&plan, &stand.world.done());
        let ended = stand.run(&rest).await;
        assert!(ended.report.succeeded(), "event {moment}: {:?}", ended.report.failures);
        assert_eq!(stand.world.done(), all(&plan), "event {moment}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_whose_process_dies_in_the_middle_of_any_step_is_completed_by_the_next() {
    let plan = plan();
    for (_, name) in steps(&plan) {
        let stand = Stand::new();
        stand.trouble(&name, Trouble::Hangs, 1);
        // The clock moves only when nothing else does: all that does not wait for that step is done by then.
        let running = tokio::time::timeout(Duration::from_secs(1), stand.run(&plan));
        assert!(running.await.is_err(), "{name:?}");
        assert!(!stand.world.done().contains(&name));
        let rest = rest(&plan, &stand.world.done());
        assert!(stand.run(&rest).await.report.succeeded());
        assert_eq!(stand.world.done(), all(&plan), "{name:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_machine_that_restarts_in_the_middle_of_any_step_is_waited_for() {
    for (id, name) in steps(&plan()) {
        if id.place.to_string() == "cluster" {
            continue;
        }
        let stand = Stand::new();
        stand.trouble(&name, Trouble::Away(Duration::from_secs(3)), 1);
        let ended = stand.run(&plan()).await;
        assert!(ended.report.succeeded(), "{name:?}: {:?}", ended.report.failures);
        assert_eq!(stand.world.done(), all(&plan()));
        // Lost, then silent twice; a stage beside it on the same machine may meet the same.
        assert!(retries(&ended).len() >= 2, "{name:?}: {:?}", retries(&ended));
        assert_sane(&ended.events);
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_stopped_before_it_begins_does_nothing() {
    let stand = Stand::new();
    stand.cancel.cancel();
    let ended = stand.run(&plan()).await;
    assert!(ended.report.cancelled);
    assert_eq!(ended.report.skipped.len(), plan().stages.len());
    assert!(stand.world.done().is_empty());
    assert_sane(&ended.events);
}

#[tokio::test(start_paused = true)]
async fn a_step_without_its_machine_or_artifact_fails_with_the_place() {
    let nowhere = Plan { stages: vec![stage("a@w9", &[], vec![start("x")])] };
    let ended = Stand::new().run(&nowhere).await;
    assert_eq!(ended.report.failures[0].cause.to_string(), "no connection to w9 in this run");
    assert_eq!(ended.report.failures[0].stage, group("a@w9"));

    let mut plan = Plan { stages: vec![stage("a@cp1", &[], vec![copy("/x")])] };
    let hardway_plan::Action::CopyBinary(blob) = &mut plan.stages[0].steps[0].action else { panic!("it copies") };
    blob.sha256 = "0".repeat(64);
    let ended = Stand::new().run(&plan).await;
    let cause = ended.report.failures[0].cause.to_string();
    assert!(cause.starts_with("blob (000") && cause.ends_with("is not in the cache"), "{cause}");
}
