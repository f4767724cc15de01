//! hardway, measured with components from elsewhere than its own cache: a bundle, and a mirror of upstream's releases.

use std::path::Path;

use hardway_test_mirror::Mirror;

use super::lab::Lab;
use super::ours::to_verified;
use super::report::{BUNDLE, BUNDLE_CREATE, BUNDLE_SIZE, MIRROR, Report};
use super::timed::timed;
use crate::run::Failure;

/// What the lab's machines run, whose packages go into the bundle.
const OS: &str = "debian-12";

/// Makes a bundle, and a cluster from it where nothing is cached.
pub(super) fn bundle(lab: &Lab, report: &mut Report) -> Result<(), Failure> {
    let file = lab.scratch("bundle.tar");
    let mut create = lab.hardway(&["bundle", "create", "--os", OS, "--out"]);
    create.arg(&file);
    report.add(BUNDLE_CREATE, timed(create)?);
    report.add_size(BUNDLE_SIZE, std::fs::metadata(&file)?.len() as f64 / 1_048_576.0);

    from_nothing(lab, BUNDLE, Some(&file), report)
}

/// A cluster from a mirror where nothing is cached.
pub(super) fn mirror(lab: &Lab, mirror: &Mirror, report: &mut Report) -> Result<(), Failure> {
    mirror.describe_in(&lab.workspace());
    from_nothing(lab, MIRROR, None, report)
}

fn from_nothing(lab: &Lab, name: &'static str, bundle: Option<&Path>, report: &mut Report) -> Result<(), Failure> {
    let cache = lab.scratch("cache");
    let command = |arguments: &[&str]| {
        let mut command = lab.hardway(arguments);
        command.env("HARDWAY_CACHE", &cache);
        if let Some(file) = bundle {
            command.arg("--bundle").arg(file);
        }
        command
    };
    to_verified(&lab.workspace(), command, name, report)
}
