//! hardway, measured: from machines to a verified cluster.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use hardway_artifacts::Catalog;
use serde_json::Value;

use super::chain::{chain, newest_run};
use super::lab::Lab;
use super::memory::watched;
use super::report::{BARE, NOOP, PREPARED, PREPARED_TO_DNS, Report};
use super::timed::{timed, timed_with_input};
use crate::run::Failure;

/// What a plan for bare machines says: the same for each run, so it is asked for once, on machines of its own.
pub(super) struct Expected {
    /// The OS packages that the design needs, of all machines.
    pub(super) packages: Vec<String>,
}

impl Expected {
    pub(super) fn learn(lab: &Lab) -> Result<Self, Failure> {
        let output = lab.hardway(&["plan", "-o", "json"]).stderr(Stdio::inherit()).output()?;
        let plan: Value = serde_json::from_slice(&output.stdout)
            .map_err(|error| format!("`hardway plan` ended with {} and no plan: {error}", output.status))?;
        let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
        let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let mut packages = Vec::new();
        for stage in list(&plan["stages"]) {
            for step in list(&stage["steps"]) {
                if word(&step["resource"]).starts_with("package:") {
                    let title = word(&step["title"]);
                    let names = title.strip_prefix("Install ").ok_or_else(|| format!("{title} names no packages"))?;
                    packages.extend(names.split(", ").map(str::to_owned));
                }
            }
        }
        packages.sort();
        packages.dedup();
        Ok(Self { packages })
    }
}

/// From nothing but the base system.
pub(super) fn bare(lab: &Lab, report: &mut Report) -> Result<(), Failure> {
    to_verified(&lab.workspace(), |arguments| lab.hardway(arguments), BARE, report)?;
    Ok(())
}

/// From machines that have the OS packages; then apply again, and what kubeadm is compared with.
pub(super) fn prepared(lab: &Lab, artifacts: &Catalog, report: &mut Report) -> Result<(), Failure> {
    let apply = to_verified(&lab.workspace(), |arguments| lab.hardway(arguments), PREPARED, report)?;
    report.add(NOOP, timed(lab.hardway(&["apply", "--yes"]))?);
    report.add(PREPARED_TO_DNS, apply + test_pod(lab, artifacts)?);
    Ok(())
}

/// Applies and verifies with the commands of `hardway`; gives apply's own time.
pub(super) fn to_verified(
    workspace: &Path,
    hardway: impl Fn(&[&str]) -> Command,
    name: &'static str,
    report: &mut Report,
) -> Result<Duration, Failure> {
    let (apply, peak) = watched(hardway(&["apply", "--yes"]))?;
    let verify = timed(hardway(&["verify"]))?;
    let recorded = newest_run(workspace)?;
    let run = recorded.run.elapsed;
    report.add(name, apply + verify);
    report.add_part(name, "before-the-run", apply.saturating_sub(run));
    report.add_part(name, "run", run);
    report.add_part(name, "verify", verify);
    report.add_chain(name, apply + verify, chain(&recorded));
    report.add_peak(peak);
    Ok(apply)
}

/// The last step of the comparison, as in `kubeadm`'s: a new pod that resolves `kubernetes`.
///
/// Made when all images are there: kubeadm's machines have them from the start, so that its pod waits for its node alone.
fn test_pod(lab: &Lab, artifacts: &Catalog) -> Result<Duration, Failure> {
    let image = &artifacts.images.get("dnsutils").ok_or("there is no dnsutils image")?.reference;
    let began = Instant::now();
    timed_with_input(lab.hardway(&["kubectl", "--", "apply", "-f", "-"]), &pod_manifest(image))?;
    timed(lab.hardway(&["kubectl", "--", "wait", "--for=condition=Ready", "pod/dnsutils", "--timeout=120s"]))?;
    timed(lab.hardway(&["kubectl", "--", "exec", "dnsutils", "--", "sh", "-c", RESOLVES]))?;
    Ok(began.elapsed())
}

/// Inside of the test pod: until the name resolves, since a DNS server that starts is asked too.
pub(super) const RESOLVES: &str = "until nslookup -timeout=1 -retry=0 kubernetes; do sleep 0.1; done";

pub(super) fn pod_manifest(image: &str) -> String {
    format!(
        "\
apiVersion: v1
kind: Pod
metadata: {{name: dnsutils}}
spec:
  terminationGracePeriodSeconds: 0
  containers:
  - {{name: dnsutils, image: '{image}', imagePullPolicy: Never, command: [sleep, infinity]}}
"
    )
}
