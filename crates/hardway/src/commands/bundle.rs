use std::path::Path;

use camino::{Utf8Path, Utf8PathBuf};
use clap::{Args, Subcommand};
use hardway_artifacts::bundle::{self, Bundle, Summary};
use hardway_artifacts::{Architecture, Lock, OsPackages, Progress, Selection, collect_packages};
use hardway_design::package_names;
use hardway_ui::{Output, Table, bytes};
use serde::Serialize;

use crate::cli::Common;
use crate::error::{CommandError, Message};
use crate::session::{Session, Wanted};

/// One file with everything that a cluster needs, for a network without a way out
#[derive(Debug, Args)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Create(Create),
    Inspect(Inspect),
    Verify(Verify),
}

/// Make a bundle of what cluster.yaml asks for
///
/// Programs, images and an SBOM (CycloneDX), each with its digest and where it came from. The same artifacts give the
/// same file, byte for byte. Prints its SHA-256 as sha256sum does.
#[derive(Debug, Args)]
#[command(
    after_long_help = "Examples:\n  hardway bundle create\n  hardway -C prod bundle create --out /media/stick/prod.tar > prod.tar.sha256"
)]
struct Create {
    /// The file to write; one that is there is replaced when the new one is complete
    #[arg(long, value_name = "FILE", default_value = "hardway-bundle.tar")]
    out: Utf8PathBuf,
    /// The machines' operating systems, whose packages it holds
    #[arg(long, value_name = "OS,…", value_delimiter = ',', default_value = "debian-12,debian-13")]
    os: Vec<String>,
}

/// Show what a bundle says is in it
///
/// Reads its index alone, and checks that.
#[derive(Debug, Args)]
#[command(
    after_long_help = "Examples:\n  hardway bundle inspect hardway-bundle.tar\n  hardway bundle inspect hardway-bundle.tar -o json | jq '.artifacts[].origin'\n  tar -xOf hardway-bundle.tar sbom.cdx.json"
)]
struct Inspect {
    file: Utf8PathBuf,
}

/// Check every byte of a bundle
///
/// Finds any damage, and names the part that it is in. Exit code 0 when the bundle is whole, else 1.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:\n  hardway bundle verify hardway-bundle.tar")]
struct Verify {
    file: Utf8PathBuf,
}

/// What `verify -o json` prints of a bundle that is whole.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Verified {
    path: Utf8PathBuf,
    size: u64,
    artifacts: usize,
    packages: usize,
}

pub async fn run(common: &Common, output: Output, arguments: Arguments) -> Result<(), CommandError> {
    match arguments.command {
        Command::Create(arguments) => create(common, output, arguments).await,
        Command::Inspect(arguments) => inspect(output, &arguments),
        Command::Verify(arguments) => verify(output, &arguments),
    }
}

async fn create(common: &Common, output: Output, arguments: Create) -> Result<(), CommandError> {
    let session = Session::open(common, output)?;
    let catalog = session.obtain(output, &Selection::cluster(), Wanted::Locked).await?;
    let lock = Lock::of(&catalog);
    let folder = tempfile::tempdir().map_err(CommandError::failed)?;
    let packages = collect(&session, &arguments.os, utf8(folder.path())?).await?;
    let report = |event| {
        if let Progress::Bundling { path, files } = event {
            output.note(&format!("writing {files} files to {path}"));
        }
    };
    let created = tokio::select! {
        created = bundle::create(&catalog, &lock, &packages, &arguments.out, &report) => created,
        _ = tokio::signal::ctrl_c() => return Err(CommandError::Interrupted),
    };
    let created = created.map_err(CommandError::failed)?;
    if output.is_json() {
        output.json(&created);
    } else {
        output.note(&format!("wrote {}, {}", created.path, bytes(created.size)));
        output.data(&format!("{}  {}", created.sha256, created.path));
    }
    Ok(())
}

fn utf8(path: &Path) -> Result<&Utf8Path, CommandError> {
    let unusable = || CommandError::input(Message(format!("{} is not in UTF-8", path.display())));
    Utf8Path::from_path(path).ok_or_else(unusable)
}

/// The packages that the spec's machines need, for each operating system.
async fn collect(session: &Session, systems: &[String], folder: &Utf8Path) -> Result<Vec<OsPackages>, CommandError> {
    let names: Vec<String> = package_names(&session.cluster).into_iter().map(str::to_owned).collect();
    let architecture = Architecture::host().map_err(CommandError::failed)?;
    let mut packages = Vec::new();
    for os in systems {
        session.output.note(&format!("collecting packages for {os}: {}", names.join(", ")));
        let collected = collect_packages(os, architecture.as_str(), &names, folder, &|_| {}).await;
        packages.push(collected.map_err(CommandError::failed)?);
    }
    Ok(packages)
}

fn inspect(output: Output, arguments: &Inspect) -> Result<(), CommandError> {
    let summary = Bundle::open(&arguments.file).and_then(|bundle| bundle.inspect()).map_err(CommandError::input)?;
    if output.is_json() {
        output.json(&summary);
    } else {
        output.data(&text(&summary));
    }
    Ok(())
}

fn verify(output: Output, arguments: &Verify) -> Result<(), CommandError> {
    let bundle = Bundle::open(&arguments.file).map_err(CommandError::failed)?;
    bundle.verify().map_err(CommandError::failed)?;
    let Summary { path, size, artifacts, packages, .. } = bundle.inspect().map_err(CommandError::failed)?;
    if output.is_json() {
        output.json(&Verified { path, size, artifacts: artifacts.len(), packages: packages.len() });
    } else {
        output.data(&format!("{path} is whole: all {} are as they were written", bytes(size)));
    }
    Ok(())
}

fn text(summary: &Summary) -> String {
    let mut head = format!(
        "Kubernetes {} for {} machines, {}, made by {}",
        summary.kubernetes,
        summary.architecture,
        bytes(summary.size),
        summary.created_by
    );
    if let Some(weakest) = summary.weakest() {
        head.push_str(&format!("\nfrom {}, verified by {weakest} or better", summary.sources().join(" and ")));
    }
    let mut artifacts = Table::new(&["ARTIFACT", "VERSION", "SIZE", "PACKED", "VERIFIED", "SHA256"]);
    for artifact in &summary.artifacts {
        artifacts.row([
            artifact.name.clone(),
            artifact.version.clone(),
            bytes(artifact.size),
            bytes(artifact.packed_size),
            artifact.verified.to_string(),
            artifact.sha256.clone(),
        ]);
    }
    let mut packages = Table::new(&["OS", "ARCHITECTURE", "PACKAGES", "SIZE", "ASKED FOR"]);
    for of_release in &summary.packages {
        packages.row([
            of_release.os.clone(),
            of_release.architecture.clone(),
            of_release.count.to_string(),
            bytes(of_release.size),
            of_release.names.join(" "),
        ]);
    }
    let packages = if summary.packages.is_empty() { "no OS packages".to_owned() } else { packages.text() };
    [head, artifacts.text(), packages].join("\n\n")
}
