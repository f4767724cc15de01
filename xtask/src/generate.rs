//! Files that are made from the code and checked in.

use clap::Args;

use crate::run::{Failure, root};

/// Write the generated files again: the JSON Schemas of cluster.yaml and of plans
#[derive(Args)]
pub struct Arguments {}

pub fn run(_arguments: &Arguments) -> Result<(), Failure> {
    for (path, content) in files() {
        let path = root().join(path);
        std::fs::create_dir_all(path.parent().expect("generated files stand in folders"))?;
        std::fs::write(&path, content)?;
        eprintln!("wrote {}", path.display());
    }
    Ok(())
}

/// Fails where a checked-in file is not what the code makes.
pub fn check() -> Result<(), Failure> {
    for (path, content) in files() {
        if std::fs::read_to_string(root().join(path)).ok().as_deref() != Some(content.as_str()) {
            return Err(format!("{path} is out of date: run `cargo xtask generate`").into());
        }
    }
    Ok(())
}

fn files() -> Vec<(&'static str, String)> {
    vec![
        ("schema/cluster.json", hardway_spec::json_schema()),
        ("schema/plan.json", hardway_plan::json_schema()),
        ("schema/events.json", hardway_run::json_schema()),
    ]
}
