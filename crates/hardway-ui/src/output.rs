//! Where text goes, and how much of it.

use std::io::{IsTerminal, Write};

use serde::Serialize;

/// When to colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ColorChoice {
    /// On a terminal, unless `NO_COLOR` is set.
    #[default]
    Auto,
    Always,
    Never,
}

impl ColorChoice {
    /// Sets it for the whole process, before anything is printed.
    pub fn set(self) {
        match self {
            Self::Auto => anstream::ColorChoice::Auto,
            Self::Always => anstream::ColorChoice::Always,
            Self::Never => anstream::ColorChoice::Never,
        }
        .write_global();
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    #[default]
    Text,
    Json,
}

/// The two streams, as the operator asked for them.
#[derive(Debug, Clone, Copy)]
pub struct Output {
    pub format: Format,
    pub quiet: bool,
    pub verbose: bool,
}

impl Output {
    /// What was asked for: to stdout.
    pub fn data(&self, text: &str) {
        // A reader that went away, as `head` does, is no error of ours.
        let _ = writeln!(anstream::stdout(), "{}", text.trim_end_matches('\n'));
    }

    /// What was asked for, as JSON: to stdout, in one document.
    pub fn json(&self, value: &impl Serialize) {
        let text = serde_json::to_string_pretty(value).expect("reports are plain data");
        self.data(&text);
    }

    /// One event of a stream: JSON on one line of stdout.
    pub fn json_line(&self, value: &impl Serialize) {
        let text = serde_json::to_string(value).expect("events are plain data");
        self.data(&text);
    }

    /// What goes on, and what to do next: to stderr, unless quiet.
    pub fn note(&self, text: &str) {
        if !self.quiet {
            let _ = writeln!(anstream::stderr(), "{text}");
        }
    }

    /// An error: to stderr, always.
    pub fn error(&self, text: &str) {
        let _ = writeln!(anstream::stderr(), "{text}");
    }

    pub fn is_json(&self) -> bool {
        self.format == Format::Json
    }

    /// Whether lines that change in place make sense.
    pub fn is_live(&self) -> bool {
        // A dumb terminal (term(7)) cannot move its cursor.
        let moves = std::env::var_os("TERM").is_some_and(|term| term != "dumb");
        !self.quiet && !self.is_json() && moves && std::io::stderr().is_terminal()
    }
}
