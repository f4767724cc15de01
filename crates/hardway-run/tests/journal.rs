//! Journals: written while a run goes, read back wherever they end.

use std::path::Path;
use std::time::Duration;

use hardway_run::{
    Entry, Event, FORMAT_VERSION, Journal, Outcome, PlannedStep, StageState, StepRef, StepState, read_run,
    summarize_run,
};
use jiff::{SignedDuration, Timestamp};

const TITLE: &str = "Start etcd.service";

fn opened() -> Event {
    Event::RunOpened {
        format_version: FORMAT_VERSION,
        id: "20261123T170000Z".to_owned(),
        command: "hardway apply".to_owned(),
        user: "ann".to_owned(),
        host: "desk".to_owned(),
        process: 42,
        version: "0.1.0".to_owned(),
    }
}

fn planned() -> Vec<Event> {
    let step = PlannedStep {
        title: TITLE.to_owned(),
        reason: "it is inactive".to_owned(),
        diff: None,
        disruption: None,
        bytes: None,
    };
    let (place, stage) = ("cp1".to_owned(), "etcd".to_owned());
    vec![
        opened(),
        Event::RunStarted { stages: 1, steps: 1, bytes: 0 },
        Event::StagePlanned { place, stage, after: Vec::new(), steps: vec![step] },
    ]
}

fn step() -> StepRef {
    StepRef { place: "cp1".to_owned(), stage: "etcd".to_owned(), number: 0 }
}

fn begun() -> Vec<Event> {
    let mut events = planned();
    events.push(Event::StepStarted { step: step(), title: TITLE.to_owned() });
    events.push(Event::StepOutput { step: step(), line: "größer als ASCII".to_owned() });
    events
}

fn done() -> Vec<Event> {
    let mut events = begun();
    let elapsed = Duration::from_millis(1500);
    events.push(Event::StepDone { step: step(), title: TITLE.to_owned(), elapsed });
    let (place, stage) = ("cp1".to_owned(), "etcd".to_owned());
    events.push(Event::StageDone { place, stage, waited: Duration::ZERO, elapsed });
    events
}

fn ended(failed: usize, skipped: usize, stopped: bool) -> Event {
    Event::RunDone { elapsed: Duration::from_secs(2), failed, skipped, stopped }
}

/// Writes the events, one a second.
fn write(folder: &Path, events: Vec<Event>) -> Journal {
    let mut journal = Journal::create(folder).unwrap();
    for (second, entry) in events.into_iter().enumerate() {
        let time = Timestamp::UNIX_EPOCH + SignedDuration::from_secs(i64::try_from(second).unwrap());
        journal.write(&Entry { time, entry }).unwrap();
    }
    journal
}

fn outcome(folder: &Path) -> Outcome {
    summarize_run(folder).unwrap().expect("it was opened").outcome
}

#[test]
fn a_run_ends_as_its_last_event_says() {
    for (last, expected) in [
        (ended(0, 0, false), Outcome::Succeeded),
        (ended(1, 2, false), Outcome::Failed),
        (ended(1, 2, true), Outcome::Failed),
        (ended(0, 2, true), Outcome::Stopped),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let mut events = done();
        events.push(last);
        drop(write(folder.path(), events));
        assert_eq!(outcome(folder.path()), expected);
    }
}

#[test]
fn a_run_without_a_last_event_goes_on_while_its_journal_is_held_and_died_after_that() {
    let folder = tempfile::tempdir().unwrap();
    let journal = write(folder.path(), begun());
    assert_eq!(outcome(folder.path()), Outcome::Running);
    drop(journal);
    assert_eq!(outcome(folder.path()), Outcome::Died);
    let run = read_run(folder.path()).unwrap().unwrap();
    assert_eq!(run.run.elapsed, Duration::from_secs(4));
    assert_eq!(run.stages[0].state, StageState::Open);
    assert_eq!(run.stages[0].steps[0].state, StepState::Open);
}

#[test]
fn a_journal_that_is_cut_off_anywhere_is_read_up_to_there() {
    let whole = tempfile::tempdir().unwrap();
    let mut events = done();
    events.push(ended(0, 0, false));
    let count = events.len();
    drop(write(whole.path(), events));
    let text = std::fs::read(whole.path().join("events.jsonl")).unwrap();
    let first = text.iter().position(|byte| *byte == b'\n').unwrap();
    for length in 0..=text.len() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("events.jsonl"), &text[..length]).unwrap();
        let run = read_run(folder.path()).unwrap();
        assert_eq!(run.is_some(), length >= first, "{length}");
        let Some(run) = run else { continue };
        // The last line is whole without its newline, too.
        let whole_lines = text[..length].iter().filter(|byte| **byte == b'\n').count();
        let is_whole = whole_lines == count || length == text.len() - 1;
        assert_eq!(run.run.outcome == Outcome::Succeeded, is_whole, "{length}");
    }
}

#[test]
fn what_a_newer_hardway_says_beside_is_passed_over() {
    let folder = tempfile::tempdir().unwrap();
    drop(write(folder.path(), done()));
    let path = folder.path().join("events.jsonl");
    let mut text = std::fs::read_to_string(&path).unwrap();
    text.push_str("{\"time\":\"2026-11-23T17:00:00Z\",\"entry\":{\"event\":\"moonRisen\"}}\n");
    std::fs::write(&path, text).unwrap();
    let run = read_run(folder.path()).unwrap().unwrap();
    assert_eq!(run.run.steps_done, 1);
    assert_eq!(run.stages[0].steps[0].output, ["größer als ASCII"]);
    assert_eq!(run.stages[0].time.map(|time| time.elapsed), Some(Duration::from_millis(1500)));
}

#[test]
fn a_folder_without_a_journal_is_no_run() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(summarize_run(folder.path()).unwrap(), None);
    assert!(Journal::create(folder.path()).is_ok());
    assert_eq!(summarize_run(folder.path()).unwrap(), None);
    assert!(Journal::create(folder.path()).is_err(), "a journal is never written over");
}
