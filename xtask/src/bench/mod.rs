//! Benchmarks: whole runs on real machines, compared within one run.
//!
//! The measurements take turns, so that a machine that slows down for a while slows them all.

mod cargo_bench;
mod chain;
mod copy;
mod fleet;
mod kubeadm;
mod lab;
mod memory;
mod ours;
mod remote;
mod report;
mod sources;
mod timed;

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use hardway_artifacts::{Catalog, Progress, Selection, Store, Supply};
use hardway_spec::{ArtifactSource, Artifacts};
use hardway_test_mirror::Mirror;

use self::lab::Lab;
use self::ours::Expected;
use self::report::Report;
use crate::host;
use crate::run::{Failure, release_build};

/// Measure apply, verify and kubeadm on local machines, side by side (needs root)
///
/// Takes a few minutes a run. The figures are worth something on a machine that does nothing else.
#[derive(Args)]
pub(crate) struct Arguments {
    /// Also write the rows as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// How often each measurement is made; the table shows the median
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    runs: u32,
    /// Leave the others out
    #[arg(long, value_enum, value_delimiter = ',', value_name = "PART,…")]
    only: Vec<Part>,
    /// Measure this binary instead of a release build of the checkout
    #[arg(long, value_name = "FILE")]
    hardway: Option<PathBuf>,
}

/// A measurement with machines of its own.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// hardway, on machines with nothing but the base system
    Bare,
    /// hardway, on machines that have the OS packages
    Prepared,
    /// kubeadm, on machines that have everything
    Kubeadm,
    /// A bundle, and hardway from it, on machines that have the OS packages
    Bundle,
    /// hardway from a mirror, nothing cached, on machines that have the OS packages
    Mirror,
    /// Programs to three machines at once, beside plain ssh
    Copy,
    /// A thousand machines in memory
    Fleet,
    /// Hundreds of sessions to one machine
    Ssh,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let runtime = tokio::runtime::Runtime::new()?;
    // Ctrl-C ends the program that is being measured, and with that this one in order, machines removed.
    runtime.spawn(async { while tokio::signal::ctrl_c().await.is_ok() {} });
    let wanted = |part| arguments.only.is_empty() || arguments.only.contains(&part);
    let hardway = match &arguments.hardway {
        Some(binary) => binary.canonicalize()?,
        None => release_build()?,
    };
    if [Part::Copy, Part::Fleet, Part::Ssh].into_iter().any(wanted) {
        cargo_bench::build()?;
    }
    let clusters = [Part::Bare, Part::Prepared, Part::Kubeadm, Part::Bundle, Part::Mirror];
    let clusters = if clusters.into_iter().any(wanted) {
        let artifacts = runtime.block_on(artifacts(&Selection::benchmark()))?;
        Some((artifacts, Expected::learn(&Lab::up(&hardway, "bench-plan", &[])?)?))
    } else {
        None
    };
    let published = tempfile::tempdir()?;
    let mirror = match &clusters {
        Some((artifacts, _)) if wanted(Part::Mirror) => {
            host::install_missing()?;
            Some(runtime.block_on(Mirror::of(artifacts, published.path())))
        }
        _ => None,
    };

    let mut report = Report::new();
    for number in 1..=arguments.runs {
        eprintln!("run {number} of {}", arguments.runs);
        report.note_load()?;
        if let Some((artifacts, expected)) = &clusters {
            if wanted(Part::Bare) {
                let lab = Lab::up(&hardway, "bench-bare", &[])?;
                ours::bare(&lab, &mut report)?;
            }
            if wanted(Part::Prepared) {
                let lab = Lab::up(&hardway, "bench-prepared", &expected.packages)?;
                ours::prepared(&lab, artifacts, &mut report)?;
            }
            if wanted(Part::Bundle) {
                let lab = Lab::up(&hardway, "bench-bundle", &expected.packages)?;
                sources::bundle(&lab, &mut report)?;
            }
            if let Some(mirror) = &mirror {
                let lab = Lab::up(&hardway, "bench-mirror", &expected.packages)?;
                sources::mirror(&lab, mirror, &mut report)?;
            }
            if wanted(Part::Kubeadm) {
                let lab = Lab::up(&hardway, "bench-kubeadm", &expected.packages)?;
                kubeadm::measure(&lab, artifacts, &mut report)?;
            }
        }
        if wanted(Part::Copy) {
            let artifacts = runtime.block_on(artifacts(&Selection::cluster()))?;
            copy::measure(&Lab::up(&hardway, "bench-copy", &[])?, &artifacts, &mut report)?;
        }
        if wanted(Part::Fleet) {
            fleet::in_memory(&mut report)?;
        }
        if wanted(Part::Ssh) {
            fleet::over_ssh(&Lab::up(&hardway, "bench-ssh", &[])?, &mut report)?;
        }
    }
    print!("{}", report.table());
    if let Some(path) = &arguments.json {
        std::fs::write(path, report.json())?;
    }
    Ok(())
}

async fn artifacts(selection: &Selection) -> Result<Catalog, Failure> {
    let show = |event: Progress| {
        if let Progress::Started { step, index, of, usual } = event {
            eprintln!("{step} ({index} of {of}, usually {} s)", usual.as_secs());
        }
    };
    // kubeadm's images come from here too, and no release has them as hardway's own are.
    let artifacts = Artifacts { source: ArtifactSource::Modules, ..Artifacts::default() };
    let store = Store::open(Supply { artifacts, ..Supply::default() }).await?;
    Ok(store.obtain(selection, &show).await?)
}
