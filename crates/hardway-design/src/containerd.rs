//! containerd with runc: what runs containers on a node, and the images it has from the start.
//!
//! Configuration: <https://github.com/containerd/containerd/blob/main/docs/cri/config.md>, checked in
//! `internal/cri/config` of containerd 2.4.

use std::fmt;

use hardway_spec::{Cluster, Cni, Component, Machine, Role};

use crate::flags::Command;
use crate::operating_system::{BASE, KERNEL};
use crate::paths::{BIN, CNI_BIN, CNI_CONFIG, UNITS};
use crate::resources::{directory, file, unit_file};
use crate::systemd::{KillMode, Restart, Service, ServiceKind, UnitFile};
use crate::{
    Content, DesignError, Disruption, Group, GroupId, Inputs, MachineFacts, Resource, Unit, cni, kube_apiserver,
    kube_scheduler, remains,
};

/// The group that copies the programs.
pub(crate) const COPY: &str = "copy-containerd";
/// The group that starts it.
pub(crate) const GROUP: &str = "containerd";

pub(crate) const SERVICE: &str = "containerd.service";
const FOLDER: &str = "/etc/containerd";
const CONFIG: &str = "/etc/containerd/config.toml";
/// The socket that the kubelet speaks to.
pub(crate) const SOCKET: &str = "/run/containerd/containerd.sock";

/// The sandbox container's image.
pub(crate) const PAUSE: &str = "pause";
const CALICO_NODE: &str = "calico-node";

/// Every image that some node may have. All nodes pin all of them: an add-on that comes or goes, or a first worker,
/// then restarts no containerd.
const IMAGES: [&str; 6] = [PAUSE, CALICO_NODE, "calico-kube-controllers", "coredns", "metrics-server", "dnsutils"];

/// Images that neither a node's Ready nor DNS waits for: they come when the node has its network, since what unpacks them
/// would take the processor from what everything waits for.
const LATER: [&str; 2] = ["metrics-server", "dnsutils"];

/// The group that imports an image on a node: `image-coredns`.
pub(crate) fn image_group(name: &str) -> String {
    format!("image-{name}")
}

/// The images of a node, in the order they are needed: what makes it Ready first, what only tests use last.
pub(crate) fn images(cluster: &Cluster, machine: &Machine) -> Vec<&'static str> {
    let calico = matches!(cluster.spec.network.cni, Cni::Calico(_));
    let mut images = vec![PAUSE];
    if calico {
        images.push(CALICO_NODE);
    }
    if runs_pods(cluster, machine) {
        if calico {
            // Until it has written the namespaces' profiles, Calico drops all traffic of new pods, DNS included.
            images.push("calico-kube-controllers");
        }
        images.push("coredns");
        if cluster.spec.addons.metrics_server {
            images.push("metrics-server");
        }
        images.push("dnsutils");
    }
    images
}

/// Whether ordinary pods land on the machine: on workers, and on control planes where there are no workers.
pub(crate) fn runs_pods(cluster: &Cluster, machine: &Machine) -> bool {
    machine.roles.contains(&Role::Worker)
        || (cluster.is_node(machine) && cluster.machines_with(Role::Worker).next().is_none())
}

/// The images that a node must have before its kubelet starts: without them no node becomes Ready.
pub(crate) fn needed_by_kubelet(cluster: &Cluster) -> Vec<&'static str> {
    match cluster.spec.network.cni {
        Cni::Calico(_) => vec![PAUSE, CALICO_NODE],
        Cni::Bridge(_) => vec![PAUSE],
    }
}

pub(crate) fn groups(inputs: &Inputs<'_>, machine: &Machine) -> Result<Vec<Group>, DesignError> {
    let mut after = kube_apiserver::copied(inputs.cluster);
    if machine.roles.contains(&Role::ControlPlane) {
        after.push(GroupId::on(&machine.name, kube_scheduler::COPY));
    }
    let copy = Group {
        id: GroupId::on(&machine.name, COPY),
        after,
        resources: vec![
            inputs.binary("containerd", BIN)?,
            inputs.binary("containerd-shim-runc-v2", BIN)?,
            inputs.binary("ctr", BIN)?,
            inputs.binary("runc", BIN)?,
        ],
    };

    let facts = inputs.facts_of(machine)?;
    let start = Group {
        id: GroupId::on(&machine.name, GROUP),
        after: vec![
            GroupId::on(&machine.name, BASE),
            GroupId::on(&machine.name, KERNEL),
            GroupId::on(&machine.name, COPY),
        ],
        resources: vec![
            directory(FOLDER, 0o755),
            // It watches this folder, and ends itself when the folder goes: so it comes before the unit.
            directory("/etc/cni", 0o755),
            directory(CNI_CONFIG, 0o755),
            file(CONFIG, 0o600, Content::text(configuration(inputs, facts)?.to_string())),
            unit_file(SERVICE, unit(inputs.cluster, machine, facts)),
            remains::containerd(),
            Resource::Unit(Unit {
                name: SERVICE.to_owned(),
                restart_on: vec![format!("{BIN}/containerd"), CONFIG.to_owned(), format!("{UNITS}/{SERVICE}")],
                reload_on: Vec::new(),
                ready: None,
                disruption: Some(Disruption::Local("running containers go on, none starts or stops meanwhile")),
            }),
        ],
    };

    let mut groups = vec![copy, start];
    let mut previous = GroupId::on(&machine.name, GROUP);
    for name in images(inputs.cluster, machine) {
        let id = GroupId::on(&machine.name, image_group(name));
        let mut after = vec![previous];
        if LATER.contains(&name) {
            after.push(cni::configured(inputs.cluster, machine));
        }
        groups.push(Group { id: id.clone(), after, resources: vec![inputs.image(name)?] });
        previous = id;
    }
    Ok(groups)
}

struct Configuration<'a> {
    systemd_cgroups: bool,
    restrict_oom_score_adj: bool,
    /// By name: references that are never collected, since nothing pulls them again.
    pinned_images: Vec<(&'static str, &'a str)>,
}

fn configuration<'a>(inputs: &Inputs<'a>, facts: &MachineFacts) -> Result<Configuration<'a>, DesignError> {
    let pinned_images = IMAGES
        .into_iter()
        .map(|name| {
            let key = if name == PAUSE { "sandbox" } else { name };
            Ok((key, inputs.image_artifact(name)?.reference.as_str()))
        })
        .collect::<Result<_, DesignError>>()?;
    Ok(Configuration {
        systemd_cgroups: facts.systemd_cgroups,
        restrict_oom_score_adj: !facts.can_lower_oom_score,
        pinned_images,
    })
}

impl fmt::Display for Configuration<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "version = 4\n")?;
        writeln!(f, "[plugins.'io.containerd.cri.v1.images'.pinned_images]")?;
        for (name, reference) in &self.pinned_images {
            writeln!(f, "  {name} = '{reference}'")?;
        }
        writeln!(f, "\n[plugins.'io.containerd.cri.v1.runtime']")?;
        writeln!(f, "  restrict_oom_score_adj = {}", self.restrict_oom_score_adj)?;
        writeln!(f, "\n[plugins.'io.containerd.cri.v1.runtime'.cni]")?;
        writeln!(f, "  bin_dirs = ['{CNI_BIN}']")?;
        writeln!(f, "  conf_dir = '{CNI_CONFIG}'")?;
        writeln!(f, "\n[plugins.'io.containerd.cri.v1.runtime'.containerd]")?;
        writeln!(f, "  default_runtime_name = 'runc'")?;
        writeln!(f, "\n[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc]")?;
        writeln!(f, "  runtime_type = 'io.containerd.runc.v2'")?;
        writeln!(f, "\n[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc.options]")?;
        writeln!(f, "  BinaryName = '{BIN}/runc'")?;
        writeln!(f, "  SystemdCgroup = {}", self.systemd_cgroups)
    }
}

/// As upstream ships it (`containerd.service`): containers outlive the daemon, and have cgroups of their own below its.
fn unit(cluster: &Cluster, machine: &Machine, facts: &MachineFacts) -> UnitFile {
    UnitFile {
        description: Some("containerd: the container runtime"),
        documentation: Some("https://containerd.io"),
        after: vec!["network.target", "dbus.service"],
        service: Service {
            kind: Some(ServiceKind::Notify),
            // Where overlay is a module; a kernel that has it built in says no, and that is fine.
            exec_start_pre: vec![Command::new("-/usr/sbin/modprobe").argument("overlay")],
            exec_start: vec![
                Command::new(format!("{BIN}/containerd"))
                    .extra(Component::Containerd, &cluster.extra_args(machine, Component::Containerd)),
            ],
            restart: Some(Restart::Always),
            restart_sec: Some(5),
            kill_mode: Some(KillMode::Process),
            delegate: true,
            tasks_unlimited: true,
            oom_score_adjust: facts.can_lower_oom_score.then_some(-999),
            ..Service::default()
        },
        wanted_by: vec!["multi-user.target"],
        ..UnitFile::default()
    }
}
