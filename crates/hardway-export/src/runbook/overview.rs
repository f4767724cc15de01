//! What is built, and what has to be at hand before.

use hardway_design::{Group, Place, Resource};
use hardway_spec::{Cni, Machine, Role, versions};

use super::Source;
use super::page::{Page, code};

pub(super) fn write(source: &Source<'_>, page: &mut Page) {
    let spec = &source.inputs.cluster.spec;
    let network = &spec.network;
    page.chapter("What you build");
    let rows: Vec<[String; 4]> = source.inputs.cluster.machines().map(|machine| machine_row(source, machine)).collect();
    page.table(["machine", "address", "roles", "systemd units"], &rows);
    let cni = match &network.cni {
        Cni::Calico(_) => "Calico, with its own part of etcd as its datastore",
        Cni::Bridge(_) => "the `bridge` plugin, a range for each node and static routes between the machines",
    };
    page.items([
        format!("Clients call the API at `https://{}:6443`.", spec.endpoint),
        format!("Pods get addresses from `{}`, through {cni}.", network.pods),
        format!(
            "Services get addresses from `{}`; kube-proxy works in {} mode.",
            network.services,
            network.kube_proxy.as_str()
        ),
        format!("Cluster DNS answers at `{}` for the domain `{}`.", network.dns, network.domain),
    ]);
    page.paragraph("A request finds its way like this:");
    page.code("text", &picture(source));
    page.paragraph("The versions that go together here:");
    let versions: Vec<[String; 2]> =
        versions::TABLE.iter().map(|row| [row.component.to_owned(), row.version.to_owned()]).collect();
    page.table(["component", "version"], &versions);
}

fn machine_row(source: &Source<'_>, machine: &Machine) -> [String; 4] {
    let roles: Vec<String> = machine.roles.iter().map(Role::to_string).collect();
    let on_machine = |group: &&&Group| matches!(&group.id.place, Place::Machine(name) if *name == machine.name);
    let units: Vec<String> = source
        .groups
        .iter()
        .filter(on_machine)
        .flat_map(|group| &group.resources)
        .filter_map(|resource| match resource {
            Resource::Unit(unit) => Some(code(unit.name.trim_end_matches(".service"))),
            _ => None,
        })
        .collect();
    [machine.name.to_string(), code(&machine.address.to_string()), roles.join(", "), units.join(", ")]
}

fn picture(source: &Source<'_>) -> String {
    let names = |machines: Vec<&Machine>| machines.iter().map(|m| m.name.as_str()).collect::<Vec<_>>().join(", ");
    let cluster = source.inputs.cluster;
    let mut lines = vec!["kubectl".to_owned()];
    let balancers: Vec<&Machine> = cluster.load_balancers().collect();
    if let Some(address) = cluster.spec.load_balancer.virtual_address {
        lines.push(format!("  └─► {address}, which one of the load balancers has (keepalived)"));
    }
    if !balancers.is_empty() {
        lines.push(format!("  └─► HAProxy on {} (6443: TCP passed through, 443: HTTPS of its own)", names(balancers)));
    }
    lines.push(format!("      └─► kube-apiserver on {}", names(cluster.control_planes().collect())));
    lines.push(format!("          ├─► etcd on {}", names(cluster.etcd_members().collect())));
    lines.push(format!("          ├─► kubelet on {} (logs, exec, port-forward)", names(cluster.nodes().collect())));
    lines.push("          └─► aggregated APIs (metrics-server), through the front-proxy certificate".to_owned());
    lines.push(format!("kubelet, kube-proxy and Calico on {}", names(cluster.nodes().collect())));
    lines.push("  └─► HAProxy on the node itself (127.0.0.1:6444)".to_owned());
    lines.push(format!("      └─► kube-apiserver on {}", names(cluster.control_planes().collect())));
    lines.join("\n")
}

pub(super) fn prepare(source: &Source<'_>, page: &mut Page) {
    let spec = &source.inputs.cluster.spec;
    page.chapter("Before you begin");
    page.paragraph(
        "Your own machine needs an SSH client, curl, openssl and, if you make certificates with it, cfssl with cfssljson. On Debian and its kin:",
    );
    page.shell("sudo apt-get install openssh-client curl openssl golang-cfssl");
    page.paragraph("You must reach every machine, and be root there or become it through sudo:");
    let logins: Vec<String> = spec
        .machines
        .iter()
        .map(|machine| format!("{} true   # {}", super::transfer::ssh(source, &machine.name), machine.name))
        .collect();
    page.shell(&logins.join("\n"));
    if let Some(address) = source.inputs.cluster.endpoint_address() {
        page.paragraph(
            "Your machine must know the cluster's name. Where no name server does, a line in /etc/hosts will do:",
        );
        page.shell(&format!("echo '{address} {}' | sudo tee -a /etc/hosts", spec.endpoint));
    }
}
