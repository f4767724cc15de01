use clap::{Args, CommandFactory};
use clap_complete::Shell;

use crate::cli::Cli;
use crate::error::CommandError;

/// Print a completion script for a shell
///
/// For bash: hardway completions bash >/etc/bash_completion.d/hardway
#[derive(Debug, Args)]
pub struct Arguments {
    shell: Shell,
}

pub fn run(arguments: Arguments) -> Result<(), CommandError> {
    clap_complete::generate(arguments.shell, &mut Cli::command(), "hardway", &mut std::io::stdout());
    Ok(())
}
