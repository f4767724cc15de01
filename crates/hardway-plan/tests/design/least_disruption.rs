//! What a change of one field of the spec touches: only what depends on it, with the least disruption.
//!
//! The table is `least-disruption.txt`; `UPDATE_GOLDEN=1 cargo test -p hardway-plan` writes it again.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use hardway_design::Place;
use hardway_plan::{Action, Change, Entry, Plan, Stage};
use hardway_spec::{
    ArtifactSource, Bridge, Calico, Cluster, Cni, Component, Encapsulation, ExtraArgs, KeyAlgorithm, Machine, Mirror,
    ProxyMode, Removal, Role, Taint, TaintEffect, Trust,
};
use serde_json::Value;

use crate::example::{Example, plan_between};

/// A field of the spec, what becomes of it, and how.
type Row = (&'static str, &'static str, fn(&mut Cluster));

/// Every field of the spec, and machines that come and go.
const ROWS: &[Row] = &[
    ("metadata.name", "another", |cluster| cluster.metadata.name = "other".to_owned()),
    ("spec.kubernetes.version", "another", |cluster| cluster.spec.kubernetes.version = "1.37.9".to_owned()),
    ("spec.artifacts.source", "another", |cluster| cluster.spec.artifacts.source = ArtifactSource::Modules),
    ("spec.artifacts.require", "more", |cluster| cluster.spec.artifacts.require = Trust::Shipped),
    ("spec.artifacts.digests", "a file", |cluster| cluster.spec.artifacts.digests = Some("digests.txt".to_owned())),
    ("spec.artifacts.mirror.files", "another", |cluster| mirror(cluster).files = "https://other.test".to_owned()),
    ("spec.artifacts.mirror.images", "another", |cluster| mirror(cluster).images = "other.test/k8s".to_owned()),
    ("spec.artifacts.mirror.authority", "a file", |cluster| mirror(cluster).authority = Some("ca.pem".to_owned())),
    ("spec.endpoint", "another", |cluster| cluster.spec.endpoint = "other.hardway.test".to_owned()),
    ("spec.loadBalancer.virtualAddress", "one", |cluster| {
        cluster.spec.load_balancer.virtual_address = Some([192, 0, 2, 250].into());
    }),
    ("spec.loadBalancer.virtualRouterId", "another", |cluster| cluster.spec.load_balancer.virtual_router_id = 7),
    ("spec.network.pods", "another", |cluster| cluster.spec.network.pods = "10.201.0.0/16".parse().unwrap()),
    ("spec.network.services", "a larger one", |cluster| {
        cluster.spec.network.services = "10.32.0.0/16".parse().unwrap();
    }),
    ("spec.network.dns", "another", |cluster| cluster.spec.network.dns = "10.32.0.53".parse().unwrap()),
    ("spec.network.domain", "another", |cluster| cluster.spec.network.domain = "other.local".to_owned()),
    ("spec.network.cni.calico.encapsulation", "ipip", |cluster| {
        cluster.spec.network.cni = Cni::Calico(Calico { encapsulation: Encapsulation::Ipip });
    }),
    ("spec.network.cni.bridge", "instead of calico", |cluster| cluster.spec.network.cni = Cni::Bridge(Bridge {})),
    ("spec.network.kubeProxy", "iptables", |cluster| cluster.spec.network.kube_proxy = ProxyMode::Iptables),
    ("spec.pki.algorithm", "another", |cluster| cluster.spec.pki.algorithm = KeyAlgorithm::Rsa2048),
    ("spec.pki.subject.country", "another", |cluster| cluster.spec.pki.subject.country = "DE".to_owned()),
    ("spec.pki.subject.state", "another", |cluster| cluster.spec.pki.subject.state = "Bayern".to_owned()),
    ("spec.pki.subject.locality", "another", |cluster| cluster.spec.pki.subject.locality = "Hof".to_owned()),
    ("spec.pki.subject.organizationalUnit", "another", |cluster| {
        cluster.spec.pki.subject.organizational_unit = "Other".to_owned();
    }),
    ("spec.pki.validity.authorityDays", "more", |cluster| cluster.spec.pki.validity.authority_days = 7300),
    ("spec.pki.validity.leafDays", "fewer", |cluster| cluster.spec.pki.validity.leaf_days = 90),
    ("spec.controlPlane.node", "false", |cluster| cluster.spec.control_plane.node = false),
    ("spec.addons.metricsServer", "false", |cluster| cluster.spec.addons.metrics_server = false),
    ("spec.ssh.user", "another", |cluster| cluster.spec.ssh.user = "admin".to_owned()),
    ("spec.ssh.port", "another", |cluster| cluster.spec.ssh.port = 2222),
    ("spec.ssh.identityFile", "another", |cluster| cluster.spec.ssh.identity_file = Some("~/.ssh/other".to_owned())),
    ("spec.machines.name", "a worker is called otherwise", |cluster| machine(cluster, "w2").name = "w9".into()),
    ("spec.machines.address", "a worker's", |cluster| {
        machine(cluster, "w2").address = "192.0.2.99".parse().unwrap();
    }),
    ("spec.machines.removed.force", "a worker is dead", |cluster| {
        machine(cluster, "w2").removed = Some(Removal { force: true, ..Removal::default() });
    }),
    ("spec.machines.removed.timeoutSeconds", "a worker leaves, in a hurry", |cluster| {
        machine(cluster, "w2").removed = Some(Removal { timeout_seconds: 10, ..Removal::default() });
    }),
    ("spec.machines.removed.gracePeriodSeconds", "a worker leaves, and its pods in a hurry", |cluster| {
        machine(cluster, "w2").removed = Some(Removal { grace_period_seconds: Some(5), ..Removal::default() });
    }),
    ("spec.machines.roles", "a worker is a load balancer, too", |cluster| {
        machine(cluster, "w2").roles.push(Role::LoadBalancer);
    }),
    ("spec.machines.roles", "a control plane is a worker, too", |cluster| {
        machine(cluster, "cp1").roles.push(Role::Worker);
    }),
    ("spec.machines.roles", "a worker becomes a load balancer", |cluster| {
        machine(cluster, "w2").roles = vec![Role::LoadBalancer];
    }),
    ("spec.machines.labels", "a worker's", |cluster| label(&mut machine(cluster, "w2").labels)),
    ("spec.machines.taints.key", "a worker's", |cluster| machine(cluster, "w2").taints.push(taint("dedicated"))),
    ("spec.machines.taints.value", "a worker's", |cluster| machine(cluster, "w2").taints.push(taint("dedicated=a"))),
    ("spec.machines.taints.effect", "a worker's", |cluster| machine(cluster, "w2").taints.push(taint("dedicated"))),
    ("spec.machines.extraArgs", "a worker's kubelet", |cluster| {
        flag(&mut machine(cluster, "w2").extra_args, Component::Kubelet, "max-pods", "200");
    }),
    ("spec.machines.extraArgs", "a worker's kube-proxy", |cluster| {
        flag(&mut machine(cluster, "w2").extra_args, Component::KubeProxy, "v", "2");
    }),
    ("spec.machines.extraArgs", "a worker's containerd", |cluster| {
        flag(&mut machine(cluster, "w2").extra_args, Component::Containerd, "log-level", "warn");
    }),
    ("spec.machines.extraArgs", "a control plane's kube-apiserver", |cluster| {
        flag(&mut machine(cluster, "cp2").extra_args, Component::KubeApiserver, "v", "2");
    }),
    ("spec.roles.control-plane.labels", "one", |cluster| label(&mut cluster.spec.roles.control_plane.labels)),
    ("spec.roles.control-plane.taints.key", "one", |cluster| {
        cluster.spec.roles.control_plane.taints.push(taint("dedicated"));
    }),
    ("spec.roles.control-plane.taints.value", "one", |cluster| {
        cluster.spec.roles.control_plane.taints.push(taint("dedicated=a"));
    }),
    ("spec.roles.control-plane.taints.effect", "one", |cluster| {
        cluster.spec.roles.control_plane.taints.push(taint("dedicated"));
    }),
    ("spec.roles.control-plane.extraArgs", "etcd's", |cluster| {
        flag(&mut cluster.spec.roles.control_plane.extra_args, Component::Etcd, "quota-backend-bytes", "4294967296");
    }),
    ("spec.roles.control-plane.extraArgs", "kube-apiserver's", |cluster| {
        let arguments = &mut cluster.spec.roles.control_plane.extra_args;
        flag(arguments, Component::KubeApiserver, "audit-log-maxage", "7");
    }),
    ("spec.roles.control-plane.extraArgs", "kube-controller-manager's", |cluster| {
        let arguments = &mut cluster.spec.roles.control_plane.extra_args;
        flag(arguments, Component::KubeControllerManager, "node-monitor-grace-period", "20s");
    }),
    ("spec.roles.control-plane.extraArgs", "kube-scheduler's", |cluster| {
        flag(&mut cluster.spec.roles.control_plane.extra_args, Component::KubeScheduler, "v", "2");
    }),
    ("spec.roles.etcd.extraArgs", "one, where no machine has the role", |cluster| {
        flag(&mut cluster.spec.roles.etcd.extra_args, Component::Etcd, "max-wals", "3");
    }),
    ("spec.roles.worker.labels", "one", |cluster| label(&mut cluster.spec.roles.worker.labels)),
    ("spec.roles.worker.taints.key", "one", |cluster| cluster.spec.roles.worker.taints.push(taint("dedicated"))),
    ("spec.roles.worker.taints.value", "one", |cluster| cluster.spec.roles.worker.taints.push(taint("dedicated=a"))),
    ("spec.roles.worker.taints.effect", "one", |cluster| cluster.spec.roles.worker.taints.push(taint("dedicated"))),
    ("spec.roles.worker.extraArgs", "kubelet's", |cluster| {
        flag(&mut cluster.spec.roles.worker.extra_args, Component::Kubelet, "max-pods", "200");
    }),
    ("spec.machines", "a worker more", |cluster| add(cluster, "w3", 201, Role::Worker)),
    ("spec.machines", "a worker less", |cluster| remove(cluster, "w2")),
    ("spec.machines", "two control planes more", |cluster| {
        add(cluster, "cp4", 201, Role::ControlPlane);
        add(cluster, "cp5", 202, Role::ControlPlane);
    }),
    ("spec.machines", "two control planes less", |cluster| {
        remove(cluster, "cp2");
        remove(cluster, "cp3");
    }),
    ("spec.machines", "a load balancer more", |cluster| add(cluster, "lb2", 201, Role::LoadBalancer)),
    ("spec.machines", "no load balancer", |cluster| remove(cluster, "lb")),
];

fn mirror(cluster: &mut Cluster) -> &mut Mirror {
    let (files, images) = ("https://mirror.test".to_owned(), "mirror.test/k8s".to_owned());
    cluster.spec.artifacts.mirror.get_or_insert(Mirror { files, images, authority: None })
}

fn label(labels: &mut BTreeMap<String, String>) {
    labels.insert("tier".to_owned(), "general".to_owned());
}

/// `KEY=VALUE` or `KEY`.
fn taint(text: &str) -> Taint {
    let (key, value) = text.split_once('=').unwrap_or((text, ""));
    Taint { key: key.to_owned(), value: value.to_owned(), effect: TaintEffect::NoSchedule }
}

fn flag(arguments: &mut ExtraArgs, component: Component, name: &str, value: &str) {
    arguments.entry(component).or_default().insert(name.to_owned(), value.to_owned());
}

fn machine<'a>(cluster: &'a mut Cluster, name: &str) -> &'a mut Machine {
    cluster.spec.machines.iter_mut().find(|machine| machine.name.as_str() == name).unwrap()
}

fn add(cluster: &mut Cluster, name: &str, host: u8, role: Role) {
    let address = [192, 0, 2, host].into();
    cluster.spec.machines.push(Machine::new(name, address, vec![role]));
}

fn remove(cluster: &mut Cluster, name: &str) {
    cluster.spec.machines.retain(|machine| machine.name.as_str() != name);
}

fn planned(row: &Row) -> Result<Plan, String> {
    let before = Example::large();
    plan_between(&before, &before.changed(row.2)).map_err(|error| error.to_string())
}

fn row(field: &str, change: &str) -> Plan {
    let row = ROWS.iter().find(|row| (row.0, row.1) == (field, change)).unwrap();
    planned(row).unwrap()
}

/// What a plan does, as one line for each thing: machines with files, then units, then objects.
fn touched(plan: &Plan) -> Vec<String> {
    let mut by_what: BTreeMap<(u8, String), BTreeSet<String>> = BTreeMap::new();
    for stage in &plan.stages {
        for step in &stage.steps {
            if step.action.only_waits() {
                continue;
            }
            let place = stage.id.place.to_string();
            let what = match &step.action {
                Action::RestartUnit { unit, .. } => (1, format!("restart {unit}")),
                Action::ReloadUnit { unit, .. } => (2, format!("reload {unit}")),
                Action::StartUnit { unit, .. } => (3, format!("start {unit}")),
                Action::Remove(Entry::Unit { name }) => (4, format!("stop {name}")),
                Action::Remove(Entry::Remains { title, .. }) => (4, title.to_lowercase()),
                Action::InstallPackages { names, .. } => (5, format!("install {}", names.join(", "))),
                Action::RemovePackages(names) => (5, format!("remove {}", names.join(", "))),
                Action::ChangeEtcd(_) => (4, "change etcd's members".to_owned()),
                Action::RunTask(task) => (6, format!("run {}", task.name)),
                Action::ApplyObject(object) => (7, format!("apply {}", object.kind())),
                Action::DeleteObject(object) => (8, format!("delete {}", object.kind())),
                Action::Cordon { .. } => (9, "cordon".to_owned()),
                Action::Uncordon(_) => (9, "uncordon".to_owned()),
                Action::Drain(_) => (9, "drain".to_owned()),
                _ => (0, "files".to_owned()),
            };
            let whom = match &step.action {
                Action::ApplyObject(object) | Action::DeleteObject(object) => object.name().to_owned(),
                Action::Cordon { node, .. } | Action::Uncordon(node) => node.clone(),
                Action::Drain(drain) => drain.node.clone(),
                _ => place,
            };
            by_what.entry(what).or_default().insert(whom);
        }
    }
    let line = |whom: BTreeSet<String>| whom.into_iter().collect::<Vec<_>>().join(" ");
    by_what.into_iter().map(|((_, what), whom)| format!("{what}: {}", line(whom))).collect()
}

#[test]
fn a_field_touches_what_depends_on_it_and_nothing_else() {
    let mut text = String::new();
    for row in ROWS {
        let _ = writeln!(text, "{}: {}", row.0, row.1);
        let lines = match planned(row) {
            Ok(plan) if plan.is_empty() => vec!["nothing".to_owned()],
            Ok(plan) => touched(&plan),
            Err(refusal) => vec![format!("refused: {refusal}")],
        };
        lines.iter().for_each(|line| _ = writeln!(text, "    {line}"));
        text.push('\n');
    }
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/design/least-disruption.txt");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(path, &text).unwrap();
    }
    let golden = std::fs::read_to_string(path).unwrap();
    for (golden, now) in golden.split("\n\n").zip(text.split("\n\n")) {
        assert_eq!(golden, now);
    }
    assert_eq!(golden, text);
}

#[test]
fn every_field_of_the_spec_has_its_row() {
    let schema: Value = serde_json::from_str(&hardway_spec::json_schema()).unwrap();
    let mut fields = BTreeSet::new();
    collect_fields(&schema, &schema, "", &mut fields);
    assert!(fields.len() > 20, "{fields:?}");
    let rows: BTreeSet<String> =
        ROWS.iter().map(|row| row.0.to_owned()).filter(|field| field != "spec.machines").collect();
    assert_eq!(fields, rows);
}

/// The paths of all fields that have no fields of their own and more than one value.
fn collect_fields(root: &Value, schema: &Value, path: &str, found: &mut BTreeSet<String>) {
    // An optional section is `anyOf` its own schema and null.
    if let Some(section) = schema["anyOf"].get(0) {
        return collect_fields(root, section, path, found);
    }
    if let Some(pointer) = schema["$ref"].as_str().and_then(|reference| reference.strip_prefix('#')) {
        return collect_fields(root, root.pointer(pointer).unwrap(), path, found);
    }
    if let Some(items) = schema.get("items").filter(|items| items.get("$ref").is_some())
        && root.pointer(items["$ref"].as_str().unwrap().trim_start_matches('#')).unwrap().get("properties").is_some()
    {
        return collect_fields(root, items, path, found);
    }
    let variants =
        schema["oneOf"].as_array().into_iter().flatten().filter(|variant| variant.get("properties").is_some());
    let mut properties: Vec<(&String, &Value)> =
        variants.chain([schema]).filter_map(|schema| schema["properties"].as_object()).flatten().collect();
    // Maps by a word are one field.
    let is_map = |schema: &Value| schema["additionalProperties"].is_object();
    if properties.iter().all(|(_, schema)| is_map(schema)) {
        properties.clear();
    }
    if properties.is_empty() {
        let single = schema.get("const").is_some() || schema["enum"].as_array().is_some_and(|values| values.len() == 1);
        if !single {
            found.insert(path.to_owned());
        }
    }
    for (name, schema) in properties {
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        collect_fields(root, schema, &path, found);
    }
}

fn interrupts(plan: &Plan) -> Vec<String> {
    let steps = plan.stages.iter().flat_map(|stage| stage.steps.iter().map(move |step| (&stage.id.place, step)));
    steps.filter_map(|(place, step)| Some(format!("{}@{place}", step.action.interrupts()?))).collect()
}

#[test]
fn a_new_worker_interrupts_nothing_anywhere() {
    let plan = row("spec.machines", "a worker more");
    assert_eq!(interrupts(&plan), [""; 0]);
    let objects = plan.stages.iter().filter(|stage| stage.id.place == Place::Cluster);
    let applied = objects.flat_map(|stage| &stage.steps).filter(|step| !step.action.only_waits());
    assert_eq!(applied.map(|step| step.title.as_str()).collect::<Vec<_>>(), ["Apply Node w3"]);
    // The others learn its name.
    let others = |place: &Place| !matches!(place, Place::Cluster) && *place != Place::Machine("w3".into());
    for stage in plan.stages.iter().filter(|stage| others(&stage.id.place)) {
        for step in stage.steps.iter().filter(|step| !step.action.only_waits()) {
            assert!(matches!(step.action, Action::WriteHosts(_)), "{}: {}", stage.id, step.title);
        }
    }
}

#[test]
fn what_only_the_operator_uses_touches_no_machine() {
    for (field, change) in [
        ("spec.ssh.user", "another"),
        ("spec.ssh.port", "another"),
        ("spec.ssh.identityFile", "another"),
        ("spec.pki.validity.authorityDays", "more"),
        ("spec.pki.validity.leafDays", "fewer"),
    ] {
        assert!(row(field, change).is_empty(), "{field}");
    }
}

#[test]
fn labels_and_taints_restart_nothing() {
    for (field, change) in [
        ("spec.roles.worker.labels", "one"),
        ("spec.roles.worker.taints.key", "one"),
        ("spec.machines.taints.key", "a worker's"),
    ] {
        assert_eq!(interrupts(&row(field, change)), [""; 0], "{field}");
    }
}

#[test]
fn a_flag_restarts_its_component_where_it_is_set() {
    assert_eq!(interrupts(&row("spec.machines.extraArgs", "a worker's kubelet")), ["kubelet.service@w2"]);
    let both = interrupts(&row("spec.roles.worker.extraArgs", "kubelet's"));
    assert_eq!(both, ["kubelet.service@w1", "kubelet.service@w2"]);
}

/// What all control planes do restarts on one after the other.
#[test]
fn a_flag_of_every_api_server_rolls() {
    let plan = row("spec.roles.control-plane.extraArgs", "kube-apiserver's");
    let restarts: Vec<&Stage> =
        plan.stages.iter().filter(|stage| stage.steps.iter().any(|step| step.action.interrupts().is_some())).collect();
    assert_eq!(restarts.len(), 3);
    for pair in restarts.windows(2) {
        assert!(pair[1].after.contains(&pair[0].id), "{} does not wait for {}", pair[1].id, pair[0].id);
    }
}

#[test]
fn a_control_plane_that_becomes_a_worker_loses_its_taint_and_no_process() {
    let plan = row("spec.machines.roles", "a control plane is a worker, too");
    assert_eq!(interrupts(&plan), [""; 0]);
    let step = plan.stages.iter().flat_map(|stage| &stage.steps).find(|step| step.title == "Apply Node cp1").unwrap();
    let Some(Change::Diff(diff)) = &step.change else { panic!("a node is no secret") };
    assert!(diff.lines().any(|line| line.starts_with('-') && line.contains("NoSchedule")), "{diff}");
}

#[test]
fn backends_change_by_a_reload() {
    let plan = row("spec.machines", "two control planes less");
    let interrupted = interrupts(&plan);
    let stays = ["haproxy.service@lb", "kube-api-balancer.service@w1", "kube-api-balancer.service@cp1"];
    assert!(!interrupted.iter().any(|unit| stays.contains(&unit.as_str())), "{interrupted:?}");
    for reload in ["reload haproxy.service: lb", "reload kube-api-balancer.service: cp1 w1 w2"] {
        assert!(touched(&plan).contains(&reload.to_owned()), "{:?}", touched(&plan));
    }
}

#[test]
fn load_balancers_and_the_name_that_they_answer_to_are_nothing_to_nodes() {
    for (field, change) in [("spec.machines", "no load balancer"), ("spec.endpoint", "another")] {
        let restarted = interrupts(&row(field, change));
        assert!(restarted.iter().all(|unit| unit.starts_with("kube-apiserver.service@")), "{restarted:?}");
    }
}

#[test]
fn the_cluster_dns_address_restarts_kubelets_alone() {
    let plan = row("spec.network.dns", "another");
    let restarted = interrupts(&plan);
    assert_eq!(restarted.len(), 5, "{restarted:?}");
    assert!(restarted.iter().all(|unit| unit.starts_with("kubelet.service@")), "{restarted:?}");
}
