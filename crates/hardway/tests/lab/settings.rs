//! Labels, taints and flags that come, change and go on a live cluster.

use crate::support::LabWorkspace;

/// What of the spec is set, and what the machine w1 has of its own.
///
/// Taints that keep pods off are the control plane's, where none of the cluster's own pods has its place.
struct Settings {
    roles: &'static str,
    w1: &'static str,
}

const FIRST: Settings = Settings {
    roles: "  roles:
    worker:
      labels: {tier: general}
      extraArgs: {kubelet: {max-pods: 60}}
    control-plane:
      labels: {tier: control}
      taints: [{key: dedicated, value: batch, effect: NoSchedule}]
      extraArgs: {kube-apiserver: {max-requests-inflight: 300}, etcd: {quota-backend-bytes: 4294967296}}
",
    w1: "labels: {example.com/disk: ssd}, taints: [{key: busy, effect: PreferNoSchedule}], \
         extraArgs: {kubelet: {max-pods: 50}}",
};

const SECOND: Settings = Settings {
    roles: "  roles:
    worker: {labels: {tier: other}}
    control-plane: {taints: [{key: dedicated, value: night, effect: NoSchedule}]}
",
    w1: "taints: [{key: slow, value: really, effect: PreferNoSchedule}]",
};

const CONTROL_PLANE: &str = "node-role.kubernetes.io/control-plane=:NoSchedule";

#[test]
fn labels_taints_and_flags_come_change_and_go_and_no_pod_is_touched() {
    let lab = &LabWorkspace::new("hardway-settings");
    lab.ok(&["lab", "up", "--workers", "2"]);
    let plain = lab.spec();
    let pods = pods(lab);
    lab.kubectl(&["label", "node", "w1", "by-hand=x"]);
    lab.kubectl(&["taint", "node", "w1", "by-hand=x:PreferNoSchedule"]);

    lab.write_spec(&with(&plain, &FIRST));
    applied(lab);
    assert_eq!(label(lab, "w1", "tier"), "general");
    assert_eq!(label(lab, "w1", "example\\.com/disk"), "ssd");
    assert_eq!(label(lab, "cp1", "tier"), "control");
    assert_eq!(taints(lab, "w1"), ["busy=:PreferNoSchedule", "by-hand=x:PreferNoSchedule"]);
    assert_eq!(taints(lab, "cp1"), ["dedicated=batch:NoSchedule", CONTROL_PLANE]);
    has_room_for(lab, "w1", 50);
    has_room_for(lab, "w2", 60);
    let api_server = lab.ssh("cp1", "tr '\\0' ' ' </proc/$(systemctl show -P MainPID kube-apiserver)/cmdline");
    assert!(api_server.contains(" --max-requests-inflight=300"), "{api_server}");

    // By hand is drift where it is hardway's, and only there.
    lab.kubectl(&["taint", "node", "cp1", "dedicated-"]);
    lab.kubectl(&["label", "node", "w2", "tier=mine", "--overwrite"]);
    let (code, plan) = lab.run(&["plan", "--no-diff"]);
    assert_eq!(code, 3);
    assert!(plan.contains("Apply Node cp1") && plan.contains("Apply Node w2") && !plan.contains("w1"), "{plan}");
    applied(lab);
    assert_eq!(taints(lab, "cp1"), ["dedicated=batch:NoSchedule", CONTROL_PLANE]);

    lab.write_spec(&with(&plain, &SECOND));
    applied(lab);
    assert_eq!(label(lab, "w1", "tier"), "other");
    assert_eq!(label(lab, "w1", "example\\.com/disk"), "");
    assert_eq!(label(lab, "cp1", "tier"), "");
    assert_eq!(taints(lab, "w1"), ["by-hand=x:PreferNoSchedule", "slow=really:PreferNoSchedule"]);
    assert_eq!(taints(lab, "cp1"), ["dedicated=night:NoSchedule", CONTROL_PLANE]);
    has_room_for(lab, "w1", 110);

    lab.write_spec(&plain);
    applied(lab);
    assert_eq!(label(lab, "w1", "tier"), "");
    assert_eq!(label(lab, "w1", "by-hand"), "x");
    assert_eq!(taints(lab, "w1"), ["by-hand=x:PreferNoSchedule"]);
    assert_eq!(taints(lab, "cp1"), [CONTROL_PLANE]);

    assert_eq!(self::pods(lab), pods, "a pod was touched");
    lab.ok(&["lab", "down"]);
}

fn with(plain: &str, settings: &Settings) -> String {
    let (before, machines) = plain.split_once("\n  machines:\n").expect("a spec has machines");
    let machines: String = machines
        .lines()
        .map(|line| match line.strip_suffix('}') {
            Some(fields) if line.contains("name: w1,") => format!("{fields}, {}}}\n", settings.w1),
            _ => format!("{line}\n"),
        })
        .collect();
    format!("{before}\n{}  machines:\n{machines}", settings.roles)
}

fn applied(lab: &LabWorkspace) {
    lab.ok(&["apply", "--yes"]);
    lab.ok(&["plan"]);
}

fn label(lab: &LabWorkspace, node: &str, key: &str) -> String {
    lab.kubectl(&["get", "node", node, "-o", &format!("jsonpath={{.metadata.labels.{key}}}")])
}

fn taints(lab: &LabWorkspace, node: &str) -> Vec<String> {
    let path = "jsonpath={range .spec.taints[*]}{.key}={.value}:{.effect} {end}";
    let mut taints: Vec<String> =
        lab.kubectl(&["get", "node", node, "-o", path]).split_whitespace().map(str::to_owned).collect();
    taints.sort();
    taints
}

/// A kubelet tells the API a moment after its start.
fn has_room_for(lab: &LabWorkspace, node: &str, pods: u32) {
    let room = format!("--for=jsonpath={{.status.capacity.pods}}={pods}");
    lab.kubectl(&["wait", &room, &format!("node/{node}"), "--timeout=60s"]);
}

/// Every pod of the cluster's own and how often its containers restarted.
fn pods(lab: &LabWorkspace) -> Vec<String> {
    let path = "jsonpath={range .items[*]}{.metadata.uid} {.metadata.name} {.status.containerStatuses[*].restartCount}{\"\\n\"}{end}";
    let mut pods: Vec<String> =
        lab.kubectl(&["get", "pods", "--namespace", "kube-system", "-o", path]).lines().map(str::to_owned).collect();
    pods.sort();
    pods
}
