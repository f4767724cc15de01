//! The tables of the components' flags, from what the programs say themselves.

use std::process::Command;

use clap::Args;
use hardway_artifacts::{Catalog, Progress, Selection, Store, Supply};
use hardway_spec::{ArtifactSource, Artifacts, Component, flags};

use crate::run::{Failure, root};

/// Write the tables of the components' flags again, from each program's --help (builds what the cache lacks)
#[derive(Args)]
pub struct Arguments {}

pub fn run(_arguments: &Arguments) -> Result<(), Failure> {
    for (component, table) in tables()? {
        let path = root().join(path_of(component));
        std::fs::write(&path, table)?;
        eprintln!("wrote {}", path.display());
    }
    Ok(())
}

/// Fails where a table that is checked in is not what its program says.
pub fn check() -> Result<(), Failure> {
    for (component, table) in tables()? {
        let path = path_of(component);
        if std::fs::read_to_string(root().join(&path)).ok() != Some(table) {
            return Err(format!("{path} is out of date: run `cargo xtask flags`").into());
        }
    }
    Ok(())
}

fn path_of(component: Component) -> String {
    format!("crates/hardway-spec/src/flags/tables/{component}.txt")
}

fn tables() -> Result<Vec<(Component, String)>, Failure> {
    let catalog = tokio::runtime::Runtime::new()?.block_on(programs())?;
    let table = |component: Component| {
        let program = catalog.binaries.get(component.as_str());
        let program = program.ok_or_else(|| format!("the cache has no {component}"))?;
        let output = Command::new(&program.path).arg("--help").output()?;
        // etcd prints its help as an error.
        let help = [output.stdout, output.stderr].concat();
        let lines: String = flags::in_help(&String::from_utf8(help)?).iter().map(|flag| format!("{flag}\n")).collect();
        Ok((component, lines))
    };
    Component::ALL.into_iter().map(table).collect()
}

async fn programs() -> Result<Catalog, Failure> {
    let show = |event: Progress| {
        if let Progress::Started { step, usual, .. } = event {
            eprintln!("{step} (usually {} s)", usual.as_secs());
        }
    };
    let artifacts = Artifacts { source: ArtifactSource::Modules, ..Artifacts::default() };
    let store = Store::open(Supply { artifacts, ..Supply::default() }).await?;
    Ok(store.obtain(&Selection::named(Component::ALL.map(Component::as_str))?, &show).await?)
}
