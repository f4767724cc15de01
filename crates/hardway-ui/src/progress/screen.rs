//! Lines that are redrawn in place on a terminal, and those that are printed above them.

use std::time::Instant;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::board::{Board, Line};
use crate::Output;
use crate::style::{DIM, paint};

/// Draws in a second at most. The caller draws less often; this bounds a slow line's load where it does not.
const MOST_DRAWS: u8 = 10;

pub(super) enum Screen {
    /// A terminal: one bar whose message is all the lines.
    Live {
        bar: ProgressBar,
        color: bool,
        /// Rows and columns, as the terminal has them now.
        size: fn() -> (u16, u16),
        /// What stands there, so that nothing is sent when nothing changed.
        shown: String,
    },
    Plain(Output),
}

impl Screen {
    pub(super) fn new(output: Output) -> Self {
        if !output.is_live() {
            return Self::Plain(output);
        }
        let color = anstream::AutoStream::choice(&std::io::stderr()) != anstream::ColorChoice::Never;
        Self::live(ProgressDrawTarget::stderr_with_hz(MOST_DRAWS), color, || console::Term::stderr().size())
    }

    pub(super) fn live(target: ProgressDrawTarget, color: bool, size: fn() -> (u16, u16)) -> Self {
        let bar = ProgressBar::with_draw_target(None, target)
            .with_style(ProgressStyle::with_template("{msg}").expect("the template is a constant"));
        Self::Live { bar, color, size, shown: String::new() }
    }

    pub(super) fn is_live(&self) -> bool {
        matches!(self, Self::Live { .. })
    }

    /// Draws the board, if it changed.
    pub(super) fn draw(&mut self, board: &mut Board, now: Instant) {
        let Self::Live { bar, color, size, shown } = self else { return };
        let (rows, columns) = size();
        let lines = board.lines(rows.into(), columns.into(), now);
        let text: Vec<String> = lines.into_iter().map(|line| painted(line, *color)).collect();
        let text = text.join("\n");
        if text != *shown {
            bar.set_message(text.clone());
            *shown = text;
        }
    }

    /// Prints a line that stays.
    pub(super) fn print(&self, line: &str) {
        match self {
            Self::Live { bar, color: true, .. } => bar.println(line),
            Self::Live { bar, color: false, .. } => bar.println(console::strip_ansi_codes(line)),
            Self::Plain(output) => output.note(line),
        }
    }

    pub(super) fn clear(&mut self) {
        if let Self::Live { bar, shown, .. } = self {
            bar.finish_and_clear();
            shown.clear();
        }
    }
}

fn painted(line: Line, color: bool) -> String {
    if color && line.waits { paint(DIM, line.text) } else { line.text }
}
