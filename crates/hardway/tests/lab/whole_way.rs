//! The whole way on real machines: up, verify, nothing to do, drift, restart, export, reset, down.

use crate::support::{LabWorkspace, files_below, host};
use crate::{drift, saved_plans};
use serde_json::Value;
use sha2::{Digest, Sha256};

const MACHINES: [&str; 4] = ["lb", "cp1", "w1", "w2"];

/// Units of hardway's design, and the main process of each.
fn main_processes(lab: &LabWorkspace) -> Vec<String> {
    let script = "systemctl show -p Id,MainPID,InvocationID haproxy nginx etcd kube-apiserver kube-controller-manager \
                  kube-scheduler containerd kubelet kube-proxy 2>/dev/null";
    MACHINES.iter().map(|machine| lab.ssh(machine, script)).collect()
}

#[test]
fn a_cluster_from_bare_machines_and_back() {
    let lab = LabWorkspace::new("hardway-calico");
    lab.ok(&["lab", "up", "--workers", "2"]);

    // What people do first.
    let nodes = lab.kubectl(&["get", "nodes", "-o", "wide"]);
    for node in ["cp1", "w1", "w2"] {
        assert!(nodes.lines().any(|line| line.starts_with(node) && line.contains(" Ready")), "{nodes}");
    }
    assert!(lab.kubectl(&["top", "nodes"]).contains("w1"));
    dns_answers(&lab);

    the_run_is_recorded_without_a_secret(&lab);
    a_run_that_is_killed_is_recorded_as_dead(&lab);
    nothing_to_do(&lab);
    drift::is_found_and_repaired(&lab);
    a_restarted_machine_comes_back(&lab);
    saved_plans::plans_are_kept_to(&lab);
    the_export_is_what_stands_on_the_machines(&lab);
    reports_are_complete(&lab);
    reset_leaves_nothing(&lab);
    assert_eq!(last_run(&lab)["command"], format!("hardway -C {} reset --yes", lab.root().display()));

    lab.ok(&["lab", "down"]);
    assert!(!host("ip", &["-o", "link"]).contains("172.30."));
    assert!(!host("cat", &["/etc/hosts"]).contains(lab.root().to_str().expect("the path is text")));
}

fn dns_answers(lab: &LabWorkspace) {
    let image = lab.ssh("w1", "ctr -n k8s.io images list -q | grep -e /dnsutils: -e /agnhost:");
    lab.kubectl(&["run", "dnsutils", "--image", image.trim(), "--restart=Never", "--command", "--", "sleep", "3600"]);
    lab.kubectl(&["wait", "--for=condition=Ready", "pod/dnsutils", "--timeout=60s"]);
    let answer = lab.kubectl(&["exec", "dnsutils", "--", "nslookup", "kubernetes"]);
    assert!(answer.contains("10.32.0.1"), "{answer}");
    lab.kubectl(&["delete", "pod", "dnsutils", "--grace-period=0", "--force"]);
}

/// The newest run, which succeeded.
fn last_run(lab: &LabWorkspace) -> Value {
    let runs = lab.json(&["runs", "-o", "json"]);
    assert_eq!(runs[0]["outcome"], "succeeded", "{runs:#}");
    assert_eq!(runs[0]["steps"], runs[0]["stepsDone"], "{runs:#}");
    runs[0].clone()
}

fn the_run_is_recorded_without_a_secret(lab: &LabWorkspace) {
    let id = last_run(lab)["id"].as_str().expect("a run has an ID").to_owned();
    let mut told = lab.ok(&["-q", "runs", "show", &id]);
    told.push_str(&lab.ok(&["runs", "show", "-o", "json"]));
    let record = lab.root().join(".hardway/runs").join(&id);
    for file in files_below(&record) {
        told.push_str(&String::from_utf8_lossy(&std::fs::read(record.join(file)).expect("the record can be read")));
    }
    assert!(told.contains("Start etcd.service") && told.contains("secret, sha256 "));
    let secrets = secrets(lab);
    assert!(secrets.len() > 100, "a private key has more than twenty lines");
    for secret in secrets {
        assert!(!told.contains(&secret), "a secret is in the record of {id}");
    }
}

fn a_run_that_is_killed_is_recorded_as_dead(lab: &LabWorkspace) {
    lab.ssh("w1", "systemctl stop kubelet && rm /opt/hardway/store/*/kubelet");
    let mut run = lab.command(&["-q", "apply", "--yes"]).spawn().expect("the binary under test starts");
    // Copying a kubelet takes many times as long as asking.
    let before = last_run(lab)["id"].clone();
    let newest = || lab.json(&["runs", "-o", "json"])[0].clone();
    while newest()["id"] == before {
        assert_eq!(run.try_wait().expect("it can be waited for"), None, "it ended before it was a run");
    }
    assert_eq!(newest()["outcome"], "running");
    run.kill().and_then(|()| run.wait()).expect("it can be killed");
    assert_eq!(newest()["outcome"], "died");
    lab.ok(&["apply", "--yes"]);
    last_run(lab);
}

/// Every line of every private key, the encryption key, and the keys in kubeconfigs.
fn secrets(lab: &LabWorkspace) -> Vec<String> {
    let mut secrets = Vec::new();
    for folder in ["pki", "data-encryption", "configs"].map(|name| lab.root().join(name)) {
        for file in files_below(&folder) {
            let name = file.display().to_string();
            let text = std::fs::read_to_string(folder.join(&file)).expect("the workspace's files are text");
            if name.ends_with("-key.pem") {
                // A short last line might be anywhere.
                let lines = text.lines().filter(|line| !line.starts_with("-----") && line.len() > 20);
                secrets.extend(lines.map(str::to_owned));
            } else if name.ends_with("encryption-key") {
                secrets.push(text.trim().to_owned());
            } else if name.ends_with(".kubeconfig") {
                let keys = text.lines().filter_map(|line| line.trim().strip_prefix("client-key-data: "));
                secrets.extend(keys.map(|key| key.trim_matches('"').to_owned()));
            }
        }
    }
    secrets
}

fn nothing_to_do(lab: &LabWorkspace) {
    let before = main_processes(lab);
    lab.nothing_is_left_to_do();
    lab.ok(&["apply", "--yes"]);
    assert_eq!(before, main_processes(lab), "a second apply restarted something");
}

fn a_restarted_machine_comes_back(lab: &LabWorkspace) {
    lab.ok(&["lab", "stop", "w1"]);
    lab.ok(&["lab", "start", "w1"]);
    lab.kubectl(&["wait", "--for=condition=Ready", "node/w1", "--timeout=120s"]);
    lab.eventually(&["verify"]);
    nothing_to_do(lab);
}

fn the_export_is_what_stands_on_the_machines(lab: &LabWorkspace) {
    let export = lab.root().join("export");
    lab.ok(&["export", export.to_str().expect("the path is text")]);
    assert!(export.join("RUNBOOK.md").is_file());
    for machine in MACHINES {
        let folder = export.join("machines").join(machine);
        let files = files_below(&folder);
        assert!(!files.is_empty(), "nothing was exported for {machine}");
        let paths: Vec<String> = files.iter().map(|file| format!("/{}", file.display())).collect();
        let there = lab.ssh(machine, &format!("sha256sum {}", paths.join(" ")));
        for (file, path) in files.iter().zip(&paths) {
            let content = std::fs::read(folder.join(file)).expect("the exported file can be read");
            let line = format!("{}  {path}", hex::encode(Sha256::digest(content)));
            assert!(there.lines().any(|found| found == line), "{machine}: {path} differs from the export");
        }
    }
}

fn reports_are_complete(lab: &LabWorkspace) {
    let status = lab.json(&["status", "-o", "json"]);
    let names: Vec<&str> =
        status["machines"].as_array().expect("a list").iter().filter_map(|machine| machine["name"].as_str()).collect();
    assert_eq!(names, MACHINES);
    assert_eq!(status["nodes"].as_array().map(Vec::len), Some(3));
    assert!(status["certificates"].as_array().is_some_and(|list| list.iter().all(|one| one["not_after"].is_string())));
    let own = lab.root().join("own-kubeconfig");
    lab.ok(&["kubeconfig", "--merge", own.to_str().expect("the path is text")]);
    assert!(std::fs::read_to_string(own).expect("it was written").contains("current-context"));
}

fn reset_leaves_nothing(lab: &LabWorkspace) {
    lab.ok(&["reset", "--yes"]);
    let scan = "
        ls -d /opt/hardway /var/lib/hardway /etc/kubernetes /etc/etcd /etc/containerd /etc/cni /opt/cni /var/lib/etcd \
           /var/lib/kubelet /var/lib/kubernetes /var/lib/calico /etc/haproxy /etc/nginx 2>/dev/null
        ls /usr/local/bin
        systemctl list-unit-files --no-legend 'kube*' 'etcd*' 'containerd*' 'haproxy*' 'nginx*'
        ps -eo comm= | grep -E '^(etcd|kube|containerd|calico|runc|haproxy|nginx|coredns)'
        grep -E ' /var/lib/kubelet| /run/containerd' /proc/mounts
        ip -o link | grep -E 'cali|vxlan|cni0'
        ip route | grep -E '10\\.200\\.'
        if command -v nft >/dev/null; then nft list ruleset | grep -E 'cali|KUBE|kube'; fi
        getent passwd etcd
        grep hardway /etc/hosts
        find /var/lib/containerd -mindepth 1 2>/dev/null | head -3
        true";
    for machine in MACHINES {
        let left = lab.ssh(machine, scan);
        assert_eq!(left.trim(), "", "{machine} still has something");
    }
}
