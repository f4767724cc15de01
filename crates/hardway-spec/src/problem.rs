//! What is wrong with a spec, and where.

use std::fmt;

/// A stretch of one line, lines and columns from 1, in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) line: usize,
    pub(crate) column: usize,
    pub(crate) width: usize,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    /// In characters, at least 1.
    pub width: usize,
    /// The field: `spec.machines[1].address`; empty for the document itself.
    pub path: String,
    pub message: String,
    /// What to write instead, where that can be said.
    pub help: Option<String>,
}

impl Problem {
    pub(crate) fn at(place: Place, message: impl Into<String>) -> Self {
        Self {
            line: place.line,
            column: place.column,
            width: place.width,
            path: String::new(),
            message: message.into(),
            help: None,
        }
    }

    pub(crate) fn in_field(self, path: &str) -> Self {
        Self { path: path.to_owned(), ..self }
    }

    pub(crate) fn with_help(self, help: impl Into<String>) -> Self {
        Self { help: Some(help.into()), ..self }
    }
}

/// Every problem of a spec, in the order of its lines. Its `Display` shows each with the line it stands on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpecErrors {
    pub file_name: String,
    pub problems: Vec<Problem>,
    text: String,
}

impl std::error::Error for SpecErrors {}

impl SpecErrors {
    pub(crate) fn new(file_name: &str, text: &str, mut problems: Vec<Problem>) -> Self {
        problems.sort_by_key(|problem| (problem.line, problem.column));
        Self { file_name: file_name.to_owned(), problems, text: text.to_owned() }
    }

    fn write(&self, f: &mut fmt::Formatter<'_>, problem: &Problem) -> fmt::Result {
        let Problem { line, column, width, path, message, help } = problem;
        write!(f, "{}:{line}:{column}: ", self.file_name)?;
        if !path.is_empty() {
            write!(f, "{path}: ")?;
        }
        writeln!(f, "{message}")?;
        let number = line.to_string();
        let gutter = " ".repeat(number.len());
        let source = self.text.lines().nth(line - 1).unwrap_or_default();
        if !source.trim().is_empty() {
            // Tabs stay tabs, so that the mark stands under what it means however wide they are shown.
            let indent: String = source.chars().take(column - 1).map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
            writeln!(f, " {gutter} |\n {number} | {source}\n {gutter} | {indent}{}", "^".repeat(*width))?;
        }
        if let Some(help) = help {
            writeln!(f, " {gutter} = help: {help}")?;
        }
        Ok(())
    }
}

impl fmt::Display for SpecErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for problem in &self.problems {
            self.write(f, problem)?;
            writeln!(f)?;
        }
        match self.problems.len() {
            1 => write!(f, "1 problem in {}", self.file_name),
            count => write!(f, "{count} problems in {}", self.file_name),
        }
    }
}
