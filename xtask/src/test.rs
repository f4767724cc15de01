//! The full test: format, lints, every test of the workspace, the lab's among them.

use std::process::Stdio;

use clap::Args;

use crate::edges;
use crate::flags;
use crate::generate;
use crate::host;
use crate::outcome::Outcome;
use crate::run::{Failure, cargo, must};

/// Run the full test: format, clippy, unit, golden, CLI and lab tests (needs root)
#[derive(Args)]
pub struct Arguments {
    /// Leave the lab out: what runs in seconds
    #[arg(long)]
    fast: bool,
    /// Also what takes long in the lab: clusters of seven machines that lose some, or change their shape
    #[arg(long, conflicts_with = "fast")]
    long: bool,
}

/// Crates and test binaries that make machines.
const LAB_TESTS: [(&str, &str); 2] = [("hardway-lab", "lifecycle"), ("hardway", "lab")];
/// Those of them that are run when they are asked for.
const LONG_TESTS: [(&str, &str); 1] = [("hardway", "long")];

pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    host::install_missing()?;
    must(cargo(&["fmt", "--all", "--check"]))?;
    must(cargo(&["clippy", "--quiet", "--workspace", "--all-targets", "--", "-D", "warnings"]))?;
    edges::check()?;
    generate::check()?;
    let mut outcome = Outcome::default();
    let fast = cargo(&["test", "--workspace", "--lib", "--bins", "--quiet"]);
    outcome.add(fast)?;
    for (package, test) in integration_tests()? {
        let makes_machines = LAB_TESTS.iter().chain(&LONG_TESTS).any(|lab| *lab == (package.as_str(), test.as_str()));
        if !makes_machines {
            outcome.add(cargo(&["test", "--quiet", "-p", &package, "--test", &test]))?;
        }
    }
    if !arguments.fast {
        flags::check()?;
    }
    let lab = LAB_TESTS.iter().filter(|_| !arguments.fast);
    let long = LONG_TESTS.iter().filter(|_| arguments.long);
    for (package, test) in lab.chain(long) {
        // Their own output is the log of what was done on real machines.
        let command = cargo(&["test", "-p", package, "--test", test, "--", "--test-threads=1", "--nocapture"]);
        outcome.add(command)?;
    }
    outcome.print();
    Ok(())
}

/// Every integration test of the workspace, as (package, test).
fn integration_tests() -> Result<Vec<(String, String)>, Failure> {
    let output = cargo(&["metadata", "--no-deps", "--format-version", "1"]).stderr(Stdio::inherit()).output()?;
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout)?;
    let mut found = Vec::new();
    for package in metadata["packages"].as_array().into_iter().flatten() {
        for target in package["targets"].as_array().into_iter().flatten() {
            if target["kind"][0] == "test" {
                let name = |value: &serde_json::Value| value["name"].as_str().unwrap_or_default().to_owned();
                found.push((name(package), name(target)));
            }
        }
    }
    found.sort();
    Ok(found)
}
