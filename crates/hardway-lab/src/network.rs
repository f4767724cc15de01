//! The lab's bridge, its way out through the host, and its own nftables table.
//!
//! Invariant: no rule, table or chain of others is read for more than a warning, or written.

use std::fs;
use std::net::Ipv4Addr;
use std::path::Path;

use crate::address::{Cidr, Subnet, ranges_in_use};
use crate::command::{run, run_with_input, succeeds};
use crate::error::{FileContext, Result};
use crate::id::LabId;

/// Ethernet's, for a host whose way out cannot be found.
const DEFAULT_MTU: u32 = 1500;

/// Every IPv4 range that the host has an address in or a route to.
pub(crate) fn host_ranges() -> Result<Vec<Cidr>> {
    let mut ranges = ranges_in_use(&run("ip", &["-4", "-oneline", "address", "show"])?);
    ranges.extend(ranges_in_use(&run("ip", &["-4", "-oneline", "route", "show", "table", "all"])?));
    Ok(ranges)
}

/// Makes bridge and table as they must be; what is there already stays.
pub(crate) fn up(id: &LabId, subnet: Subnet) -> Result<()> {
    let bridge = id.bridge();
    if !interface_exists(&bridge) {
        run("ip", &["link", "add", "name", &bridge, "type", "bridge"])?;
    }
    run("ip", &["address", "replace", &format!("{}/24", subnet.gateway()), "dev", &bridge])?;
    run("ip", &["link", "set", &bridge, "up"])?;
    run_with_input("nft", &["-f", "-"], &ruleset(id, subnet)).map(drop)
}

/// Replaces the table as a whole, in one transaction.
fn ruleset(id: &LabId, subnet: Subnet) -> String {
    let (table, bridge) = (id.nft_table(), id.bridge());
    format!(
        r#"table ip {table}
delete table ip {table}
table ip {table} {{
	chain postrouting {{
		type nat hook postrouting priority srcnat
		# What stays on the bridge keeps its address, even where br_netfilter shows it here.
		ip saddr {subnet} oifname != "{bridge}" masquerade
	}}
	chain forward {{
		type filter hook forward priority mangle
		iifname "{bridge}" tcp flags syn tcp option maxseg size set rt mtu
		oifname "{bridge}" tcp flags syn tcp option maxseg size set rt mtu
	}}
}}
"#
    )
}

/// Removes bridge, cables and table, whichever of them are there.
pub(crate) fn down(id: &LabId) -> Result<()> {
    interfaces(id).iter().try_for_each(|interface| unplug(interface))?;
    if table_exists(id) {
        run("nft", &["delete", "table", "ip", &id.nft_table()])?;
    }
    Ok(())
}

/// Removes an interface, if it is there. Of a machine whose cable it is nothing more is heard, not even that its
/// connections end.
pub(crate) fn unplug(interface: &str) -> Result<()> {
    // A cable goes by itself when its machine's network namespace does, perhaps just now.
    if !succeeds("ip", &["link", "delete", interface])? && interface_exists(interface) {
        run("ip", &["link", "delete", interface])?;
    }
    Ok(())
}

/// Interfaces on the host that bear the lab's id.
pub(crate) fn interfaces(id: &LabId) -> Vec<String> {
    let Ok(entries) = fs::read_dir("/sys/class/net") else {
        return Vec::new();
    };
    entries
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|name| *name == id.bridge() || name.starts_with(&id.veth_prefix()))
        .collect()
}

/// Whether the lab's nftables table is there; a host without nft has none.
pub(crate) fn table_exists(id: &LabId) -> bool {
    succeeds("nft", &["list", "table", "ip", &id.nft_table()]).unwrap_or(false)
}

fn interface_exists(name: &str) -> bool {
    Path::new("/sys/class/net").join(name).exists()
}

/// The largest packet that leaves the host whole, in bytes.
pub(crate) fn uplink_mtu() -> u32 {
    run("ip", &["-4", "-oneline", "route", "show", "default"])
        .ok()
        .and_then(|route| {
            let mut words = route.split_whitespace();
            words.find(|word| *word == "dev")?;
            let mtu = Path::new("/sys/class/net").join(words.next()?).join("mtu");
            fs::read_to_string(mtu).ok()?.trim().parse().ok()
        })
        .unwrap_or(DEFAULT_MTU)
}

/// Whether another program's firewall drops what it does not know, the lab's packets among it.
pub(crate) fn foreign_drop_policy() -> bool {
    run("nft", &["list", "chain", "ip", "filter", "FORWARD"]).is_ok_and(|chain| chain.contains("policy drop"))
}

/// A resolv.conf for machines: the host's, without name servers that only the host itself reaches.
/// The second value says whether any name server is left.
pub(crate) fn resolv_conf() -> Result<(String, bool)> {
    const STUB: &str = "/etc/resolv.conf";
    // systemd-resolved keeps the real servers here and offers a loopback stub there.
    const UPSTREAM: &str = "/run/systemd/resolve/resolv.conf";
    let stub = reachable_servers(&fs::read_to_string(STUB).at("read", STUB)?);
    if stub.1 {
        return Ok(stub);
    }
    Ok(fs::read_to_string(UPSTREAM).map(|text| reachable_servers(&text)).unwrap_or(stub))
}

fn reachable_servers(text: &str) -> (String, bool) {
    let mut any = false;
    let mut result = String::new();
    for line in text.lines().filter(|line| !line.starts_with(['#', ';'])) {
        let mut words = line.split_whitespace();
        if words.next() == Some("nameserver") {
            let reachable = words
                .next()
                .and_then(|address| address.parse::<Ipv4Addr>().ok())
                .is_some_and(|address| !address.is_loopback());
            if !reachable {
                continue;
            }
            any = true;
        }
        result.push_str(line);
        result.push('\n');
    }
    (result, any)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ruleset_is_as_expected() {
        let id = LabId::of(Path::new("/a"));
        let text = ruleset(&id, Subnet::choose(1, &[]).unwrap()).replace(&id.to_string(), "ID");
        assert_eq!(text, include_str!("../tests/golden/ruleset.nft"));
    }

    #[test]
    fn name_servers_on_the_hosts_loopback_are_left_out() {
        let (text, any) = reachable_servers("# stub\nnameserver 127.0.0.53\nnameserver ::1\noptions edns0\n");
        assert_eq!(text, "options edns0\n");
        assert!(!any);
        let (text, any) = reachable_servers("nameserver 192.0.2.53\nsearch example.test\n");
        assert_eq!(text, "nameserver 192.0.2.53\nsearch example.test\n");
        assert!(any);
    }
}
