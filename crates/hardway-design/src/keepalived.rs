//! keepalived on load balancers: one address for all of them, which one has and another takes over (VRRP, RFC 5798).
//!
//! Configuration: keepalived.conf(5), of version 2.2.

use std::fmt;
use std::net::IpAddr;

use hardway_spec::{Cluster, Machine};

use crate::haproxy::load_balancer;
use crate::operating_system::{BASE, PACKAGES};
use crate::paths::API_PORT;
use crate::resources::file;
use crate::{Content, DesignError, Disruption, Group, GroupId, Inputs, Needs, Resource, Shared, Unit};

/// The group that configures and starts it.
pub(crate) const GROUP: &str = "keepalived";

pub(crate) const SERVICE: &str = "keepalived.service";
const CONFIG: &str = "/etc/keepalived/keepalived.conf";

/// The first one's, from which the others count down: all differ, so that two never claim the address at the same time.
const FIRST_PRIORITY: usize = 200;

/// The groups that start it: on all load balancers that share an address.
pub(crate) fn started(cluster: &Cluster) -> Vec<GroupId> {
    let sharing = cluster.load_balancers().filter(|_| cluster.spec.load_balancer.virtual_address.is_some());
    sharing.map(|machine| GroupId::on(&machine.name, GROUP)).collect()
}

/// None where load balancers share no address.
pub(crate) fn group(inputs: &Inputs<'_>, machine: &Machine) -> Result<Option<Group>, DesignError> {
    let Some(address) = inputs.cluster.spec.load_balancer.virtual_address else { return Ok(None) };
    let interface = inputs.facts_of(machine)?.interface_of(machine.address);
    let configuration = Configuration { cluster: inputs.cluster, machine, address, interface };
    let resources = vec![
        file(CONFIG, 0o600, Content::text(configuration.to_string())),
        Resource::Unit(Unit {
            name: SERVICE.to_owned(),
            restart_on: Vec::new(),
            reload_on: vec![CONFIG.to_owned()],
            ready: None,
            disruption: Some(Disruption::Shared(Shared {
                role: "load balancer",
                needs: Needs::One,
                among_others: "if it has the virtual address, another takes it over, and connections break",
                alone: "the virtual address is away for about 2 s, and connections break",
                agreement: None,
            })),
        }),
    ];
    // With the address come clients.
    let after = [BASE, PACKAGES, load_balancer::GROUP].map(|group| GroupId::on(&machine.name, group)).into();
    Ok(Some(Group { id: GroupId::on(&machine.name, GROUP), after, resources }))
}

struct Configuration<'a> {
    cluster: &'a Cluster,
    machine: &'a Machine,
    address: IpAddr,
    interface: Option<&'a str>,
}

/// Half a second between its signs of life, so that another follows 2 s after the last at the latest: three intervals and
/// the skew of its priority. Version 2 of the protocol knows whole seconds only.
///
/// Packets go to the other load balancers by address, since many networks drop multicast. Whoever has the address keeps it
/// when one with a higher priority comes back (`nopreempt`): every move breaks connections. So a priority cannot say that
/// a load balancer finds no healthy control plane; only what ends its part at once counts, which is that HAProxy
/// listens no more. It is looked for among the kernel's sockets, by a user without rights: connecting once a second would
/// trouble the API server, and keepalived's own `track_process` sees no processes inside a container.
impl fmt::Display for Configuration<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let position = self.cluster.load_balancers().position(|other| other.name == self.machine.name);
        let priority = FIRST_PRIORITY - position.unwrap_or_default();
        let id = self.cluster.spec.load_balancer.virtual_router_id;
        write!(
            f,
            "\
global_defs {{
    enable_script_security
    script_user nobody
    vrrp_version 3
}}

# HAProxy listens on port {API_PORT}.
vrrp_script haproxy {{
    script \"/bin/grep -q :{API_PORT:04X}.00000000:0000.0A /proc/net/tcp\"
    interval 1
    fall 2
    rise 1
}}

vrrp_instance kubernetes-api {{
    state BACKUP
    nopreempt
"
        )?;
        if let Some(interface) = self.interface {
            writeln!(f, "    interface {interface}")?;
        }
        writeln!(f, "    virtual_router_id {id}\n    priority {priority}\n    advert_int 0.5")?;
        let mut others = self.cluster.load_balancers().filter(|other| other.name != self.machine.name).peekable();
        if others.peek().is_some() {
            writeln!(f, "    unicast_src_ip {}\n    check_unicast_src\n    unicast_peer {{", self.machine.address)?;
            others.try_for_each(|other| writeln!(f, "        {}", other.address))?;
            f.write_str("    }\n")?;
        }
        writeln!(f, "    virtual_ipaddress {{\n        {}\n    }}", ipnet::IpNet::from(self.address))?;
        f.write_str("    track_script {\n        haproxy\n    }\n}\n")
    }
}
