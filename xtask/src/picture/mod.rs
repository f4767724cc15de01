//! The README's picture: a real run on local machines, recorded from a terminal and drawn as an animation.

mod recording;
mod svg;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use clap::Args;

use crate::run::{Failure, must, release_build, root};
use recording::Recording;

/// Record a real run on local machines and draw docs/apply.svg from it (needs root)
#[derive(Args)]
pub struct Arguments {
    /// Draw a recording that an earlier call kept in this folder
    #[arg(long, value_name = "DIR")]
    from: Option<PathBuf>,
    /// Keep the recording in this folder
    #[arg(long, value_name = "DIR", conflicts_with = "from")]
    keep: Option<PathBuf>,
}

/// What is typed in the picture.
const TYPED: &str = "hardway lab up --workers 2";
/// What a terminal is at its smallest, and over SSH at its most usual.
pub(crate) const ROWS: u16 = 24;
pub(crate) const COLUMNS: u16 = 80;

pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let folder = tempfile::tempdir()?;
    let recorded = match (&arguments.from, &arguments.keep) {
        (Some(from), _) => from.clone(),
        (None, Some(keep)) => record(keep.clone())?,
        (None, None) => record(folder.path().to_owned())?,
    };
    let picture = root().join("docs/apply.svg");
    std::fs::write(&picture, svg::draw(&Recording::read(&recorded)?))?;
    eprintln!("wrote {}", picture.display());
    Ok(())
}

/// Records a cluster being built, and takes its machines down again.
fn record(folder: PathBuf) -> Result<PathBuf, Failure> {
    let hardway = release_build()?;
    std::fs::create_dir_all(&folder)?;
    // Its name is in the picture.
    let place = std::env::temp_dir().join("try");
    std::fs::create_dir(&place).map_err(|error| format!("cannot make {}: {error}", place.display()))?;
    let result = record_in(&folder, &place, &hardway);
    let mut down = Command::new(&hardway);
    down.current_dir(&place).args(["lab", "down"]);
    must(down)?;
    std::fs::remove_dir_all(&place)?;
    result.map(|()| folder)
}

/// script(1) gives the run a terminal and writes down what it prints, and when.
fn record_in(folder: &Path, place: &Path, hardway: &Path) -> Result<(), Failure> {
    let shell = format!("stty rows {ROWS} cols {COLUMNS} && echo '$ {TYPED}' && {TYPED}");
    let mut path = hardway.parent().map(OsString::from).ok_or("the program is in a folder")?;
    path.push(":");
    path.push(std::env::var_os("PATH").unwrap_or_default());
    let mut script = Command::new("script");
    script.current_dir(place).env("PATH", path).env("TERM", "xterm-256color").args([
        "--quiet",
        "--return",
        "--command",
    ]);
    script.arg(shell).arg("--log-out").arg(folder.join(recording::OUTPUT));
    script.arg("--log-timing").arg(folder.join(recording::TIMING));
    must(script)
}
