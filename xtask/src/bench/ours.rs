//! hardway, measured: from machines to a verified cluster.

use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
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
    to_verified(&lab.workspace(), |arguments| lab.hardway(arguments), BARE, report)
}

/// From machines that have the OS packages; then apply again, and what kubeadm is compared with.
///
/// The test pod is made as soon as its image is on the worker: kubeadm's machines have it from the start, and its pod is
/// made before the worker joins. What is compared is the time until both the pod has resolved the name and apply has ended,
/// though kubeadm is not waited for when it is done with the rest.
pub(super) fn prepared(lab: &Lab, artifacts: &Catalog, report: &mut Report) -> Result<(), Failure> {
    let image = &artifacts.images.get(IMAGE).ok_or_else(|| format!("there is no image {IMAGE}"))?.reference;
    let began = Instant::now();
    let (applied, resolved) = thread::scope(|scope| {
        let mut pod = None;
        let applied = watched(lab.hardway(&["apply", "--yes", "-o", "json"]), |line| {
            if is_image_done(line) {
                pod = Some(scope.spawn(|| test_pod(lab, image).map_err(|error| error.to_string())));
            }
        });
        (applied, pod.map(|pod| pod.join().expect("running commands does not panic")))
    });
    let applied = applied?;
    resolved.ok_or("apply brought no test image to the worker")??;
    report.add(PREPARED_TO_DNS, began.elapsed());
    verify(&lab.workspace(), |arguments| lab.hardway(arguments), PREPARED, applied, report)?;
    report.add(NOOP, timed(lab.hardway(&["apply", "--yes"]))?);
    Ok(())
}

/// Applies and verifies with the commands of `hardway`.
pub(super) fn to_verified(
    workspace: &Path,
    hardway: impl Fn(&[&str]) -> Command,
    name: &'static str,
    report: &mut Report,
) -> Result<(), Failure> {
    let applied = watched(hardway(&["apply", "--yes"]), |line| eprintln!("{line}"))?;
    verify(workspace, hardway, name, applied, report)
}

/// Verifies what was applied in such a time, with such a peak of memory.
fn verify(
    workspace: &Path,
    hardway: impl Fn(&[&str]) -> Command,
    name: &'static str,
    (apply, peak): (Duration, u64),
    report: &mut Report,
) -> Result<(), Failure> {
    let verify = timed(hardway(&["verify"]))?;
    let recorded = newest_run(workspace)?;
    let run = recorded.run.elapsed;
    report.add(name, apply + verify);
    report.add_part(name, "before-the-run", apply.saturating_sub(run));
    report.add_part(name, "run", run);
    report.add_part(name, "verify", verify);
    report.add_chain(name, apply + verify, chain(&recorded));
    report.add_peak(peak);
    Ok(())
}

/// The test pod's image.
const IMAGE: &str = "dnsutils";
/// Where the test pod lands: a control plane keeps ordinary pods off.
const WORKER: &str = "w1";

/// Whether an event of apply's says that the test pod's image has been imported (`docs/events.md`).
fn is_image_done(line: &str) -> bool {
    let Ok(event) = serde_json::from_str::<Value>(line) else { return false };
    let entry = &event["entry"];
    entry["event"] == "stageDone" && entry["place"] == WORKER && entry["stage"] == format!("image-{IMAGE}")
}

/// The last step of the comparison, as in `kubeadm`'s: a new pod that resolves `kubernetes`.
fn test_pod(lab: &Lab, image: &str) -> Result<(), Failure> {
    timed_with_input(lab.hardway(&["kubectl", "--", "apply", "--validate=false", "-f", "-"]), &pod_manifest(image))?;
    timed(lab.hardway(&["kubectl", "--", "wait", "--for=condition=Ready", "pod/dnsutils", "--timeout=120s"]))?;
    timed(lab.hardway(&["kubectl", "--", "exec", "dnsutils", "--", "sh", "-c", RESOLVES]))?;
    Ok(())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_test_pod_waits_for_its_image_on_the_worker() {
        let event = |stage: &str, place: &str| {
            format!(
                r#"{{"time": "2026-01-01T00:00:00Z", "entry": {{"event": "stageDone", "place": "{place}", "stage": "{stage}"}}}}"#
            )
        };
        assert!(is_image_done(&event("image-dnsutils", "w1")));
        assert!(!is_image_done(&event("image-dnsutils", "cp1")));
        assert!(!is_image_done(&event("image-pause", "w1")));
        assert!(!is_image_done("no event"));
    }
}
