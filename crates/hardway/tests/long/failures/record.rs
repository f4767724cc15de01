//! When calls were made and how they ended; what follows from that.

use std::time::Duration;

/// Time since the host's start: the one clock that this test, machines and pods share (proc_uptime(5)).
pub(crate) fn now() -> Duration {
    let text = std::fs::read_to_string("/proc/uptime").expect("Linux has it");
    seconds(text.split(' ').next().unwrap_or_default()).expect("it begins with the seconds")
}

pub(crate) fn seconds(text: &str) -> Option<Duration> {
    text.parse().ok().map(Duration::from_secs_f64)
}

/// One call of a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Call {
    pub(crate) ended: Duration,
    pub(crate) succeeded: bool,
}

/// What a fault cost one client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cost {
    pub(crate) calls: usize,
    pub(crate) failed: usize,
    /// The longest time without a call that succeeded.
    pub(crate) away: Duration,
    /// From the fault to the last call that failed.
    pub(crate) over_after: Duration,
}

/// What the calls say of the time from `began` to `ended`.
pub(crate) fn cost(calls: &[Call], began: Duration, ended: Duration) -> Cost {
    let within: Vec<&Call> = calls.iter().filter(|call| (began..ended).contains(&call.ended)).collect();
    let failures = within.iter().filter(|call| !call.succeeded);
    let mut served: Vec<Duration> =
        within.iter().filter(|call| call.succeeded).map(|call| call.ended).chain([began, ended]).collect();
    served.sort();
    Cost {
        calls: within.len(),
        failed: failures.clone().count(),
        away: served.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap_or_default(),
        over_after: failures.map(|call| call.ended - began).max().unwrap_or_default(),
    }
}

/// Whether there were calls from `since` to `now`, and all of them succeeded.
pub(crate) fn is_served(calls: &[Call], since: Duration, now: Duration) -> bool {
    let mut within = calls.iter().filter(|call| (since..now).contains(&call.ended)).peekable();
    within.peek().is_some() && within.all(|call| call.succeeded)
}

#[test]
fn a_cost_is_the_longest_gap_between_successes() {
    let call = |second, succeeded| Call { ended: Duration::from_secs(second), succeeded };
    let calls = [call(1, true), call(4, false), call(9, true), call(10, false), call(11, true), call(30, false)];
    let second = Duration::from_secs;
    assert_eq!(
        cost(&calls, second(2), second(12)),
        Cost { calls: 4, failed: 2, away: second(7), over_after: second(8) }
    );
    assert!(is_served(&calls, second(11), second(12)));
    assert!(!is_served(&calls, second(10), second(12)));
    assert!(!is_served(&calls, second(12), second(13)));
}
