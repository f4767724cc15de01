//! Problems of a spec, for programs.

use hardway_spec::{Problem, SpecErrors};
use serde::Serialize;

/// What `-o json` prints of a spec: no problems mean that it is valid.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SpecProblems {
    file: String,
    problems: Vec<ProblemView>,
}

/// Lines, columns and widths as in [`Problem`].
#[derive(Debug, Serialize)]
struct ProblemView {
    line: usize,
    column: usize,
    width: usize,
    path: String,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    help: Option<String>,
}

impl SpecProblems {
    /// Of a valid spec.
    pub fn none(file: &str) -> Self {
        Self { file: file.to_owned(), problems: Vec::new() }
    }
}

impl From<&SpecErrors> for SpecProblems {
    fn from(errors: &SpecErrors) -> Self {
        Self { file: errors.file_name.clone(), problems: errors.problems.iter().map(ProblemView::from).collect() }
    }
}

impl From<&Problem> for ProblemView {
    fn from(problem: &Problem) -> Self {
        let Problem { line, column, width, path, message, help } = problem.clone();
        Self { line, column, width, path, message, help }
    }
}
