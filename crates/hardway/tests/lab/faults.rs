//! Runs that something happens to, at random moments on real machines: the next one ends as if nothing had happened.

mod footprint;
mod half_written;
mod moments;
mod trouble;

use std::time::{Duration, Instant};

use crate::support::LabWorkspace;
use footprint::{footprint, whole};
use half_written::Expected;
use moments::{Moments, Run};
use trouble::{Trouble, Unreachable};

pub(crate) const MACHINES: [&str; 3] = ["lb", "cp1", "w1"];

/// How long a machine is away in the longest fault.
const AWAY: Duration = Duration::from_secs(120);

#[test]
fn the_next_apply_completes_whatever_was_disturbed() {
    let mut moments = Moments::seeded();
    let lab = LabWorkspace::new("hardway-faults");
    lab.ok(&["lab", "up", "--workers", "1", "--machines-only"]);
    let bare = footprint(&lab);

    // What an undisturbed run leaves, and that its removal leaves nothing.
    lab.ok(&["apply", "--yes"]);
    let reference = whole(&lab);
    let expected = Expected::exported(&lab);
    lab.ok(&["reset", "--yes"]);
    assert_same("after reset", &bare, &footprint(&lab));

    let mut seen = Vec::new();
    let mut half_built_removed = false;
    let mut away: Option<(Instant, Unreachable)> = None;
    let mut troubles = moments.troubles();
    while let Some(trouble) = troubles.pop() {
        if away.as_ref().is_some_and(|(since, _)| since.elapsed() >= AWAY) {
            away = None;
        }
        let absent = away.as_ref().map(|(_, unreachable)| unreachable.machine);
        // A worker: the others have enough to do without it.
        let machine = if trouble == Trouble::Unreachable { "w1" } else { moments.machine(absent) };
        let moment = if trouble == Trouble::Unreachable { moments.early() } else { moments.moment() };
        let mut run = Run::start(&lab);
        if !run.reaches(moment) {
            // Nothing was left to disturb, or nothing that goes on without the machine that is away.
            let ended = run.end();
            troubles.push(trouble);
            match away.take() {
                Some((since, unreachable)) => {
                    assert_eq!(ended.code, 1, "a machine that was left out is no success");
                    std::thread::sleep(AWAY.saturating_sub(since.elapsed()));
                    drop(unreachable);
                }
                None => {
                    assert_eq!(ended.code, 0, "{}", ended.last_words);
                    assert_whole(&lab, &reference);
                    lab.ok(&["reset", "--yes"]);
                }
            }
            continue;
        }
        eprintln!("== {trouble:?} on {machine}, after {moment}");
        let words = match trouble {
            Trouble::Unreachable => {
                away = Some((Instant::now(), Unreachable::cut(&lab, machine)));
                run.stumble()
            }
            other => other.strike(&lab, machine, run, moments.moment()),
        };
        expected.assert_nothing_half_written(&lab, away.as_ref().map(|(_, unreachable)| unreachable.machine));
        seen.push((trouble, machine, moment, words));
        if !half_built_removed && seen.len() >= 4 && away.is_none() {
            // Half-built, as it was left.
            lab.ok(&["reset", "--yes"]);
            assert_same("after the reset of what was half-built", &bare, &footprint(&lab));
            half_built_removed = true;
        }
    }
    drop(away);

    a_second_operator_is_told_and_takes_over(&lab, &mut moments);
    lab.ok(&["apply", "--yes"]);
    assert_whole(&lab, &reference);
    lab.eventually(&["verify"]);

    eprintln!("\n| fault | on | after | what was said |\n|---|---|---|---|");
    for (trouble, machine, moment, words) in &seen {
        eprintln!("| {} | {machine} | {moment} | {words} |", trouble.title());
    }
    assert!(half_built_removed && seen.len() >= 20, "only {} faults", seen.len());
    lab.ok(&["lab", "down"]);
}

/// A machine with another copy of the workspace is told who runs; when that one dies, nothing is in its way.
fn a_second_operator_is_told_and_takes_over(lab: &LabWorkspace, moments: &mut Moments) {
    lab.ok(&["reset", "--yes"]);
    let mut first = Run::start(lab);
    assert!(first.reaches(moments.moment()), "a whole apply has more to do");
    let other = lab.copy();
    let (code, said) = other.refused(&["apply", "--yes"]);
    assert_eq!(code, 2, "{said}");
    for part in ["is being changed by", "`hardway apply`", &format!("process {}", first.process()), "since 20", "cp1"] {
        assert!(said.contains(part), "{part}: {said}");
    }
    // Who only looks is not held up.
    let (code, _) = other.run(&["plan", "--no-diff"]);
    assert_eq!(code, 3);
    first.kill();
    other.ok(&["apply", "--yes"]);
}

fn assert_whole(lab: &LabWorkspace, reference: &[String]) {
    assert_same("after disturbed runs", reference, &whole(lab));
    let plan = lab.json(&["plan", "-o", "json"]);
    assert_eq!(plan["steps"], 0, "{plan:#}");
}

/// Compares machine by machine, line by line.
fn assert_same(when: &str, expected: &[String], found: &[String]) {
    for ((machine, expected), found) in MACHINES.iter().zip(expected).zip(found) {
        let only = |these: &str, those: &str| {
            let those: std::collections::BTreeSet<&str> = those.lines().collect();
            these.lines().filter(|line| !those.contains(line)).map(ToOwned::to_owned).collect::<Vec<_>>().join("\n")
        };
        let (gone, new) = (only(expected, found), only(found, expected));
        assert!(gone.is_empty() && new.is_empty(), "{when}, {machine} lacks:\n{gone}\nand has beyond:\n{new}");
    }
}
