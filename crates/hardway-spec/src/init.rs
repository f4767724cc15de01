//! The commented `cluster.yaml` that a new workspace starts from.

use std::net::{IpAddr, Ipv4Addr};

use crate::{
    Addons, Artifacts, Calico, Cni, ControlPlane, LoadBalancer, Machine, Network, Pki, Role, Ssh, cluster, versions,
};

/// What is known of a cluster before its spec is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InitAnswers {
    pub name: String,
    /// The default where it is `None`.
    pub endpoint: Option<String>,
    /// See [`crate::LoadBalancer::virtual_address`].
    pub virtual_address: Option<IpAddr>,
    /// See [`Ssh::identity_file`].
    pub identity_file: Option<String>,
    pub machines: Vec<Machine>,
}

impl Default for InitAnswers {
    fn default() -> Self {
        Self {
            name: "hardway".to_owned(),
            endpoint: None,
            virtual_address: None,
            identity_file: None,
            machines: Machine::examples(),
        }
    }
}

impl Machine {
    /// The three machines of the hard way, at addresses that are reserved for documentation (RFC 5737).
    pub fn examples() -> Vec<Self> {
        [("lb", 10, Role::LoadBalancer), ("cp1", 11, Role::ControlPlane), ("w1", 21, Role::Worker)]
            .into_iter()
            .map(|(name, host, role)| Self::new(name, IpAddr::V4(Ipv4Addr::new(192, 0, 2, host)), vec![role]))
            .collect()
    }
}

/// A spec in which every default stands as a comment, next to what it means.
///
/// It is valid as far as the answers are.
pub fn init_document(answers: &InitAnswers) -> String {
    let name = word(&answers.name);
    let kubernetes = versions::KUBERNETES;
    let Artifacts { source, require, .. } = Artifacts::default();
    let (source, require) = (choice(&source), choice(&require));
    let endpoint = match &answers.endpoint {
        Some(endpoint) => format!("  endpoint: {}", word(endpoint)),
        None => format!("  # endpoint: {}", cluster::default_endpoint()),
    };
    let router_id = LoadBalancer::default().virtual_router_id;
    let load_balancer = match answers.virtual_address {
        Some(address) => format!("  loadBalancer:\n    virtualAddress: {address}\n    # virtualRouterId: {router_id}"),
        None => format!(
            "  # loadBalancer:\n  #   # A free address of the load balancers' own network.\n  #   # virtualAddress: 192.0.2.2\n  \
             #   # Each such address in a network has another, from 1 to 255.\n  #   virtualRouterId: {router_id}"
        ),
    };
    let network = Network::default();
    let Network { pods, services, dns, domain, kube_proxy, .. } = &network;
    let kube_proxy = kube_proxy.as_str();
    let cni = match &network.cni {
        Cni::Calico(Calico { encapsulation }) => format!("{{calico: {{encapsulation: {}}}}}", choice(encapsulation)),
        Cni::Bridge(_) => "{bridge: {}}".to_owned(),
    };
    let Pki { algorithm, subject, validity } = Pki::default();
    let algorithm = choice(&algorithm);
    let subject = format!(
        "{{country: {}, state: {}, locality: {}, organizationalUnit: {}}}",
        subject.country, subject.state, subject.locality, subject.organizational_unit
    );
    let (authority_days, leaf_days) = (validity.authority_days, validity.leaf_days);
    let control_plane_node = ControlPlane::default().node;
    let metrics_server = Addons::default().metrics_server;
    let Ssh { user, port, .. } = Ssh::default();
    let identity_file = match &answers.identity_file {
        Some(file) => format!("    identityFile: {}", quoted(file)),
        None => "    # identityFile: ~/.ssh/id_ed25519".to_owned(),
    };
    let machines = machine_lines(&answers.machines);
    format!(
        "\
# What this cluster is. `hardway validate` checks this file, `hardway apply` makes the machines so.
# Lines that are commented out show the defaults.
apiVersion: hardway/v1alpha1
kind: Cluster
metadata:
  # Names the cluster in kubeconfigs.
  name: {name}
spec:
  # Stays as it is when another hardway has a newer default.
  kubernetes:
    version: {kubernetes}

  # artifacts:
  #   # Where binaries and images come from: releases are upstream's own, mirror holds the same at a place of yours,
  #   # modules are built here from Go modules; auto takes releases where they can be reached, else modules.
  #   source: {source}
  #   # What must vouch for them at first: first-use, checksum, signature (needs cosign) or shipped. From then on
  #   # hardway.lock does.
  #   require: {require}
  #   # mirror: {{files: https://mirror.example.com/k8s, images: registry.example.com/k8s, authority: mirror-ca.pem}}

  # The name that clients call the API by, on port 6443. It is the load balancer's, or without one the first control
  # plane's alone. Machines find it in their /etc/hosts; on your own machine, put it into yours or into DNS.
{endpoint}

  # Several load balancers can share an address: one has it, and another takes it over.
{load_balancer}

  # network:
  #   # Ranges that your network does not use. Every node gets a /24 of the pods'.
  #   pods: {pods}
  #   services: {services}
  #   # The cluster's DNS server, inside of services, and the domain that it answers for.
  #   dns: {dns}
  #   domain: {domain}
  #   # Calico's encapsulation is vxlan, ipip or none. {{bridge: {{}}}} is the simple way: a range per node and static
  #   # routes, for machines on one network.
  #   cni: {cni}
  #   # nftables or iptables.
  #   kubeProxy: {kube_proxy}

  # pki:
  #   # rsa-2048 or ecdsa-p256.
  #   algorithm: {algorithm}
  #   # Beside each component's own CN and O.
  #   subject: {subject}
  #   # Certificates are renewed by `hardway apply` when a fifth of their time is left.
  #   validity: {{authorityDays: {authority_days}, leafDays: {leaf_days}}}

  # controlPlane:
  #   # Whether control planes are nodes too, tainted so that only the cluster's own pods run there.
  #   node: {control_plane_node}

  # addons:
  #   # For `kubectl top` and the horizontal pod autoscaler.
  #   metricsServer: {metrics_server}

  # How you reach the machines: as root, or as a user who may use sudo. Keys come from your agent and ~/.ssh/config,
  # unless a file is named; a relative path starts at this folder.
  ssh:
    # user: {user}
    # port: {port}
{identity_file}

  # roles:
  #   # What all machines with a role have beyond what hardway sets; a machine's own fields of the same names win.
  #   worker: {{labels: {{}}, taints: [], extraArgs: {{}}}}
  #   control-plane: {{labels: {{}}, taints: [], extraArgs: {{}}}}
  #   etcd: {{extraArgs: {{}}}}

  # Roles are load-balancer (on a machine of its own), control-plane, worker, and etcd for machines that run it instead
  # of the control planes. etcd needs an odd number of members. A machine can have `labels`, `taints` and `extraArgs`:
  # {{labels: {{disk: ssd}}, taints: [{{key: gpu, effect: NoSchedule}}], extraArgs: {{kubelet: {{max-pods: 200}}}}}}.
  machines:
{machines}"
    )
}

fn machine_lines(machines: &[Machine]) -> String {
    let names: Vec<String> = machines.iter().map(|machine| word(machine.name.as_str())).collect();
    let addresses: Vec<String> = machines.iter().map(|machine| machine.address.to_string()).collect();
    let width = |texts: &[String]| texts.iter().map(String::len).max().unwrap_or_default() + 1;
    let (name_width, address_width) = (width(&names), width(&addresses));
    let mut lines = String::new();
    for ((machine, name), address) in machines.iter().zip(&names).zip(&addresses) {
        let roles: Vec<String> = machine.roles.iter().map(ToString::to_string).collect();
        let (name, address, roles) = (format!("{name},"), format!("{address},"), roles.join(", "));
        lines.push_str(&format!(
            "    - {{name: {name:name_width$} address: {address:address_width$} roles: [{roles}]}}\n"
        ));
    }
    lines
}

/// As it is where YAML takes it for a word, or else quoted.
fn word(text: &str) -> String {
    let is_plain = text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '.')
        && !matches!(text, "null" | "true" | "false");
    if is_plain { text.to_owned() } else { quoted(text) }
}

/// YAML's double-quoted texts are JSON's and more.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// A choice as a spec writes it.
fn choice(value: &impl serde::Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        _ => unreachable!("choices are words"),
    }
}
