//! What must hold of a machine before anything on it is touched.

use std::collections::{BTreeMap, BTreeSet};

use hardway_design::landmarks::KUBE_API_BALANCER;
use hardway_design::{Design, Group, MachineFacts, Observation, Observed, Package, PackageOrigin, Resource};
use hardway_spec::{Cluster, Machine, MachineName, Role};

use crate::{Action, Plan};

/// A reason not to begin on a machine, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Obstacle {
    /// Without the machine's name, so that a fleet's can be grouped: "its clock is 31 s off".
    pub cause: String,
    pub help: String,
    pub machines: BTreeSet<MachineName>,
}

impl Obstacle {
    /// Each machine with a cause and what to do about it; those with the same trouble together.
    pub fn grouped(found: impl IntoIterator<Item = (MachineName, (String, String))>) -> Vec<Self> {
        let mut groups: BTreeMap<(String, String), BTreeSet<MachineName>> = BTreeMap::new();
        for (machine, trouble) in found {
            groups.entry(trouble).or_default().insert(machine);
        }
        groups.into_iter().map(|((cause, help), machines)| Self { cause, help, machines }).collect()
    }
}

/// Distributions whose package manager and file layout the design knows, and their oldest supported versions.
const SUPPORTED: [(&str, u32); 2] = [("debian", 12), ("ubuntu", 22)];
/// Certificates are issued a few minutes back, but leases, tokens and etcd's heartbeats compare clocks directly.
const MAX_CLOCK_OFFSET_MS: u64 = 5_000;
/// Left free beyond what is copied: logs, images' unpacked layers and etcd's database grow from the first minute.
const DISK_RESERVE: u64 = 1_000_000_000;
/// An image takes its archive's size again when unpacked, and once more in containerd's content store; packages take
/// it again as the repository that they are installed from, and once more where they are installed.
const DISK_FACTOR: u64 = 3;

/// Free share of its disk, in percent, below which a kubelet evicts pods and takes no more: `imagefs.available` of
/// `DefaultEvictionHard` in Kubernetes' pkg/kubelet/apis/config/v1beta1/defaults_linux.go, which the design keeps.
const EVICTION_PERCENT: u64 = 15;

/// What each machine lacks, machines with the same trouble together.
pub fn preflight(
    cluster: &Cluster,
    design: &Design,
    facts: &BTreeMap<MachineName, MachineFacts>,
    observed: &BTreeMap<MachineName, Observed>,
    plan: &Plan,
) -> Vec<Obstacle> {
    let groups = design.by_machine();
    let machines = cluster.machines().filter_map(|machine| {
        let (facts, observed) = (facts.get(&machine.name)?, observed.get(&machine.name)?);
        Some((machine, facts, observed))
    });
    Obstacle::grouped(machines.flat_map(|(machine, facts, observed)| {
        platform(facts)
            .into_iter()
            .chain(clock(facts))
            .chain(disk(cluster, machine, facts, plan))
            .chain(packages(groups.get(&machine.name).map(Vec::as_slice).unwrap_or_default(), observed))
            .chain(interface(cluster, machine, facts))
            .chain(ports(cluster, machine, facts, design, observed))
            .map(|trouble| (machine.name.clone(), trouble))
    }))
}

/// What can be said before there is a design: whether the machine is of a supported kind at all.
pub fn platform(facts: &MachineFacts) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let major: u32 = facts.os.version.split('.').next().and_then(|major| major.parse().ok()).unwrap_or_default();
    let supported = SUPPORTED.iter().any(|(id, oldest)| facts.os.id == *id && major >= *oldest);
    if !supported {
        let list: Vec<String> = SUPPORTED.iter().map(|(id, oldest)| format!("{id} {oldest} or newer")).collect();
        found.push((
            format!("its operating system is {}, which hardway does not support", facts.os.pretty_name),
            format!("install one of: {}", list.join(", ")),
        ));
    }
    if facts.architecture != ARCHITECTURE {
        found.push((
            format!("its architecture is {}, and the components were obtained for {ARCHITECTURE}", facts.architecture),
            "run hardway on a machine of the same architecture".to_owned(),
        ));
    }
    if !facts.root {
        found.push((
            "its user may not become root".to_owned(),
            "set spec.ssh.user to root, or to a user who may use sudo".to_owned(),
        ));
    }
    found
}

/// Components are built for the operator's own architecture.
const ARCHITECTURE: &str = std::env::consts::ARCH;

fn clock(facts: &MachineFacts) -> Option<(String, String)> {
    let offset = facts.clock_offset_ms.unsigned_abs();
    (offset > MAX_CLOCK_OFFSET_MS).then(|| {
        let direction = if facts.clock_offset_ms > 0 { "ahead of" } else { "behind" };
        (
            format!("its clock is {} s {direction} this machine's", offset / 1000),
            "set it, and keep it so with an NTP client (apt-get install systemd-timesyncd)".to_owned(),
        )
    })
}

fn disk(cluster: &Cluster, machine: &Machine, facts: &MachineFacts, plan: &Plan) -> Option<(String, String)> {
    let steps = plan
        .stages
        .iter()
        .filter(|stage| stage.id.place == hardway_design::Place::Machine(machine.name.clone()))
        .flat_map(|stage| &stage.steps);
    let copied: u64 = steps
        .filter_map(|step| match &step.action {
            Action::CopyBinary(blob) => Some(blob.size),
            Action::CopyImage(blob) | Action::CopyPackages(blob) => Some(blob.size * DISK_FACTOR),
            _ => None,
        })
        .sum();
    if copied == 0 {
        return None;
    }
    let megabytes = |bytes: u64| bytes / 1_000_000;
    let needed = copied + DISK_RESERVE;
    if facts.disk_free < needed {
        return Some((
            format!(
                "{} MB are free below /var and /opt, and {} MB are needed",
                megabytes(facts.disk_free),
                megabytes(needed)
            ),
            "free some space or use a larger disk".to_owned(),
        ));
    }
    let (left, least) = (facts.disk_free - copied, facts.disk_total / 100 * EVICTION_PERCENT);
    (cluster.is_node(machine) && left < least).then(|| {
        (
            format!(
                "{} MB of {} MB would be free below /var and /opt, and with less than {} MB ({EVICTION_PERCENT} %) its \
                 kubelet evicts pods",
                megabytes(left),
                megabytes(facts.disk_total),
                megabytes(least)
            ),
            format!("free {} MB or use a larger disk", megabytes(least - left).max(1)),
        )
    })
}

/// Packages that have to come from somewhere, and were brought along for other systems only.
fn packages(groups: &[&Group], observed: &Observed) -> Option<(String, String)> {
    let missing: Vec<(&str, &str)> = groups
        .iter()
        .flat_map(|group| &group.resources)
        .filter(|resource| !observed.resources.contains_key(&resource.id()))
        .filter_map(|resource| match resource {
            Resource::Package(Package { name, origin: PackageOrigin::Nowhere { os } }) => {
                Some((name.as_str(), os.as_str()))
            }
            _ => None,
        })
        .collect();
    let (_, os) = missing.first()?;
    let names: Vec<&str> = missing.iter().map(|(name, _)| *name).collect();
    Some((
        format!("it lacks packages ({}), and none are at hand for {os}", names.join(", ")),
        format!("bring packages for {os} along, or install them there: apt-get install {}", names.join(" ")),
    ))
}

/// A virtual address has to be put somewhere.
fn interface(cluster: &Cluster, machine: &Machine, facts: &MachineFacts) -> Option<(String, String)> {
    let virtual_address = cluster.spec.load_balancer.virtual_address?;
    let shares = machine.removed.is_none() && machine.roles.contains(&Role::LoadBalancer);
    let own = facts.interface_of(machine.address);
    (shares && (own.is_none() || own != facts.interface_of(virtual_address))).then(|| {
        (
            format!("the virtual address {virtual_address} is of no network that its own address is in, too"),
            "use an address of the load balancers' own network for spec.loadBalancer.virtualAddress".to_owned(),
        )
    })
}

/// Ports that hardway's own services listen on, by role.
fn wanted_ports(cluster: &Cluster, machine: &Machine) -> Vec<(u16, &'static str, &'static str)> {
    let mut ports = Vec::new();
    if machine.roles.contains(&Role::LoadBalancer) {
        ports.extend([(6443, "haproxy", "haproxy.service"), (443, "haproxy", "haproxy.service")]);
    }
    if machine.roles.contains(&Role::ControlPlane) {
        ports.extend([
            (6443, "kube-apiserver", "kube-apiserver.service"),
            (80, "nginx", "nginx.service"),
            (2379, "etcd", "etcd.service"),
            (2380, "etcd", "etcd.service"),
        ]);
    }
    if cluster.is_node(machine) {
        ports.extend([(6444, "haproxy", KUBE_API_BALANCER), (10250, "kubelet", "kubelet.service")]);
    }
    ports
}

fn ports(
    cluster: &Cluster,
    machine: &Machine,
    facts: &MachineFacts,
    design: &Design,
    observed: &Observed,
) -> Vec<(String, String)> {
    let ours = |unit: &str| {
        let in_design = design
            .on_machine(&machine.name)
            .flat_map(|group| &group.resources)
            .any(|resource| matches!(resource, Resource::Unit(wanted) if wanted.name == unit));
        let id = hardway_design::ResourceId(format!("unit:{unit}"));
        let seen = observed.resources.get(&id);
        in_design && matches!(seen, Some(Observation::Unit(seen)) if seen.active == "active")
    };
    wanted_ports(cluster, machine)
        .into_iter()
        .filter_map(|(port, component, unit)| {
            let holder = facts.listening.get(&port)?;
            (!ours(unit) && holder != component).then(|| {
                if holder.is_empty() {
                    return (
                        format!("port {port}, which {component} needs, is taken by a process that could not be seen"),
                        "find it there with `ss -ltnp`, and stop it or give the role to another machine".to_owned(),
                    );
                }
                (
                    format!("port {port}, which {component} needs, is taken by {holder}"),
                    format!("stop {holder} there, or give the role to another machine"),
                )
            })
        })
        .collect()
}
