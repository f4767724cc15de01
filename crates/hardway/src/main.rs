//! The binary: arguments in, exit codes out. What is done, the other crates decide.

// A binary has no outside: `pub` says what its modules offer each other.
#![allow(unreachable_pub)]

mod cli;
mod commands;
mod error;
mod session;

use std::process::ExitCode;

use clap::{Parser, ValueEnum};
use hardway_ui::{ColorChoice, Format, Output};
use tracing_subscriber::EnvFilter;

use cli::{Cli, Color, Command, OutputFormat};
use error::CommandError;

fn main() -> ExitCode {
    color(std::env::args_os().map(|argument| argument.to_string_lossy().into_owned())).set();
    let cli = Cli::parse();
    let common = &cli.common;
    let format = match common.output {
        OutputFormat::Text => Format::Text,
        OutputFormat::Json => Format::Json,
    };
    let output = Output { format, quiet: common.quiet, verbose: common.verbose };
    // For those who look for a fault in hardway itself: HARDWAY_LOG=hardway_machine=debug.
    tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::try_from_env("HARDWAY_LOG").unwrap_or_else(|_| EnvFilter::new("off")))
        .with_writer(std::io::stderr)
        .init();
    hardway_cluster::install_crypto_provider();
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return CommandError::failed(error).report(&output),
    };
    let result = runtime.block_on(run(cli, output));
    // A blocked thread (a lab's call, a prompt) must not keep a stopped process alive.
    runtime.shutdown_background();
    match result {
        Ok(code) => code,
        Err(error) => error.report(&output),
    }
}

/// What `--color` says, wherever it stands: help and usage errors are printed while the command line is still being read.
///
/// A value that is none is left for the parser to refuse.
fn color(arguments: impl Iterator<Item = String>) -> ColorChoice {
    let mut said = ColorChoice::default();
    let mut arguments = arguments.take_while(|argument| argument != "--");
    while let Some(argument) = arguments.next() {
        let value = match argument.strip_prefix("--color") {
            Some("") => arguments.next().unwrap_or_default(),
            Some(rest) => rest.trim_start_matches('=').to_owned(),
            None => continue,
        };
        match Color::from_str(&value, false) {
            Ok(Color::Auto) => said = ColorChoice::Auto,
            Ok(Color::Always) => said = ColorChoice::Always,
            Ok(Color::Never) => said = ColorChoice::Never,
            Err(_) => {}
        }
    }
    said
}

async fn run(cli: Cli, output: Output) -> Result<ExitCode, CommandError> {
    let common = cli.common;
    let done = match cli.command {
        Command::Init(arguments) => commands::init::run(&common, output, arguments),
        Command::Validate(arguments) => commands::validate::run(&common, output, arguments),
        Command::Plan(arguments) => commands::plan::run(&common, output, arguments).await,
        Command::Apply(arguments) => commands::apply::run(&common, output, arguments).await,
        Command::Verify(arguments) => commands::verify::run(&common, output, arguments).await,
        Command::Status(arguments) => commands::status::run(&common, output, arguments).await,
        Command::Lock(arguments) => commands::lock::run(&common, output, arguments).await,
        Command::Runs(arguments) => commands::runs::run(&common, output, arguments),
        Command::Kubectl(arguments) => return commands::kubectl::run(&common, output, arguments).await,
        Command::Ssh(arguments) => return commands::ssh::run(&common, output, arguments).await,
        Command::Kubeconfig(arguments) => commands::kubeconfig::run(&common, output, arguments).await,
        Command::Export(arguments) => commands::export::run(&common, output, arguments).await,
        Command::Bundle(arguments) => commands::bundle::run(&common, output, arguments).await,
        Command::Etcd(arguments) => commands::etcd::run(&common, output, arguments).await,
        Command::Reset(arguments) => commands::reset::run(&common, output, arguments).await,
        Command::Lab(arguments) => commands::lab::run(&common, output, arguments).await,
        Command::Completions(arguments) => commands::completions::run(arguments),
    };
    done.map(|()| ExitCode::SUCCESS)
}
