//! The end of a run: how it went, and where the time went.

use std::time::Duration;

use hardway_run::{Event, StageTime, longest_chain};

use super::board::Count;
use crate::Table;
use crate::size::seconds;
use crate::style::{BAD, GOOD, paint};

/// Shorter runs need no explanation.
const WORTH_EXPLAINING: Duration = Duration::from_secs(2);
/// Stages beside the longest chain that are worth a line: what would be next to hold the run up.
const BESIDE: usize = 5;

/// What is said when a run has ended.
pub(super) fn report(count: &Count, end: &Event, times: &[StageTime]) -> String {
    let Event::RunDone { elapsed, failed, skipped, stopped } = end else { return String::new() };
    let Count { steps, done, failed: failed_steps } = count;
    let time = seconds(*elapsed);
    let head = if failed + skipped == 0 {
        format!("{} in {time}: {done} of {steps} steps", paint(GOOD, "done"))
    } else {
        let word = if *failed == 0 && *stopped { "stopped" } else { "not done in full" };
        let left = steps.saturating_sub(*done + *failed_steps);
        format!("{} after {time}: {done} of {steps} steps done, {failed_steps} failed, {left} left", paint(BAD, word))
    };
    if *elapsed < WORTH_EXPLAINING {
        return head;
    }
    let where_to = where_the_time_went(times);
    if where_to.is_empty() { head } else { format!("{head}\n{where_to}") }
}

/// The longest chain of stages that waited for one another, and the longest stages beside it.
pub(crate) fn where_the_time_went(times: &[StageTime]) -> String {
    let chain = longest_chain(times);
    if chain.is_empty() {
        return String::new();
    }
    let mut table = Table::new(&["LONGEST CHAIN", "ON", "ADDS"]);
    // What adds less is there only for the order's sake.
    for link in chain.iter().filter(|link| link.adds >= Duration::from_millis(50)) {
        table.row([&link.stage.stage, &link.stage.place, &seconds(link.adds)]);
    }
    let mut beside: Vec<&StageTime> =
        times.iter().filter(|time| chain.iter().all(|link| link.stage != time.stage)).collect();
    beside.sort_by_key(|time| std::cmp::Reverse(time.took()));
    beside.truncate(BESIDE);
    beside.retain(|time| time.took() >= Duration::from_secs(1));
    if beside.is_empty() {
        return table.text();
    }
    table.row(["LONGEST BESIDE IT", "ON", "TOOK"]);
    for time in beside {
        table.row([&time.stage.stage, &time.stage.place, &seconds(time.took())]);
    }
    table.text()
}

#[cfg(test)]
mod tests {
    use hardway_run::StageRef;

    use super::*;

    fn time(id: &str, after: &[&str], began: u64, ended: u64) -> StageTime {
        let name = |id: &str| {
            let (stage, place) = id.split_once('@').expect("NAME@PLACE");
            StageRef { place: place.to_owned(), stage: stage.to_owned() }
        };
        let (began, ended) = (Duration::from_secs(began), Duration::from_secs(ended));
        StageTime { stage: name(id), after: after.iter().map(|id| name(id)).collect(), began, ended }
    }

    fn plain(text: &str) -> String {
        console::strip_ansi_codes(text).into_owned()
    }

    #[test]
    fn the_end_says_where_the_time_went() {
        let times = [
            time("etcd@cp1", &[], 0, 3),
            time("kube-apiserver@cp1", &["etcd@cp1"], 3, 12),
            time("images@w1", &[], 0, 11),
            time("swap@w1", &[], 0, 0),
        ];
        let elapsed = Duration::from_secs(12);
        let end = Event::RunDone { elapsed, failed: 0, skipped: 0, stopped: false };
        let text = report(&Count { steps: 40, done: 40, failed: 0 }, &end, &times);
        let expected = "\
done in 12.0 s: 40 of 40 steps
LONGEST CHAIN      ON   ADDS
etcd               cp1  3.0 s
kube-apiserver     cp1  9.0 s
LONGEST BESIDE IT  ON   TOOK
images             w1   11.0 s";
        assert_eq!(plain(&text), expected);
    }

    #[test]
    fn a_run_that_failed_says_what_is_left() {
        let elapsed = Duration::from_secs(1);
        let count = Count { steps: 40, done: 30, failed: 1 };
        let failed = Event::RunDone { elapsed, failed: 1, skipped: 2, stopped: false };
        assert_eq!(
            plain(&report(&count, &failed, &[])),
            "not done in full after 1.0 s: 30 of 40 steps done, 1 failed, 9 left"
        );
        let stopped = Event::RunDone { elapsed, failed: 0, skipped: 2, stopped: true };
        let count = Count { failed: 0, ..count };
        assert_eq!(
            plain(&report(&count, &stopped, &[])),
            "stopped after 1.0 s: 30 of 40 steps done, 0 failed, 10 left"
        );
    }
}
