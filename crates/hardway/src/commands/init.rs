use std::net::IpAddr;

use clap::Args;
use hardway_spec::{InitAnswers, Machine, Role};
use hardway_ui::Output;
use hardway_workspace::{SPEC, Workspace};

use crate::cli::Common;
use crate::error::CommandError;
use crate::session::workspace_error;

/// Write a commented cluster.yaml for machines of your own
///
/// Every default stands in it as a comment. A cluster.yaml that is there already is never touched.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:
  hardway init
  hardway -C prod init --name prod --load-balancer lb=10.0.0.10 --control-plane cp1=10.0.0.11 --worker w1=10.0.0.21")]
pub struct Arguments {
    /// The cluster's name
    #[arg(long, default_value = "hardway")]
    name: String,
    /// A load balancer
    #[arg(long, value_name = "NAME=ADDRESS", value_parser = parse_machine)]
    load_balancer: Vec<(String, IpAddr)>,
    /// A control plane
    #[arg(long, value_name = "NAME=ADDRESS", value_parser = parse_machine)]
    control_plane: Vec<(String, IpAddr)>,
    /// A worker
    #[arg(long, value_name = "NAME=ADDRESS", value_parser = parse_machine)]
    worker: Vec<(String, IpAddr)>,
}

fn parse_machine(text: &str) -> Result<(String, IpAddr), String> {
    let (name, address) = text.split_once('=').ok_or("expected NAME=ADDRESS, such as cp1=10.0.0.11")?;
    let address = address.parse().map_err(|_| format!("{address:?} is not an IP address"))?;
    Ok((name.to_owned(), address))
}

pub fn run(common: &Common, output: Output, arguments: Arguments) -> Result<(), CommandError> {
    let directory = common.workspace.clone().unwrap_or_else(|| ".".into());
    let given = [
        (arguments.load_balancer, Role::LoadBalancer),
        (arguments.control_plane, Role::ControlPlane),
        (arguments.worker, Role::Worker),
    ];
    let mut machines: Vec<Machine> = given
        .into_iter()
        .flat_map(|(machines, role)| machines.into_iter().map(move |(name, address)| (name, address, role)))
        .map(|(name, address, role)| Machine::new(name.as_str(), address, vec![role]))
        .collect();
    let example = machines.is_empty();
    if example {
        machines = Machine::examples();
    }
    let document = hardway_spec::init_document(&InitAnswers { name: arguments.name, machines, ..Default::default() });
    // Names and addresses came from the command line: a document that does not validate is not written.
    hardway_spec::parse(&document, SPEC).map_err(CommandError::Spec)?;
    let workspace = Workspace::create(directory.as_std_path(), &document).map_err(workspace_error)?;
    output.note(&format!("wrote {}", workspace.spec_path().display()));
    let next = if example { "put your machines' addresses in it, then run" } else { "next:" };
    output.note(&format!("{next} `hardway validate`, then `hardway apply`"));
    Ok(())
}
