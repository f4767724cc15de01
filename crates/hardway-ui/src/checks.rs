//! Checks, a line each.

use hardway_verify::{Check, Outcome};

use crate::size::seconds;
use crate::style::{BAD, BOLD, DIM, GOOD, paint};

/// The check as a line; a failed one says what was found, what was expected and what to do.
pub fn check_line(check: &Check) -> String {
    let part = format!("{:<20}", check.part);
    match &check.outcome {
        Outcome::Passed => format!("{}    {part}  {}", paint(GOOD, "ok"), check.title),
        Outcome::NotApplicable { why } => {
            format!("{}    {part}  {}  {}", paint(DIM, "--"), check.title, paint(DIM, format!("({why})")))
        }
        Outcome::Failed(fault) => format!(
            "{}  {part}  {}\n        found:    {}\n        expected: {}\n        next:     {}",
            paint(BAD, "FAIL"),
            check.title,
            fault.found,
            fault.expected,
            fault.hint
        ),
    }
}

/// All checks together, for the line at the end.
#[derive(Debug, Clone, Copy)]
pub struct CheckList<'a>(pub &'a [Check]);

impl CheckList<'_> {
    /// `94 checks passed, 0 failed, 2 do not apply, in 6.1 s`.
    pub fn summary(&self) -> String {
        let count = |wanted: fn(&Outcome) -> bool| self.0.iter().filter(|check| wanted(&check.outcome)).count();
        let passed = count(|outcome| matches!(outcome, Outcome::Passed));
        let failed = count(|outcome| matches!(outcome, Outcome::Failed(_)));
        let other = self.0.len() - passed - failed;
        let took = self.0.iter().map(|check| check.elapsed).max().unwrap_or_default();
        let text = format!("{passed} checks passed, {failed} failed, {other} do not apply, in {}", seconds(took));
        paint(BOLD, text)
    }
}
