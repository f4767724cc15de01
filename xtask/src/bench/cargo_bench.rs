//! Benches of `hardway-run`, which print rows.

use std::process::Stdio;
use std::time::Duration;

use super::report::Report;
use crate::run::{Failure, cargo, must};

/// Builds the benches, so that no measurement has to.
pub(super) fn build() -> Result<(), Failure> {
    must(cargo(&["bench", "--quiet", "-p", "hardway-run", "--benches", "--no-run"]))
}

/// Runs a bench and adds its lines of `NAME VALUE`: MiB where the name ends in `-mib`, and seconds else.
pub(super) fn rows(name: &str, arguments: &[String], report: &mut Report) -> Result<(), Failure> {
    let mut command = cargo(&["bench", "--quiet", "-p", "hardway-run", "--bench", name, "--"]);
    let output = command.args(arguments).stderr(Stdio::inherit()).output()?;
    if !output.status.success() {
        return Err(format!("the bench {name} ended with {}", output.status).into());
    }
    for line in String::from_utf8(output.stdout)?.lines() {
        let (name, value) = line.split_once(' ').ok_or_else(|| format!("`{line}` is no row"))?;
        let value: f64 = value.parse().map_err(|error| format!("`{line}` is no row: {error}"))?;
        if name.ends_with("-mib") {
            report.add_size(name, value);
        } else {
            report.add(name, Duration::from_secs_f64(value));
        }
    }
    Ok(())
}
