//! Fills the cache and prints what is in it: `obtain [--benchmark | NAME…]`. Ctrl-C cancels.

use std::process::ExitCode;

use hardway_artifacts::{Error, Progress, Selection, Store, Supply};

#[tokio::main]
async fn main() -> ExitCode {
    let result = tokio::select! {
        result = run() => result,
        signal = tokio::signal::ctrl_c() => {
            signal.expect("a process can handle its signals");
            eprintln!("cancelled");
            return ExitCode::FAILURE;
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            let mut cause = std::error::Error::source(&error);
            while let Some(error) = cause {
                eprintln!("  because: {error}");
                cause = error.source();
            }
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Error> {
    let names: Vec<String> = std::env::args().skip(1).collect();
    let selection = match names.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => Selection::cluster(),
        ["--benchmark"] => Selection::benchmark(),
        ref names => Selection::named(names.iter().copied())?,
    };
    let catalog = Store::open(Supply::default()).await?.obtain(&selection, &print).await?;
    for binary in catalog.binaries.values() {
        println!("{} {} {} {}", binary.name, binary.version, binary.size, binary.path);
    }
    for image in catalog.images.values() {
        println!("{} {} {}", image.reference, image.size, image.path);
    }
    Ok(())
}

fn print(event: Progress) {
    match event {
        Progress::Source { kind, reason } => eprintln!("From {kind}: {reason}"),
        Progress::Waiting { lock } => eprintln!("Waiting for {lock}"),
        Progress::Planned { steps, usual } => {
            eprintln!("{steps} steps, usually {} s", usual.as_secs());
        }
        Progress::Downloading { what } => eprintln!("  downloading {what}"),
        Progress::Started { step, index, of, usual } => {
            eprintln!("{step} ({index} of {of}, usually {} s)", usual.as_secs())
        }
        Progress::Finished { step, elapsed } => {
            eprintln!("{step}: {:.1} s", elapsed.as_secs_f64());
        }
        Progress::Packing { programs } => eprintln!("packing {programs} programs"),
        Progress::Bundling { path, files } => eprintln!("writing {files} files to {path}"),
        Progress::Unpacking { path, files } => eprintln!("unpacking {files} files of {path}"),
        Progress::Retrying { reason, wait } => eprintln!("  {reason}; again in {:.1} s", wait.as_secs_f64()),
        Progress::Received { .. } | Progress::Compiling { .. } | Progress::Held { .. } => {}
    }
}
