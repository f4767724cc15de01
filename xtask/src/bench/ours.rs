//! hardway, measured: from machines to a verified cluster.

use std::net::{SocketAddr, TcpStream};
use std::process::Stdio;
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
    to_verified(lab, BARE, report)?;
    Ok(())
}

/// From machines that have the OS packages, with what kubeadm is compared with beside it; then apply again.
///
/// As in kubeadm's measurement, the test pod is made as soon as the API takes it, and waits for its node.
pub(super) fn prepared(lab: &Lab, artifacts: &Catalog, report: &mut Report) -> Result<(), Failure> {
    let image = &artifacts.images.get("dnsutils").ok_or("there is no dnsutils image")?.reference;
    let began = Instant::now();
    let (apply, resolved) = thread::scope(|scope| {
        let resolved = scope.spawn(|| test_pod(lab, image).map_err(|error| error.to_string()));
        let apply = to_verified(lab, PREPARED, report);
        (apply, resolved.join().expect("waiting for a pod does not panic"))
    });
    report.add(PREPARED_TO_DNS, apply?.max(resolved? - began));
    report.add(NOOP, timed(lab.hardway(&["apply", "--yes"]))?);
    Ok(())
}

/// Applies and verifies; gives apply's own time.
fn to_verified(lab: &Lab, name: &'static str, report: &mut Report) -> Result<Duration, Failure> {
    let (apply, peak) = watched(lab.hardway(&["apply", "--yes"]))?;
    let verify = timed(lab.hardway(&["verify"]))?;
    let recorded = newest_run(&lab.workspace())?;
    let run = recorded.run.elapsed;
    report.add(name, apply + verify);
    report.add_part(name, "before-the-run", apply.saturating_sub(run));
    report.add_part(name, "run", run);
    report.add_part(name, "verify", verify);
    report.add_chain(name, apply + verify, chain(&recorded));
    report.add_peak(peak);
    Ok(apply)
}

/// The last step of the comparison, as in `kubeadm`'s: a new pod that resolves `kubernetes`. Gives the moment when it did.
fn test_pod(lab: &Lab, image: &str) -> Result<Instant, Failure> {
    let load_balancer = SocketAddr::new(lab.address("lb")?, 6443);
    let deadline = Instant::now() + Duration::from_secs(300);
    // A connection costs next to nothing; kubectl, asked again and again, would slow down what is measured.
    while TcpStream::connect_timeout(&load_balancer, POLL).is_err() && Instant::now() < deadline {
        thread::sleep(POLL);
    }
    let apply = || {
        let kubectl = lab.hardway(&["kubectl", "--", "apply", "--validate=false", "-f", "-"]);
        timed_with_input(kubectl, &pod_manifest(image))
    };
    while let Err(error) = apply() {
        if Instant::now() >= deadline {
            return Err(error);
        }
        thread::sleep(POLL);
    }
    timed(lab.hardway(&["kubectl", "--", "wait", "--for=condition=Ready", "pod/dnsutils", "--timeout=120s"]))?;
    timed(lab.hardway(&["kubectl", "--", "exec", "dnsutils", "--", "sh", "-c", RESOLVES]))?;
    Ok(Instant::now())
}

/// How often the API is asked for.
const POLL: Duration = Duration::from_millis(200);

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
