//! Rules of the ranges of addresses.

use std::net::{IpAddr, Ipv4Addr};

use ipnet::{IpNet, Ipv4Net};

use super::Checker;
use super::names::is_name;

/// kube-apiserver takes no service range with more than 20 bits of addresses.
const SERVICES_LARGEST: u8 = 12;
/// 14 Services: below this the cluster's own hardly fit.
const SERVICES_SMALLEST: u8 = 28;

/// A node's share of the pods' range with `bridge`, and what its 110 pods take of Calico's blocks at the most.
const NODE_PREFIX: u8 = 24;
/// The largest private range (RFC 1918) is 10.0.0.0/8.
const PODS_LARGEST: u8 = 8;

/// Ranges that no network can use for its hosts (RFC 6890), and what they are.
const RESERVED: [(Ipv4Net, &str); 4] = [
    (Ipv4Net::new_assert(Ipv4Addr::new(0, 0, 0, 0), 8), "\"this network\""),
    (Ipv4Net::new_assert(Ipv4Addr::new(127, 0, 0, 0), 8), "loopback"),
    (Ipv4Net::new_assert(Ipv4Addr::new(169, 254, 0, 0), 16), "link-local"),
    (Ipv4Net::new_assert(Ipv4Addr::new(224, 0, 0, 0), 3), "multicast and reserved"),
];

const NOT_YET_V6: &str = "this hardway builds IPv4 clusters only: use an IPv4 address or range";

pub(super) fn check(checker: &mut Checker<'_>) {
    let network = &checker.cluster.spec.network;
    let pods = range(checker, "spec.network.pods", network.pods);
    let services = range(checker, "spec.network.services", network.services);
    if let Some(pods) = pods {
        pods_size(checker, pods);
    }
    if let Some(services) = services {
        services_size(checker, services);
        dns(checker, services);
    }
    if let (Some(pods), Some(services)) = (pods, services)
        && overlap(pods, services)
    {
        checker.report(
            "spec.network.services",
            format!("the services' range {services} overlaps the pods' {pods}"),
            "use ranges that have no address in common",
        );
    }
    machine_addresses(checker, pods, services);
    let domain = &network.domain;
    if checker.is_sound("spec.network.domain") && !is_name(domain) {
        checker.report(
            "spec.network.domain",
            format!("`{domain}` is not a DNS name"),
            "use a name such as `cluster.local`, in lower case and without a dot at its end",
        );
    }
}

fn range(checker: &mut Checker<'_>, path: &str, range: IpNet) -> Option<Ipv4Net> {
    if !checker.is_sound(path) {
        return None;
    }
    let IpNet::V4(range) = range else {
        checker.report(path, "IPv6 is not supported yet", NOT_YET_V6);
        return None;
    };
    if range.addr() != range.network() {
        checker.report(
            path,
            format!("{range} is an address in a range, not a range"),
            format!("did you mean `{}`?", range.trunc()),
        );
        return Some(range.trunc());
    }
    if let Some((reserved, what)) = RESERVED.iter().find(|(reserved, _)| overlap(*reserved, range)) {
        checker.report(
            path,
            format!("{range} has addresses of {reserved}, which is {what}"),
            "use a private range, such as one inside 10.0.0.0/8",
        );
        return None;
    }
    Some(range)
}

fn overlap(one: Ipv4Net, other: Ipv4Net) -> bool {
    one.contains(&other) || other.contains(&one)
}

fn pods_size(checker: &mut Checker<'_>, pods: Ipv4Net) {
    let path = "spec.network.pods";
    let prefix = pods.prefix_len();
    if prefix < PODS_LARGEST {
        checker.report(
            path,
            format!("{pods} is too large"),
            format!("use a range from /{PODS_LARGEST} to /{NODE_PREFIX}"),
        );
        return;
    }
    let nodes = checker.cluster.nodes().count();
    let room = NODE_PREFIX.checked_sub(prefix).map_or(0, |bits| 1_usize << bits);
    if checker.is_sound("spec.machines") && room < nodes.max(1) {
        let needed = NODE_PREFIX - nodes.max(1).next_power_of_two().trailing_zeros() as u8;
        checker.report(
            path,
            format!("{pods} has room for {room} nodes, and the cluster has {nodes}"),
            format!("every node gets a /{NODE_PREFIX} of it: use a /{needed} or larger"),
        );
    }
}

fn services_size(checker: &mut Checker<'_>, services: Ipv4Net) {
    let prefix = services.prefix_len();
    let size = if prefix < SERVICES_LARGEST {
        "large"
    } else if prefix > SERVICES_SMALLEST {
        "small"
    } else {
        return;
    };
    checker.report(
        "spec.network.services",
        format!("{services} is too {size}"),
        format!("use a range from /{SERVICES_LARGEST} to /{SERVICES_SMALLEST}"),
    );
}

fn dns(checker: &mut Checker<'_>, services: Ipv4Net) {
    let path = "spec.network.dns";
    if !checker.is_sound(path) {
        return;
    }
    // What was not written cannot be pointed at: the range that leaves the default outside can.
    let place = if checker.places.has(path) { path } else { "spec.network.services" };
    let IpAddr::V4(dns) = checker.cluster.spec.network.dns else {
        checker.report(path, "IPv6 is not supported yet", NOT_YET_V6);
        return;
    };
    let first = services.hosts().next().unwrap_or(services.network());
    // The tenth, as most clusters have it, or the last that a small range has.
    let usual = services.hosts().take(10).last().unwrap_or(first);
    if !services.contains(&dns) {
        checker.report(
            place,
            format!("the DNS address {dns} is outside of the services' range {services}"),
            format!("set `dns` to an address inside of it, such as {usual}"),
        );
    } else if dns == first {
        checker.report(
            place,
            format!("{dns}, the DNS address, is the `kubernetes` Service's, the first of the services' range"),
            format!("set `dns` to another address of {services}, such as {usual}"),
        );
    } else if dns == services.network() || dns == services.broadcast() {
        checker.report(
            place,
            format!("{dns}, the DNS address, is an end of the services' range, which no Service can have"),
            format!("set `dns` to an address between the ends of {services}, such as {usual}"),
        );
    }
}

fn machine_addresses(checker: &mut Checker<'_>, pods: Option<Ipv4Net>, services: Option<Ipv4Net>) {
    let machines = checker.cluster.spec.machines.iter().enumerate();
    let help = "use the address that the machine has on the network that all machines share";
    let mut addresses: Vec<(String, IpAddr, &str)> =
        machines.map(|(index, machine)| (format!("spec.machines[{index}].address"), machine.address, help)).collect();
    let shared = checker.cluster.spec.load_balancer.virtual_address;
    let help = "use a free address of the load balancers' network";
    addresses.extend(shared.map(|address| ("spec.loadBalancer.virtualAddress".to_owned(), address, help)));
    for (path, address, help) in addresses {
        if checker.is_sound(&path) {
            reachable_address(checker, &path, (address, help), [(pods, "pods'"), (services, "services'")]);
        }
    }
}

/// An address that other machines can reach, outside of the cluster's own ranges.
fn reachable_address(
    checker: &mut Checker<'_>,
    path: &str,
    (address, help): (IpAddr, &str),
    ranges: [(Option<Ipv4Net>, &str); 2],
) {
    let IpAddr::V4(address) = address else {
        checker.report(path, "IPv6 is not supported yet", NOT_YET_V6);
        return;
    };
    if let Some((_, what)) = RESERVED.iter().find(|(reserved, _)| reserved.contains(&address)) {
        checker.report(path, format!("{address} is {what}: other machines cannot reach it"), help);
    }
    for (range, whose) in ranges {
        if let Some(range) = range.filter(|range| range.contains(&address)) {
            checker.report(
                path,
                format!("{address} is inside of the {whose} range {range}"),
                format!("give the {whose} range addresses that your network does not use"),
            );
        }
    }
}
