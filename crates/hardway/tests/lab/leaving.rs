//! Workers that come and go: added, drained and removed, dead and back again, replaced.

use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::support::LabWorkspace;

/// Longer than a drain, a pod's start or a controller's next look takes.
const PATIENCE: Duration = Duration::from_secs(120);

#[test]
fn workers_come_and_go() {
    let lab = LabWorkspace::new("hardway-leaving");
    lab.ok(&["lab", "up", "--workers", "3", "--machines-only"]);
    let third = take_out(&lab, "w3");
    lab.ok(&["apply", "--yes"]);

    a_worker_is_added_and_the_others_run_on(&lab, &third);
    a_pod_that_may_not_leave_is_named_before_anything_is_done(&lab);
    a_worker_is_drained_and_leaves_nothing_behind(&lab);
    a_node_without_an_entry_is_told(&lab);
    a_dead_worker_is_given_up_and_kept_out(&lab);
    a_new_machine_takes_a_dead_ones_place(&lab);
    // metrics-server was on the dead machine, and gives usage after its second look.
    lab.eventually(&["verify"]);
    lab.ok(&["lab", "down"]);
}

/// The lines of the spec's entry of a machine. They stand in the form that `lab up` writes.
fn entry(text: &str, machine: &str) -> String {
    let is_own = |line: &str| {
        line.contains(&format!("name: {machine},")) || line.trim_end().ends_with(&format!("name: {machine}"))
    };
    let first = text.lines().position(is_own).unwrap_or_else(|| panic!("{machine} is listed"));
    let mut lines = text.lines().skip(first);
    let mut found = vec![lines.next().expect("it was found")];
    found.extend(lines.take_while(|line| line.starts_with("      ")));
    found.iter().map(|line| format!("{line}\n")).collect()
}

/// Takes a machine's entry out of the spec, and gives it.
fn take_out(lab: &LabWorkspace, machine: &str) -> String {
    let text = lab.spec();
    let entry = entry(&text, machine);
    lab.write_spec(&text.replace(&entry, ""));
    entry
}

fn put_back(lab: &LabWorkspace, entry: &str) {
    lab.write_spec(&format!("{}\n{entry}", lab.spec().trim_end()));
}

/// The entry with a field more.
fn with(entry: &str, field: &str) -> String {
    let entry = entry.trim_end();
    match entry.strip_suffix('}') {
        Some(start) => format!("{start}, {field}}}\n"),
        None => format!("{entry}\n      {field}\n"),
    }
}

fn mark(lab: &LabWorkspace, machine: &str, removed: &str) {
    let entry = take_out(lab, machine);
    put_back(lab, &with(&entry, &format!("removed: {removed}")));
    lab.ok(&["validate"]);
}

/// Asks until the answer is as it should be.
fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < end, "not within {PATIENCE:?}: {what}");
    }
}

/// The process of every unit of hardway's on machines that run on.
fn processes(lab: &LabWorkspace, machines: &[&str]) -> Vec<String> {
    let script = "systemctl show -p Id,MainPID,InvocationID haproxy nginx etcd kube-apiserver kube-controller-manager \
                  kube-scheduler containerd kubelet kube-proxy 2>/dev/null";
    machines.iter().map(|machine| lab.ssh(machine, script)).collect()
}

fn a_worker_is_added_and_the_others_run_on(lab: &LabWorkspace, entry: &str) {
    let others = ["lb", "cp1", "w1", "w2"];
    let before = processes(lab, &others);
    put_back(lab, entry);
    lab.ok(&["apply", "--yes"]);
    assert_eq!(lab.nodes(), ["cp1", "w1", "w2", "w3"]);
    assert_eq!(before, processes(lab, &others), "something restarted for a new worker");
    lab.nothing_is_left_to_do();
}

/// Three pods on w1, two of which have to be Ready at any time; `minimum` is the budget.
fn workload(lab: &LabWorkspace, minimum: u32) {
    let image = lab.ssh("w1", "ctr -n k8s.io images list -q | grep -e /dnsutils: -e /agnhost:");
    let image = image.lines().next().expect("a test image is there");
    let manifest = format!(
        "apiVersion: apps/v1
kind: Deployment
metadata: {{name: web}}
spec:
  replicas: 3
  selector: {{matchLabels: {{app: web}}}}
  template:
    metadata: {{labels: {{app: web}}}}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
        - {{name: web, image: '{image}', command: [sleep, '3600'], volumeMounts: [{{name: scratch, mountPath: /scratch}}]}}
      volumes: [{{name: scratch, emptyDir: {{}}}}]
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {{name: web}}
spec: {{minAvailable: {minimum}, selector: {{matchLabels: {{app: web}}}}}}
"
    );
    let path = lab.root().join("workload.yaml");
    std::fs::write(&path, manifest).expect("it can be written");
    lab.kubectl(&["apply", "-f", text(&path)]);
    lab.kubectl(&["rollout", "status", "deployment/web", "--timeout=90s"]);
}

fn text(path: &Path) -> &str {
    path.to_str().expect("the path is text")
}

fn a_pod_that_may_not_leave_is_named_before_anything_is_done(lab: &LabWorkspace) {
    for node in ["w2", "w3"] {
        lab.kubectl(&["cordon", node]);
    }
    workload(lab, 3);
    let image = lab.ssh("w1", "ctr -n k8s.io images list -q | grep -e /dnsutils: -e /agnhost:");
    let image = image.lines().next().expect("a test image is there");
    lab.kubectl(&["run", "alone", "--image", image, "--restart=Never", "--command", "--", "sleep", "3600"]);
    lab.kubectl(&["wait", "--for=condition=Ready", "pod/alone", "--timeout=60s"]);
    lab.kubectl(&["uncordon", "w2"]);

    mark(lab, "w1", "{}");
    let before = processes(lab, &["w1"]);
    let (code, said) = lab.refused(&["apply", "--yes"]);
    assert_eq!(code, 1);
    assert!(said.contains("may not leave w1 now, by PodDisruptionBudget default/web"), "{said}");
    assert!(said.contains("no controller would start default/alone again elsewhere"), "{said}");
    assert_eq!(before, processes(lab, &["w1"]), "a refused plan did something");
    assert_eq!(lab.kubectl(&["get", "node", "w1", "-o", "jsonpath={.spec.unschedulable}"]), "");

    // Who goes on all the same waits in vain, and the node takes pods again.
    lab.write_spec(&lab.spec().replace("removed: {}", "removed: {timeoutSeconds: 3}"));
    let (code, said) = lab.refused(&["apply", "--yes", "--accept", "disruption-budget,unmanaged-pods"]);
    assert_eq!(code, 1);
    assert!(said.contains("would violate the pod's disruption budget"), "{said}");
    assert!(said.contains("w1 is uncordoned again"), "{said}");
    assert_eq!(lab.kubectl(&["get", "node", "w1", "-o", "jsonpath={.spec.unschedulable}"]), "");
    lab.write_spec(&lab.spec().replace("removed: {timeoutSeconds: 3}", "removed: {}"));
}

fn a_worker_is_drained_and_leaves_nothing_behind(lab: &LabWorkspace) {
    lab.kubectl(&["delete", "pod", "alone", "--ignore-not-found", "--grace-period=0", "--force"]);
    workload(lab, 2);
    let others = ["lb", "cp1", "w2", "w3"];
    let before = processes(lab, &others);
    assert!(calico_knows(lab, "w1"));

    let over = AtomicBool::new(false);
    let least = std::thread::scope(|scope| {
        let watch = scope.spawn(|| {
            let mut least = 3;
            while !over.load(Ordering::Relaxed) {
                let output = lab
                    .command(&["kubectl", "--", "get", "pdb", "web", "-o", "jsonpath={.status.currentHealthy}"])
                    .output()
                    .expect("the binary under test starts");
                least = String::from_utf8_lossy(&output.stdout).trim().parse().unwrap_or(0).min(least);
            }
            least
        });
        lab.ok(&["apply", "--yes"]);
        over.store(true, Ordering::Relaxed);
        watch.join().expect("watching does not panic")
    });
    assert!(least >= 2, "only {least} pods were Ready while w1 was drained");

    assert_eq!(lab.nodes(), ["cp1", "w2", "w3"]);
    assert_eq!(before, processes(lab, &others), "something restarted for a worker that left");
    // w3 was cordoned by somebody else, and stays so.
    assert_eq!(lab.kubectl(&["get", "node", "w3", "-o", "jsonpath={.spec.unschedulable}"]), "true");
    lab.kubectl(&["uncordon", "w3"]);
    is_clean(lab, "w1");
    until("Calico's data about w1 are gone", || !calico_knows(lab, "w1"));
    lab.nothing_is_left_to_do();
    assert!(lab.ok(&["status"]).contains("removed: has left"));

    let policy = ["get", "validatingadmissionpolicies", "-o", "name"];
    assert!(lab.kubectl(&policy).contains("hardway-removed-machines"));
    take_out(lab, "w1");
    lab.ok(&["apply", "--yes"]);
    assert!(!lab.kubectl(&policy).contains("hardway"));
    lab.nothing_is_left_to_do();
}

/// Nothing of hardway's is left, and the machine is still there for its owner.
fn is_clean(lab: &LabWorkspace, machine: &str) {
    let left = lab.ssh(
        machine,
        "ls -d /opt/hardway /var/lib/hardway /etc/kubernetes /var/lib/kubelet /var/lib/containerd/io.* /etc/cni /opt/cni \
         /usr/local/bin/kube* /etc/systemd/system/kube* 2>/dev/null; ip -o link | grep -e cali -e vxlan; \
         systemctl is-active kubelet containerd | grep -x active; grep hardway /etc/hosts; true",
    );
    assert_eq!(left, "");
}

/// Whether Calico's store has anything about a node: itself, its endpoints, addresses, or blocks of addresses.
fn calico_knows(lab: &LabWorkspace, node: &str) -> bool {
    let store = lab.etcdctl("cp1", "get /calico --prefix");
    let names = |key: &str| {
        key.split('/')
            .any(|part| part == node || part.starts_with(&format!("{node}-")) || part.ends_with(&format!("-{node}")))
    };
    store.lines().any(|line| (line.starts_with('/') && names(line)) || line.contains(&format!("\"host:{node}\"")))
}

fn a_node_without_an_entry_is_told(lab: &LabWorkspace) {
    let entry = take_out(lab, "w3");
    let said = lab.ok(&["status"]);
    assert!(said.contains("w3"), "{said}");
    let plan =
        Command::new(env!("CARGO_BIN_EXE_hardway")).arg("-C").arg(lab.root()).args(["plan", "-o", "json"]).output();
    let plan: serde_json::Value =
        serde_json::from_slice(&plan.expect("the binary under test starts").stdout).expect("-o json prints JSON");
    assert_eq!(plan["strangers"], serde_json::json!(["w3"]));
    put_back(lab, &entry);
    lab.nothing_is_left_to_do();
}

fn a_dead_worker_is_given_up_and_kept_out(lab: &LabWorkspace) {
    lab.ok(&["lab", "kill", "w2"]);
    mark(lab, "w2", "{}");
    let (code, said) = lab.refused(&["apply", "--yes"]);
    assert_eq!(code, 1);
    assert!(said.contains("removed: {force: true}"), "{said}");
    lab.write_spec(&lab.spec().replace("removed: {}", "removed: {force: true}"));
    lab.ok(&["apply", "--yes"]);
    assert_eq!(lab.nodes(), ["cp1", "w3"]);
    lab.kubectl(&["rollout", "status", "deployment/web", "--timeout=90s"]);
    lab.nothing_is_left_to_do();

    lab.ok(&["lab", "start", "w2"]);
    until("w2's kubelet is refused", || {
        lab.run(&["ssh", "w2", "--", "journalctl -u kubelet | grep 'this machine was removed from the cluster'"]).0 == 0
    });
    assert_eq!(lab.nodes(), ["cp1", "w3"]);
    lab.ok(&["apply", "--yes"]);
    is_clean(lab, "w2");
    assert_eq!(lab.nodes(), ["cp1", "w3"]);
    until("Calico's data about w2 are gone", || !calico_knows(lab, "w2"));
    lab.nothing_is_left_to_do();
    take_out(lab, "w2");
    lab.ok(&["apply", "--yes"]);
}

/// w1 is bare again: it becomes another w3.
fn a_new_machine_takes_a_dead_ones_place(lab: &LabWorkspace) {
    let (old, new) = (lab.address("w3"), lab.address("w1"));
    let identity = || lab.kubectl(&["get", "node", "w3", "-o", "jsonpath={.metadata.uid}"]);
    let before = identity();
    lab.ok(&["lab", "kill", "w3"]);
    lab.write_spec(&lab.spec().replace(&old, &new));
    lab.ok(&["apply", "--yes"]);
    assert_ne!(before, identity(), "it is the dead machine's node still");
    let address = "jsonpath={.status.addresses[?(@.type==\"InternalIP\")].address}";
    assert_eq!(lab.kubectl(&["get", "node", "w3", "-o", address]), new);
    lab.nothing_is_left_to_do();
}
