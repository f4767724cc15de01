//! The table of `docs/availability.md`.

use std::fmt;
use std::time::Duration;

use super::clients::NAMES;
use super::record::Cost;

#[derive(Default)]
pub(crate) struct Table {
    pub(crate) rows: Vec<Row>,
}

pub(crate) struct Row {
    pub(crate) title: String,
    pub(crate) costs: [Cost; 4],
    /// From the machine's start, or from the fault where nothing had to be started, until the cluster was whole.
    pub(crate) whole_after: Duration,
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "| lost | {} | whole again |", NAMES.join(" | "))?;
        writeln!(f, "|---|{}---|", "---|".repeat(NAMES.len()))?;
        self.rows.iter().try_for_each(|row| writeln!(f, "{row}"))
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "| {} |", self.title)?;
        for cost in &self.costs {
            write!(f, " {} |", Cell(cost))?;
        }
        write!(f, " {:.0} s |", self.whole_after.as_secs_f64())
    }
}

struct Cell<'c>(&'c Cost);

impl fmt::Display for Cell<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Cost { calls, failed, away, over_after } = self.0;
        write!(f, "{failed} of {calls}, {:.1} s", away.as_secs_f64())?;
        if *failed > 0 { write!(f, ", over after {:.0} s", over_after.as_secs_f64()) } else { Ok(()) }
    }
}
