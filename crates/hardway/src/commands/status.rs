use std::collections::BTreeMap;

use clap::Args;
use hardway_cluster::NodeStatus;
use hardway_design::{Observation, Place, Resource};
use hardway_pki::inspect;
use hardway_spec::versions;
use hardway_ui::{Output, Table};
use hardway_workspace::certificate_path;
use jiff::Timestamp;
use serde::Serialize;

use crate::cli::Common;
use crate::error::CommandError;
use crate::session::{Prepared, Scope, Session, workspace_error};

/// Show machines, components, versions, health and certificate expiry
///
/// Reads only. With -o json: machines[], components[], nodes[], certificates[].
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:\n  hardway status\n  hardway status -o json | jq '.certificates[0]'")]
pub struct Arguments {}

/// The report; field names are part of the command's interface.
#[derive(Debug, Serialize)]
struct Status {
    cluster: String,
    machines: Vec<MachineView>,
    /// Upstream's version of each component.
    components: Vec<ComponentView>,
    nodes: Vec<NodeView>,
    certificates: Vec<CertificateView>,
}

#[derive(Debug, Serialize)]
struct MachineView {
    name: String,
    address: String,
    roles: Vec<String>,
    /// Absent for one that stays: `leaving`, `has left`, or `cannot be reached` for one that leaves.
    #[serde(skip_serializing_if = "Option::is_none")]
    removal: Option<&'static str>,
    os: String,
    kernel: String,
    /// ActiveState of each of hardway's units.
    units: BTreeMap<String, String>,
}

#[derive(Debug, Serialize)]
struct ComponentView {
    name: &'static str,
    version: &'static str,
}

#[derive(Debug, Serialize)]
struct NodeView {
    name: String,
    ready: bool,
    version: String,
}

#[derive(Debug, Serialize)]
struct CertificateView {
    /// In the workspace.
    path: String,
    not_after: Timestamp,
    days_left: i64,
}

pub async fn run(common: &Common, output: Output, _arguments: Arguments) -> Result<(), CommandError> {
    let session = Session::open(common, output)?;
    let prepared = session.prepare(Scope::Status).await?;
    let nodes = prepared.live.nodes().await.unwrap_or_default();
    let status = Status {
        cluster: session.cluster.metadata.name.clone(),
        machines: machines(&session, &prepared),
        components: versions::TABLE
            .iter()
            .map(|row| ComponentView { name: row.component, version: row.version })
            .collect(),
        nodes: nodes.into_iter().map(node).collect(),
        certificates: certificates(&session, Timestamp::now())?,
    };
    if output.is_json() {
        output.json(&status);
    } else {
        output.data(&text(&status));
    }
    Ok(())
}

fn node(node: NodeStatus) -> NodeView {
    NodeView { name: node.name, ready: node.ready, version: node.kubelet_version }
}

fn machines(session: &Session, prepared: &Prepared) -> Vec<MachineView> {
    let views = session.cluster.spec.machines.iter().map(|machine| {
        let facts = prepared.facts.get(&machine.name);
        let units = prepared
            .design
            .groups
            .iter()
            .filter(|group| group.id.place == Place::Machine(machine.name.clone()))
            .flat_map(|group| &group.resources)
            .filter_map(|resource| match resource {
                Resource::Unit(unit) => Some((unit.name.clone(), unit_state(prepared, machine, resource))),
                _ => None,
            })
            .collect();
        MachineView {
            name: machine.name.to_string(),
            address: machine.address.to_string(),
            roles: machine.roles.iter().map(ToString::to_string).collect(),
            removal: machine.removed.map(|_| removal(prepared, machine)),
            os: facts.map(|facts| facts.os.pretty_name.clone()).unwrap_or_default(),
            kernel: facts.map(|facts| facts.kernel.clone()).unwrap_or_default(),
            units,
        }
    });
    views.collect()
}

fn removal(prepared: &Prepared, machine: &hardway_spec::Machine) -> &'static str {
    let is_node = prepared.sight.nodes.contains_key(machine.name.as_str());
    match prepared.sight.machines.get(&machine.name) {
        None => "cannot be reached",
        Some(observed) if observed.inventory.is_none() && !is_node => "has left",
        Some(_) => "leaving",
    }
}

fn unit_state(prepared: &Prepared, machine: &hardway_spec::Machine, unit: &Resource) -> String {
    let observed = prepared.sight.machines.get(&machine.name);
    match observed.and_then(|observed| observed.resources.get(&unit.id())) {
        Some(Observation::Unit(seen)) => seen.active.clone(),
        _ => "absent".to_owned(),
    }
}

fn certificates(session: &Session, now: Timestamp) -> Result<Vec<CertificateView>, CommandError> {
    let bundle = session.workspace.read_bundle(&session.cluster).map_err(workspace_error)?;
    let mut views = Vec::new();
    for (identity, pair) in &bundle.key_pairs {
        let info = inspect(&pair.certificate).map_err(CommandError::failed)?;
        views.push(CertificateView {
            path: certificate_path(identity),
            not_after: info.not_after,
            days_left: (info.not_after.as_second() - now.as_second()).div_euclid(86_400),
        });
    }
    views.sort_by_key(|view| view.not_after);
    Ok(views)
}

fn text(status: &Status) -> String {
    let mut machines = Table::new(&["MACHINE", "ADDRESS", "ROLES", "OS", "UNITS"]);
    for machine in &status.machines {
        let down: Vec<String> = machine
            .units
            .iter()
            .filter(|(_, state)| *state != "active")
            .map(|(unit, state)| format!("{unit} is {state}"))
            .collect();
        let units = match machine.removal {
            Some(removal) => format!("removed: {removal}"),
            None if down.is_empty() => format!("all {} active", machine.units.len()),
            None => down.join(", "),
        };
        machines.row([&machine.name, &machine.address, &machine.roles.join(","), &machine.os, &units]);
    }
    let mut nodes = Table::new(&["NODE", "STATE", "VERSION"]);
    for node in &status.nodes {
        nodes.row([node.name.as_str(), if node.ready { "Ready" } else { "NotReady" }, &node.version]);
    }
    let mut components = Table::new(&["COMPONENT", "VERSION"]);
    for component in &status.components {
        components.row([component.name, component.version]);
    }
    let mut certificates = Table::new(&["CERTIFICATE", "EXPIRES", "DAYS LEFT"]);
    for certificate in &status.certificates {
        certificates.row([
            certificate.path.clone(),
            certificate.not_after.strftime("%Y-%m-%d").to_string(),
            certificate.days_left.to_string(),
        ]);
    }
    let nodes = if status.nodes.is_empty() { "the API does not answer".to_owned() } else { nodes.text() };
    [machines.text(), nodes, components.text(), certificates.text()].join("\n\n")
}
