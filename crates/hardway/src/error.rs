//! Errors of commands, and the exit codes that they end with.

use std::process::ExitCode;

use camino::Utf8PathBuf;
use hardway_design::Place;
use hardway_plan::{Moved, Obstacle};
use hardway_run::StageFailure;
use hardway_spec::SpecErrors;
use hardway_ui::{Output, SpecProblems, error_chain, failures};

/// Of what moved under a saved plan, so much is shown: causes come first, and the rest most often follows from them.
const MOVED_SHOWN: usize = 20;

/// What ends a command early. The kind decides the exit code.
#[derive(Debug)]
pub enum CommandError {
    /// What the operator gave cannot be used; nothing was touched. Exit code 2.
    Input { source: Box<dyn std::error::Error + Send + Sync>, help: Option<String> },
    /// Problems of the spec. Exit code 2.
    Spec(SpecErrors),
    /// Something that was tried did not work. Exit code 1.
    Failed { source: Box<dyn std::error::Error + Send + Sync>, help: Option<String> },
    /// Machines that nothing was begun on, by cause. Exit code 1.
    Obstacles(Vec<Obstacle>),
    /// A saved plan that is not carried out, since this is no longer as it was. Exit code 2.
    Moved { file: Utf8PathBuf, moved: Vec<Moved> },
    /// Steps that failed. Exit code 1.
    Steps(Vec<StageFailure>),
    /// Differences or failed checks were found. Exit code 3.
    Differs,
    /// Ctrl-C. Exit code 130, as shells expect of SIGINT.
    Interrupted,
}

impl CommandError {
    pub fn input(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Input { source: source.into(), help: None }
    }

    pub fn failed(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Failed { source: source.into(), help: None }
    }

    pub fn with_help(self, help: impl Into<String>) -> Self {
        match self {
            Self::Input { source, .. } => Self::Input { source, help: Some(help.into()) },
            Self::Failed { source, .. } => Self::Failed { source, help: Some(help.into()) },
            other => other,
        }
    }

    /// Prints the error and gives the process's exit code.
    pub fn report(self, output: &Output) -> ExitCode {
        match self {
            Self::Input { source, help } => {
                Self::print(output, source.as_ref(), help.as_deref());
                ExitCode::from(2)
            }
            Self::Spec(errors) => {
                if output.is_json() {
                    output.json(&SpecProblems::from(&errors));
                } else {
                    output.error(&errors.to_string());
                }
                ExitCode::from(2)
            }
            Self::Failed { source, help } => {
                Self::print(output, source.as_ref(), help.as_deref());
                ExitCode::FAILURE
            }
            Self::Obstacles(obstacles) => {
                for obstacle in obstacles {
                    let machines: Vec<String> = obstacle.machines.iter().map(ToString::to_string).collect();
                    output.error(&format!("error: {}: {}", machines.join(", "), obstacle.cause));
                    if !obstacle.help.is_empty() {
                        output.error(&format!("  help: {}", obstacle.help));
                    }
                }
                ExitCode::FAILURE
            }
            Self::Moved { file, moved } => {
                output.error(&format!("error: nothing was done: {file} is no longer what would happen"));
                for moved in moved.iter().take(MOVED_SHOWN) {
                    output.error(&format!("  {moved}"));
                }
                if moved.len() > MOVED_SHOWN {
                    output.error(&format!("  and {} more", moved.len() - MOVED_SHOWN));
                }
                output.error(&format!("  help: look at it anew: `hardway plan --out {file}`"));
                ExitCode::from(2)
            }
            Self::Steps(steps) => {
                output.error(&failures(&steps));
                output.error(&format!(
                    "  help: mend the cause{} and run the same command again: it goes on from what the machines are",
                    way_there(&steps)
                ));
                ExitCode::FAILURE
            }
            Self::Differs => ExitCode::from(3),
            Self::Interrupted => {
                output.error("stopped; run the same command again to go on");
                ExitCode::from(130)
            }
        }
    }

    fn print(output: &Output, error: &(dyn std::error::Error + Send + Sync), help: Option<&str>) {
        output.error(&error_chain(error));
        if let Some(help) = help {
            output.error(&format!("  help: {help}"));
        }
    }
}

/// How to get to the first machine with a failure.
fn way_there(steps: &[StageFailure]) -> String {
    let machine = steps.iter().find_map(|failure| match &failure.stage.place {
        Place::Machine(name) => Some(name),
        Place::Cluster => None,
    });
    machine.map_or_else(String::new, |name| format!(" (`hardway ssh {name}` takes you there)"))
}

/// A cause without a type of its own: the operator's wish cannot be met as it stands.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Message(pub String);
