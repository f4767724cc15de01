use std::net::{IpAddr, ToSocketAddrs};
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand, ValueEnum};
use hardway_lab::{AliasOf, Base, Event, Lab, LabConfig, LabError};
use hardway_pki::FormerNames;
use hardway_spec::{InitAnswers, Machine, Role};
use hardway_ui::{Output, Table, bytes, lab_line, seconds};
use hardway_verify::{Check, Options};
use hardway_workspace::{SPEC, Workspace};
use serde::Serialize;

use super::acceptance::Acceptance;
use super::{apply, verify};
use crate::cli::Common;
use crate::error::{CommandError, Message};
use crate::session::{LAB_WORKSPACE, Session, workspace_directory, workspace_error};

/// Local machines to build a cluster on
#[derive(Debug, Args)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Up(Up),
    /// Remove the local machines and all that they left on this host
    Down,
    /// Show the local machines
    Status,
    /// Shut a machine down in order
    Stop(OneMachine),
    /// End a machine at once, as a power cut does
    Kill(OneMachine),
    /// Start a machine that is off
    Start(OneMachine),
}

/// Make local machines, build a cluster on them and verify it
///
/// Needs root. Installs what this host lacks from its distribution, saying so. Writes a workspace to ./hardway-lab unless
/// -C names another. Run again, it starts what is off, adds what is asked for, and applies.
#[derive(Debug, Args)]
#[command(
    after_long_help = "Examples:\n  hardway lab up\n  hardway lab up --control-planes 3 --workers 2 --load-balancers 2\n  hardway -C /srv/lab lab up --base debian-13 --machines-only"
)]
struct Up {
    /// How many control planes
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=5), value_name = "N")]
    control_planes: u8,
    /// How many workers
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(0..=20), value_name = "N")]
    workers: u8,
    /// How many load balancers; two share an address
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(0..=2), value_name = "N")]
    load_balancers: u8,
    /// What the machines run
    #[arg(long, value_enum, default_value_t = BaseName::Debian12)]
    base: BaseName,
    /// Make the machines and the workspace; leave apply to you
    #[arg(long)]
    machines_only: bool,
    /// Packages that new machines hold from the start, for measurements
    #[arg(long, value_delimiter = ',', value_name = "PACKAGE,…", hide_short_help = true)]
    preinstall: Vec<String>,
}

#[derive(Debug, Args)]
struct OneMachine {
    /// Its name: lb, cp1, w1
    machine: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum BaseName {
    #[value(name = "debian-12")]
    Debian12,
    #[value(name = "debian-13")]
    Debian13,
}

pub async fn run(common: &Common, output: Output, arguments: Arguments) -> Result<(), CommandError> {
    match arguments.command {
        Command::Up(up) => self::up(common, output, up).await,
        Command::Down => {
            let directory = lab_directory(common)?;
            blocking(output, move |on_event| Lab::down(&directory, on_event)).await?;
            output.note("the lab is gone; its workspace is still there");
            Ok(())
        }
        Command::Status => status(common, output).await,
        Command::Stop(one) => on_lab(common, output, move |lab, on_event| lab.stop(&one.machine, on_event)).await,
        Command::Kill(one) => on_lab(common, output, move |lab, _| lab.kill(&one.machine)).await,
        Command::Start(one) => on_lab(common, output, move |lab, on_event| lab.start(&one.machine, on_event)).await,
    }
}

/// The workspace of the lab: `-C`, or the one in the current folder, or ./hardway-lab.
fn lab_workspace(common: &Common) -> PathBuf {
    let directory = workspace_directory(common);
    if common.workspace.is_none() && !directory.join(SPEC).exists() {
        return PathBuf::from(LAB_WORKSPACE);
    }
    directory.into_std_path_buf()
}

/// The lab's own folder; works also where a crash left no cluster.yaml behind.
fn lab_directory(common: &Common) -> Result<PathBuf, CommandError> {
    let workspace = lab_workspace(common);
    std::path::absolute(&workspace).map(|path| Workspace::lab_directory_in(&path)).map_err(CommandError::input)
}

async fn up(common: &Common, output: Output, up: Up) -> Result<(), CommandError> {
    if !rustix::process::geteuid().is_root() {
        return Err(CommandError::input(Message(
            "the lab needs root: it makes machines, a bridge and cgroups".to_owned(),
        ))
        .with_help("run it with sudo"));
    }
    let missing = hardway_lab::missing_host_packages();
    if !missing.is_empty() {
        blocking(output, move |on_event| hardway_lab::install_host_packages(&missing, on_event)).await?;
    }
    // The workspace comes first, so that a run that is cut off can be taken down from it.
    let root = std::path::absolute(lab_workspace(common)).map_err(CommandError::input)?;
    let directory = Workspace::lab_directory_in(&root);
    let machines = machine_names(&up);
    let endpoint = endpoint(&root, &directory)?;
    let config = LabConfig {
        base: match up.base {
            BaseName::Debian12 => Base::Debian12,
            BaseName::Debian13 => Base::Debian13,
        },
        machines: machines.iter().map(|(name, _)| name.clone()).collect(),
        extra_packages: up.preinstall.clone(),
        hostname_alias: vec![(endpoint.clone(), answering(&up, &machines))],
    };
    let lab = blocking(output, move |on_event| Lab::up(&directory, &config, on_event)).await?;
    let virtual_address = (up.load_balancers > 1).then(|| lab.spare_address().into());
    let session = open_or_create(common, output, &root, &lab, &machines, (endpoint, virtual_address))?;
    for machine in lab.machines().map_err(CommandError::failed)? {
        session.workspace.append_known_host(&machine.known_hosts_line()).map_err(workspace_error)?;
    }
    if up.machines_only {
        output.note("the machines are up; next: `hardway apply`");
        return Ok(());
    }
    let began = std::time::Instant::now();
    apply::apply(&session, true, None, FormerNames::Kept, &Acceptance::default()).await?;
    let checks = verify::verify(&session, Options::default()).await?;
    if output.is_json() {
        output.json_line(&Verified { checks: &checks });
    }
    verify::judge(output, &checks)?;
    output.note(&format!("from machines to a verified cluster in {}", seconds(began.elapsed())));
    let here = if common.workspace.is_some() { format!(" -C {}", root.display()) } else { String::new() };
    output.note(&format!(
        "next:\n  hardway{here} kubectl -- get pods -A     the cluster at hand\n  hardway{here} ssh cp1                    look \
         around on a machine\n  hardway{here} export the-hard-way        all of it as files, with a runbook\n  \
         hardway{here} lab down                   remove the machines"
    ));
    Ok(())
}

/// The spec's endpoint, or for a new workspace one that this host does not know yet: labs side by side must not mix.
fn endpoint(root: &Path, directory: &Path) -> Result<String, CommandError> {
    if let Ok(workspace) = Workspace::open(root) {
        let text = workspace.read_spec().map_err(workspace_error)?;
        return Ok(hardway_spec::parse(&text, SPEC).map_err(CommandError::Spec)?.spec.endpoint);
    }
    let usual = "k8s.hardway.test";
    let known = (usual, 0).to_socket_addrs().is_ok();
    if !known {
        return Ok(usual.to_owned());
    }
    let id = Lab::id(directory).map_err(CommandError::failed)?;
    Ok(format!("k8s-{id}.hardway.test"))
}

/// The workspace's folder name, made a DNS label.
fn cluster_name(workspace: &Path) -> String {
    let folder = workspace.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    let label: String = folder.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).take(40).collect();
    let label = label.trim_matches('-');
    if label.is_empty() { LAB_WORKSPACE.to_owned() } else { label.to_owned() }
}

/// Who answers to the endpoint's name: load balancers together, the only one, or else the first control plane.
fn answering(up: &Up, machines: &[(String, Role)]) -> AliasOf {
    match machines.first() {
        Some((first, _)) if up.load_balancers < 2 => AliasOf::Machine(first.clone()),
        _ => AliasOf::Spare,
    }
}

fn machine_names(up: &Up) -> Vec<(String, Role)> {
    let load_balancers = ["lb", "lb2"].into_iter().take(up.load_balancers.into());
    let load_balancers = load_balancers.map(|name| (name.to_owned(), Role::LoadBalancer));
    let control_planes = (1..=up.control_planes).map(|number| (format!("cp{number}"), Role::ControlPlane));
    let workers = (1..=up.workers).map(|number| (format!("w{number}"), Role::Worker));
    load_balancers.chain(control_planes).chain(workers).collect()
}

fn open_or_create(
    common: &Common,
    output: Output,
    root: &Path,
    lab: &Lab,
    machines: &[(String, Role)],
    (endpoint, virtual_address): (String, Option<IpAddr>),
) -> Result<Session, CommandError> {
    if !root.join(SPEC).exists() {
        let addresses = lab.machines().map_err(CommandError::failed)?;
        let machines = machines
            .iter()
            .filter_map(|(name, role)| {
                let machine = addresses.iter().find(|machine| machine.name == *name)?;
                Some(Machine::new(name.as_str(), machine.address.into(), vec![*role]))
            })
            .collect();
        let answers = InitAnswers {
            name: cluster_name(root),
            endpoint: Some(endpoint),
            virtual_address,
            identity_file: Some(lab.identity_file().display().to_string()),
            machines,
        };
        Workspace::create(root, &hardway_spec::init_document(&answers)).map_err(workspace_error)?;
        output.note(&format!("wrote {}", root.join(SPEC).display()));
    }
    let common = Common { workspace: Some(root.to_string_lossy().into_owned().into()), ..common.clone() };
    Session::open(&common, output)
}

/// The last line of `lab up -o json`, after the run's events.
#[derive(Debug, Serialize)]
struct Verified<'a> {
    checks: &'a [Check],
}

#[derive(Debug, Serialize)]
struct LabView {
    /// None where there is no lab.
    subnet: Option<String>,
    machines: Vec<hardway_lab::MachineStatus>,
}

async fn status(common: &Common, output: Output) -> Result<(), CommandError> {
    let directory = lab_directory(common)?;
    let Some(lab) = Lab::open(&directory).map_err(CommandError::failed)? else {
        if output.is_json() {
            output.json(&LabView { subnet: None, machines: Vec::new() });
        }
        output.note("there is no lab here; `hardway lab up` makes one");
        return Ok(());
    };
    let machines = lab.status().map_err(CommandError::failed)?;
    if output.is_json() {
        output.json(&LabView { subnet: Some(lab.subnet()), machines });
        return Ok(());
    }
    let mut table = Table::new(&["MACHINE", "ADDRESS", "STATE", "SSH", "MEMORY"]);
    for status in &machines {
        let state = match status.machine.state {
            hardway_lab::MachineState::Running => "running",
            hardway_lab::MachineState::Stopped => "stopped",
        };
        table.row([
            status.machine.name.clone(),
            status.machine.address.to_string(),
            state.to_owned(),
            if status.sshd { "answers" } else { "-" }.to_owned(),
            status.memory_bytes.map_or("-".to_owned(), bytes),
        ]);
    }
    output.data(&table.text());
    Ok(())
}

async fn on_lab(
    common: &Common,
    output: Output,
    action: impl FnOnce(&Lab, hardway_lab::OnEvent<'_>) -> Result<(), LabError> + Send + 'static,
) -> Result<(), CommandError> {
    let directory = lab_directory(common)?;
    let lab = Lab::open(&directory).map_err(CommandError::failed)?.ok_or_else(|| {
        CommandError::input(Message("there is no lab here".to_owned())).with_help("`hardway lab up` makes one")
    })?;
    blocking(output, move |on_event| action(&lab, on_event)).await
}

/// Runs a lab's blocking call, its events shown as lines.
async fn blocking<T: Send + 'static>(
    output: Output,
    call: impl FnOnce(hardway_lab::OnEvent<'_>) -> Result<T, LabError> + Send + 'static,
) -> Result<T, CommandError> {
    let result = tokio::task::spawn_blocking(move || call(&|event: Event| output.note(&lab_line(&event)))).await;
    result.expect("the lab does not panic").map_err(CommandError::failed)
}
