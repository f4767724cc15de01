//! No way out: what leaves operator or machines for anywhere else is dropped and counted.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::process::Command;

use crate::support::host;

/// Tells the operator's packets from those of everybody else on this host.
const OPERATOR_GROUP: &str = "47110";

/// A table of rules that goes with this.
pub(super) struct Egress {
    table: String,
}

impl Egress {
    /// Blocks the way out of the lab that has a machine at `address`, and of whoever runs as
    /// [`operator`](Self::operator).
    ///
    /// Packets between the cluster's own ranges that the host sees are not on their way out. Questions to the machines'
    /// own resolver are dropped and not counted: CoreDNS asks it whether it asks itself (its plugin `loop`) and whether it
    /// is there (`forward`), and a machine's system what an address is called.
    pub(super) fn blocked(address: &str) -> Self {
        let table = format!("hardway_test_{}", std::process::id());
        let route: serde_json::Value =
            serde_json::from_str(&host("ip", &["-j", "route", "get", address])).expect("ip prints JSON");
        let bridge = route[0]["dev"].as_str().expect("the lab has a bridge").to_owned();
        let lab = format!("{}.0/24", address.rsplit_once('.').expect("an IPv4 address").0);
        let egress = Self { table };
        let own = format!("{{ {lab}, 10.200.0.0/16, 10.32.0.0/24, 127.0.0.0/8 }}");
        let rules = format!(
            "table inet {table} {{
                counter operator {{ }}
                counter machines {{ }}
                set strays {{ type ipv4_addr . ipv4_addr . inet_proto; flags dynamic; }}
                chain output {{
                    type filter hook output priority -300
                    meta skgid {OPERATOR_GROUP} ip daddr != {own} counter name operator drop
                    meta skgid {OPERATOR_GROUP} meta nfproto ipv6 ip6 daddr != ::1 counter name operator drop
                }}
                chain forward {{
                    type filter hook forward priority -300
                    iifname {bridge} udp dport 53 drop
                    iifname {bridge} ip daddr != {own} counter name machines add @strays {{ ip saddr . ip daddr . ip protocol }} drop
                }}
                chain input {{
                    type filter hook input priority -300
                    iifname {bridge} ct state established,related accept
                    iifname {bridge} udp dport 53 drop
                    iifname {bridge} ip daddr != {own} counter name machines add @strays {{ ip saddr . ip daddr . ip protocol }} drop
                    iifname {bridge} meta l4proto {{ tcp, udp }} counter name machines add @strays {{ ip saddr . ip daddr . ip protocol }} drop
                }}
            }}",
            table = egress.table
        );
        let loaded = Command::new("nft").arg(rules).status().expect("nft is there");
        assert!(loaded.success());
        egress
    }

    /// The command as somebody whose packets are counted.
    pub(super) fn operator(&self, command: &Command) -> Command {
        let mut as_operator = Command::new("setpriv");
        as_operator.args(["--regid", OPERATOR_GROUP, "--keep-groups"]).arg(command.get_program());
        as_operator.args(command.get_args().map(OsStr::to_owned));
        as_operator
    }

    /// From where to where packets were on their way out of the machines.
    pub(super) fn strays(&self) -> String {
        host("nft", &["list", "set", "inet", &self.table, "strays"])
    }

    /// How many packets were on their way out, by whose they were.
    pub(super) fn packets(&self) -> BTreeMap<String, u64> {
        let text = host("nft", &["-j", "list", "counters", "table", "inet", &self.table]);
        let listed: serde_json::Value = serde_json::from_str(&text).expect("nft prints JSON");
        let counters = listed["nftables"].as_array().expect("a list").iter().filter_map(|entry| entry.get("counter"));
        counters
            .map(|counter| {
                let name = counter["name"].as_str().expect("counters have names").to_owned();
                (name, counter["packets"].as_u64().expect("counters count"))
            })
            .collect()
    }
}

impl Drop for Egress {
    fn drop(&mut self) {
        let _ = Command::new("nft").args(["delete", "table", "inet", &self.table]).status();
    }
}
