//! Workers: their kernel is as Kubernetes needs it, their services run, they are Ready and run pods.

use std::collections::BTreeMap;

use hardway_design::{Design, Resource};
use hardway_spec::{Machine, MachineName, Role};

use crate::Part;
use crate::fault::{Expecting, Fault, Verdict, ensure};
use crate::inside;
use crate::parts::machines;
use crate::probe::Probe;
use crate::scene::Scene;
use crate::shell::{self, quote};
use crate::testbed::TestPod;

const PART: Part = Part::Workers;

pub(crate) fn probes<'a>(scene: Scene<'a>) -> Vec<Probe<'a>> {
    let cluster = scene.cluster();
    let mut probes = Vec::new();
    for machine in cluster.nodes() {
        let name = &machine.name;
        // Those of control planes are checked among them.
        let is_checked = machine.roles.contains(&Role::ControlPlane) || machine.roles.contains(&Role::Etcd);
        if !is_checked {
            probes.extend(machines::probes(scene, PART, machine));
        }
        let title = format!("kernel modules and settings on {name} hold, swap is off");
        probes.push(Probe::new(PART, title, kernel_holds(scene, name)));
        probes.push(Probe::new(PART, format!("node {name} is Ready"), is_ready(scene, machine)));
    }
    probes.push(Probe::new(PART, "every node is a machine of cluster.yaml that stays", are_listed(scene)));
    for pod in &scene.bed.pods {
        probes.push(Probe::new(PART, format!("pod {} runs on {}", pod.name, pod.node), runs(pod)));
    }
    if let [pod, other, ..] = &scene.bed.pods[..] {
        let title = format!("the Service of {} answers {}", other.name, pod.name);
        probes.push(Probe::new(PART, title, reaches_service(scene, pod, other)));
    }
    if scene.bed.pods.is_empty() {
        probes.push(Probe::not_applicable(PART, "pods run", "the spec has no node that runs workloads"));
    }
    probes
}

async fn kernel_holds(scene: Scene<'_>, machine: &MachineName) -> Verdict {
    let wanted = Kernel::designed(scene.context.design, machine);
    let expected = "every module loaded, every setting as designed, no swap";
    let hint = "hardway apply";
    let printed = shell::read(scene.context, machine, &wanted.script(), expected, hint).await?;
    let faults = wanted.faults(&printed);
    ensure(faults.is_empty(), || faults.join(", "), expected, hint)
}

/// What the design asks of a machine's kernel.
#[derive(Debug, Default)]
struct Kernel<'a> {
    modules: Vec<&'a str>,
    settings: BTreeMap<&'a str, &'a str>,
    swap_off: bool,
}

impl<'a> Kernel<'a> {
    fn designed(design: &'a Design, machine: &'a MachineName) -> Self {
        let mut kernel = Self::default();
        for resource in design.on_machine(machine).flat_map(|group| &group.resources) {
            match resource {
                Resource::Module(module) => kernel.modules.push(&module.name),
                Resource::Sysctl(setting) => {
                    kernel.settings.insert(&setting.key, &setting.value);
                }
                Resource::SwapOff => kernel.swap_off = true,
                _ => {}
            }
        }
        kernel
    }

    /// Prints a line per fact: `module NAME`, `setting KEY VALUE`, `swap DEVICE`.
    ///
    /// Modules that are built in may lack a trace in /sys/module. A kernel without loadable modules has no
    /// /proc/modules: the settings tell what it lacks.
    fn script(&self) -> String {
        let words =
            |names: &mut dyn Iterator<Item = &&str>| names.map(|name| quote(name)).collect::<Vec<_>>().join(" ");
        format!(
            "for name in {}; do\n\
             \x20   if [ ! -e /proc/modules ] || [ -d \"/sys/module/$name\" ] ||\n\
             \x20       grep -qs \"/$name\\.ko\" \"/lib/modules/$(uname -r)/modules.builtin\"; then echo \"module $name\"; fi\n\
             done\n\
             for key in {}; do\n\
             \x20   echo \"setting $key $(cat \"/proc/sys/$(echo \"$key\" | tr . /)\" 2>&1)\"\n\
             done\n\
             tail -n +2 /proc/swaps | while read -r device rest; do echo \"swap $device\"; done\n",
            words(&mut self.modules.iter()),
            words(&mut self.settings.keys()),
        )
    }

    fn faults(&self, printed: &str) -> Vec<String> {
        let mut faults = Vec::new();
        for module in &self.modules {
            if !printed.lines().any(|line| line.strip_prefix("module ") == Some(module)) {
                faults.push(format!("module {module} is not loaded"));
            }
        }
        for (key, value) in &self.settings {
            let found = printed
                .lines()
                .find_map(|line| line.strip_prefix("setting ")?.strip_prefix(key)?.strip_prefix(' '))
                .unwrap_or_default();
            if found != *value {
                faults.push(format!("{key} is {found:?} instead of {value:?}"));
            }
        }
        if self.swap_off {
            let devices = printed.lines().filter_map(|line| line.strip_prefix("swap "));
            faults.extend(devices.map(|device| format!("swap on {device}")));
        }
        faults
    }
}

async fn is_ready(scene: Scene<'_>, machine: &Machine) -> Verdict {
    let version = format!("v{}", scene.cluster().spec.kubernetes.version);
    let expected = format!("a node at {}, Ready, its kubelet {version}", machine.address);
    let hint = format!("hardway ssh {} -- journalctl -u kubelet -u containerd", machine.name);
    let nodes = scene.live().nodes().await.expecting(&expected, &hint)?;
    let Some(node) = nodes.iter().find(|node| node.name == machine.name.as_str()) else {
        return Err(Fault::new("no node of that name", expected, hint));
    };
    ensure(node.ready, || format!("not Ready: {}", node.message), &expected, &hint)?;
    ensure(node.kubelet_version == version, || format!("kubelet {}", node.kubelet_version), &expected, &hint)?;
    let address = node.internal_address.as_deref().unwrap_or("no address");
    ensure(address == machine.address.to_string(), || address.to_owned(), expected, hint)
}

async fn are_listed(scene: Scene<'_>) -> Verdict {
    let expected = "none that hardway does not know, and none that was removed";
    let nodes = scene.live().nodes().await.expecting(expected, "kubectl get nodes")?;
    let is_known = |name: &str| scene.cluster().machines().any(|machine| machine.name.as_str() == name);
    let others: Vec<&str> = nodes.iter().map(|node| node.name.as_str()).filter(|name| !is_known(name)).collect();
    let hint = "to remove one properly, list its machine with `removed: {}` and run hardway apply";
    ensure(others.is_empty(), || others.join(", "), expected, hint)
}

async fn runs(pod: &TestPod) -> Verdict {
    pod.address().await.map(drop)
}

/// Asks the Service from a pod, by its address: names are another part's.
pub(crate) async fn reaches_service(scene: Scene<'_>, pod: &TestPod, other: &TestPod) -> Verdict {
    let (from, to, service) = futures::join!(pod.address(), other.address(), other.service());
    from.and(to)?;
    fetch(scene, pod, &format!("http://{}/", authority(service?, 80)), other).await
}

/// Fetches a page of `other` from inside `pod`, and expects the other's name in it.
pub(crate) async fn fetch(scene: Scene<'_>, pod: &TestPod, url: &str, other: &TestPod) -> Verdict {
    let expected = format!("the name of {}", other.name);
    let hint = format!("hardway ssh {} -- journalctl -u kube-proxy, and the pod network's pods", pod.node);
    // busybox's own -T crashes on the signal that it sets.
    let command = ["timeout", "2", "wget", "-q", "-O", "-", url];
    let answer = inside::until(scene, pod, &command, &expected, &hint).await?;
    ensure(answer.trim() == other.name, || format!("{:?}", answer.trim()), expected, hint)
}

pub(crate) fn authority(address: std::net::IpAddr, port: u16) -> std::net::SocketAddr {
    (address, port).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kernel() -> Kernel<'static> {
        Kernel {
            modules: vec!["overlay", "vxlan"],
            settings: [("net.ipv4.ip_forward", "1"), ("kernel.panic", "10")].into(),
            swap_off: true,
        }
    }

    #[test]
    fn everything_that_differs_is_told() {
        let printed = "module overlay\nsetting kernel.panic 10\nsetting net.ipv4.ip_forward 0\nswap /dev/sda2\n";
        assert_eq!(
            kernel().faults(printed),
            ["module vxlan is not loaded", "net.ipv4.ip_forward is \"0\" instead of \"1\"", "swap on /dev/sda2",]
        );
    }

    #[test]
    fn a_setting_whose_name_begins_like_another_is_told_apart() {
        let kernel = Kernel { settings: [("kernel.panic", "10")].into(), ..Kernel::default() };
        assert!(kernel.faults("setting kernel.panic_on_oops 1\nsetting kernel.panic 10\n").is_empty());
    }

    #[test]
    fn the_script_reads_this_machine() {
        let output = std::process::Command::new("sh").args(["-c", &kernel().script()]).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success());
        assert!(text.lines().any(|line| line.starts_with("setting kernel.panic ")), "{text}");
    }
}
