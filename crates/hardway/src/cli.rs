//! The command line.

use camino::Utf8PathBuf;
use clap::builder::RangedU64ValueParser;
use clap::{Args, Parser, Subcommand, ValueEnum};
use hardway_machine::DEFAULT_CONNECTIONS;
use hardway_run::DEFAULT_UPLOADS;

/// Build a vanilla Kubernetes cluster on plain Linux machines, the hard way, in one command.
#[derive(Debug, Parser)]
#[command(name = "hardway", version, propagate_version = true, max_term_width = 100, after_help = EXAMPLES)]
pub struct Cli {
    #[command(flatten)]
    pub common: Common,
    #[command(subcommand)]
    pub command: Command,
}

const EXAMPLES: &str = "\
Examples:
  hardway lab up                    three local machines, a verified cluster on them
  hardway init && hardway validate  begin with machines of your own
  hardway apply                     bring the machines to what cluster.yaml says
  hardway kubectl -- get nodes      kubectl on this cluster";

#[derive(Debug, Clone, Args)]
pub struct Common {
    /// The folder that holds cluster.yaml and what belongs to it
    ///
    /// Without it: the current folder, or ./hardway-lab where the current folder has no cluster.yaml.
    #[arg(short = 'C', long, global = true, value_name = "DIR")]
    pub workspace: Option<Utf8PathBuf>,
    /// How to print what is asked for
    #[arg(short, long, global = true, value_enum, default_value_t = OutputFormat::Text)]
    pub output: OutputFormat,
    /// Show every step and its output
    #[arg(short, long, global = true)]
    pub verbose: bool,
    /// Print only what was asked for, and errors
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
    /// When to use colour
    #[arg(long, global = true, value_enum, default_value_t = Color::Auto)]
    pub color: Color,
    /// How many connections to machines are made at once; those that stand do not count
    #[arg(long, global = true, value_name = "N", default_value_t = DEFAULT_CONNECTIONS, value_parser = at_once(),
        hide_short_help = true)]
    pub connections: usize,
    /// How many machines large files are copied to at once
    #[arg(long, global = true, value_name = "N", default_value_t = DEFAULT_UPLOADS, value_parser = at_once(),
        hide_short_help = true)]
    pub uploads: usize,
    /// A bundle that everything comes from, as `hardway bundle create` makes it
    ///
    /// Nothing is then asked of any network but SSH to the machines, and the machines ask nothing of theirs.
    #[arg(long, global = true, value_name = "FILE", hide_short_help = true)]
    pub bundle: Option<Utf8PathBuf>,
}

/// More than a thousand at once is a slip of the hand: each takes memory and a file of the process.
fn at_once() -> RangedU64ValueParser<usize> {
    RangedU64ValueParser::new().range(1..=1024)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum OutputFormat {
    Text,
    Json,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Color {
    Auto,
    Always,
    Never,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    Init(crate::commands::init::Arguments),
    Validate(crate::commands::validate::Arguments),
    Plan(crate::commands::plan::Arguments),
    Apply(crate::commands::apply::Arguments),
    Verify(crate::commands::verify::Arguments),
    Status(crate::commands::status::Arguments),
    Lock(crate::commands::lock::Arguments),
    Runs(crate::commands::runs::Arguments),
    Kubectl(crate::commands::kubectl::Arguments),
    Ssh(crate::commands::ssh::Arguments),
    Kubeconfig(crate::commands::kubeconfig::Arguments),
    Export(crate::commands::export::Arguments),
    Bundle(crate::commands::bundle::Arguments),
    Etcd(crate::commands::etcd::Arguments),
    Reset(crate::commands::reset::Arguments),
    Lab(crate::commands::lab::Arguments),
    Completions(crate::commands::completions::Arguments),
}
