//! What a machine is: its operating system, its size, its clock, its sockets.

use std::net::{IpAddr, Ipv4Addr};
use std::time::{SystemTime, UNIX_EPOCH};

use hardway_design::{CgroupVersion, MachineFacts, OperatingSystem};
use ipnet::{IpNet, Ipv4Net};

use super::listening::Listening;
use crate::{Fault, Machine, MachineError};

pub(crate) const FACTS_SCRIPT: &str = include_str!("facts.sh");

/// The capability that lowering oom_score_adj needs (capabilities(7), `CAP_SYS_RESOURCE`).
const CAP_SYS_RESOURCE: u32 = 24;

/// The cgroup controllers that the kubelet sets limits in.
const CONTROLLERS: [&str; 3] = ["cpu", "memory", "pids"];

/// Reads a machine's facts. The clock's offset is right to half a round trip.
///
/// # Errors
/// Where the machine is not reached, or answers with something that is not understood.
pub async fn machine_facts(machine: &dyn Machine) -> Result<MachineFacts, MachineError> {
    let fault = |fault| MachineError { machine: machine.name().clone(), fault };
    let before = now_ms();
    let output = machine.exec(FACTS_SCRIPT, b"").await?;
    let after = now_ms();
    let answer = parse(&String::from_utf8_lossy(&output.stdout)).map_err(fault)?;
    if answer.missing() {
        return Err(fault(Fault::ProbeFailed { code: output.code, output: crate::lines::of(&output.stderr) }));
    }
    let mut facts = answer.facts;
    facts.clock_offset_ms = answer.clock_ms - i64::midpoint(before, after);
    Ok(facts)
}

fn now_ms() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.as_millis()).unwrap_or(i64::MAX)
}

struct Answer {
    facts: MachineFacts,
    clock_ms: i64,
}

impl Answer {
    /// Whether the script broke off: these come from any Linux.
    fn missing(&self) -> bool {
        self.facts.hostname.is_empty() || self.facts.resolv_conf.is_empty() || self.clock_ms == 0
    }
}

fn parse(text: &str) -> Result<Answer, Fault> {
    let mut facts = MachineFacts {
        hostname: String::new(),
        os: OperatingSystem { id: String::new(), version: String::new(), pretty_name: String::new() },
        architecture: String::new(),
        kernel: String::new(),
        cgroup: CgroupVersion::V1,
        systemd_cgroups: false,
        cpus: 0,
        memory: 0,
        disk_total: 0,
        disk_free: u64::MAX,
        clock_offset_ms: 0,
        root: false,
        can_lower_oom_score: false,
        listening: std::collections::BTreeMap::new(),
        resolv_conf: String::new(),
        networks: Vec::new(),
        pods: None,
        pod_routes: Vec::new(),
    };
    let mut clock_ms = 0;
    let mut controllers = Vec::new();
    let mut listening = Listening::default();
    for line in text.lines() {
        let Some((key, value)) = line.split_once(' ') else { continue };
        let unreadable = || Fault::ProbeUnreadable { line: line.to_owned() };
        match key {
            "clock" => clock_ms = value.parse::<i64>().map_err(|_| unreadable())? / 1_000_000,
            "hostname" => facts.hostname = value.to_owned(),
            "architecture" => facts.architecture = value.to_owned(),
            "kernel" => facts.kernel = value.to_owned(),
            "os_id" => facts.os.id = value.to_owned(),
            "os_version" => facts.os.version = value.to_owned(),
            "os_name" => facts.os.pretty_name = value.to_owned(),
            "cgroup" if value == "cgroup2fs" => facts.cgroup = CgroupVersion::V2,
            "controllers" => controllers = value.split_ascii_whitespace().collect(),
            "cpus" => facts.cpus = value.parse().map_err(|_| unreadable())?,
            "memory_kib" => facts.memory = value.parse::<u64>().map_err(|_| unreadable())? * 1024,
            "disk_kib" => {
                if let Some((total, free)) = disk(value)
                    && free < facts.disk_free
                {
                    (facts.disk_total, facts.disk_free) = (total, free);
                }
            }
            "user" => facts.root = value == "0",
            "capabilities" => {
                let set = u64::from_str_radix(value, 16).map_err(|_| unreadable())?;
                facts.can_lower_oom_score = set >> CAP_SYS_RESOURCE & 1 == 1;
            }
            "resolv_conf" => facts.resolv_conf = value.to_owned(),
            "route" => facts.networks.extend(network(value)),
            "pods" => facts.pods = value.parse().ok(),
            "pod_route" => facts.pod_routes.extend(pod_route(value)),
            "ss" => listening.add_ss(value),
            "socket" => listening.add_socket(value),
            "holder" => listening.add_holder(value),
            "process" => listening.add_process(value),
            _ => {}
        }
    }
    // With version 1, systemd owns its own hierarchy but not surely the controllers: cgroupfs is right everywhere.
    facts.systemd_cgroups =
        facts.cgroup == CgroupVersion::V2 && CONTROLLERS.iter().all(|name| controllers.contains(name));
    facts.listening = listening.ports();
    Ok(Answer { facts, clock_ms })
}

/// `10.200.1.0/24 192.0.2.12`
fn pod_route(value: &str) -> Option<(IpNet, IpAddr)> {
    let (range, machine) = value.split_once(' ')?;
    Some((range.parse().ok()?, machine.parse().ok()?))
}

/// Total and free bytes of `TOTAL FREE` in KiB; None for df's heading, which also stands there.
fn disk(value: &str) -> Option<(u64, u64)> {
    let (total, free) = value.split_once(' ')?;
    Some((total.parse::<u64>().ok()? * 1024, free.parse::<u64>().ok()? * 1024))
}

/// A network that is reached without a gateway, of a line of /proc/net/route: `host0 001EAC0A 00000000 0001 0 0 0 00FFFFFF`.
/// Numbers are hexadecimal, in the byte order of the machine, which is little-endian on all that are supported.
fn network(line: &str) -> Option<(String, IpNet)> {
    let fields: Vec<&str> = line.split_ascii_whitespace().collect();
    let [interface, destination, gateway, _, _, _, _, mask, ..] = fields[..] else { return None };
    let address = |hex: &str| u32::from_str_radix(hex, 16).ok().map(|number| Ipv4Addr::from(number.to_le_bytes()));
    let (destination, gateway, mask) = (address(destination)?, address(gateway)?, address(mask)?);
    let direct = gateway.is_unspecified() && !mask.is_unspecified();
    let network = Ipv4Net::with_netmask(destination, mask).ok().filter(|_| direct)?;
    Some((interface.to_owned(), network.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEBIAN_V2: &str = "clock 1795454956188599210\nhostname cp1\narchitecture x86_64\nkernel 6.12.1\nos_id debian\n\
        os_version 13\nos_name Debian GNU/Linux 13 (trixie)\ncgroup cgroup2fs\n\
        controllers cpuset cpu io memory hugetlb pids\ncpus 2\nmemory_kib 1024\ndisk_kib 1024-blocks Available\n\
        disk_kib 90 20\ndisk_kib 1024-blocks Available\ndisk_kib 50 10\nuser 0\ncapabilities 000001ffffffffff\nresolv_conf /etc/resolv.conf\n\
        ss LISTEN 0      128          0.0.0.0:22        0.0.0.0:*    users:((\"sshd\",pid=1,fd=3))\n";

    #[test]
    fn the_facts_script_is_plain_posix_sh() {
        crate::remote::check(FACTS_SCRIPT);
    }

    #[test]
    fn an_answer_is_read() {
        let answer = parse(DEBIAN_V2).unwrap();
        let facts = &answer.facts;
        assert!(!answer.missing());
        assert_eq!(answer.clock_ms, 1_795_454_956_188);
        assert_eq!((facts.hostname.as_str(), facts.os.version.as_str()), ("cp1", "13"));
        assert_eq!((facts.memory, facts.cpus), (1024 * 1024, 2));
        assert_eq!((facts.disk_total, facts.disk_free), (50 * 1024, 10 * 1024));
        assert!(facts.root && facts.systemd_cgroups && facts.can_lower_oom_score);
        assert_eq!(facts.listening[&22], "sshd");
    }

    #[test]
    fn the_interface_of_an_address_is_its_own_networks() {
        let routes = "route Iface Destination Gateway Flags RefCnt Use Metric Mask MTU Window IRTT\n\
            route eth0 00000000 0101A8C0 0003 0 0 0 00000000 0 0 0\n\
            route eth0 0000A8C0 00000000 0001 0 0 0 0000FFFF 0 0 0\n\
            route eth1 0001A8C0 00000000 0001 0 0 0 00FFFFFF 0 0 0\n";
        let facts = parse(routes).unwrap().facts;
        let interface = |address: &str| facts.interface_of(address.parse().unwrap()).map(str::to_owned);
        assert_eq!(interface("192.168.1.9").as_deref(), Some("eth1"));
        assert_eq!(interface("192.168.2.9").as_deref(), Some("eth0"));
        assert_eq!(interface("10.0.0.1"), None, "beyond the gateway");
    }

    #[test]
    fn systemd_owns_cgroups_only_where_it_has_every_controller() {
        let without = |from: &str, to: &str| parse(&DEBIAN_V2.replace(from, to)).unwrap().facts.systemd_cgroups;
        assert!(!without("cgroup2fs", "tmpfs"));
        assert!(!without(" memory", ""));
    }

    #[test]
    fn a_bounding_set_without_cap_sys_resource_cannot_lower_oom_scores() {
        let answer = parse(&DEBIAN_V2.replace("000001ffffffffff", "000001fffeffffff")).unwrap();
        assert!(!answer.facts.can_lower_oom_score);
    }

    #[test]
    fn an_answer_that_broke_off_is_not_taken_for_facts() {
        assert!(parse("clock 1795454956188599210\nhostname cp1\n").unwrap().missing());
        assert!(parse("").unwrap().missing());
        assert!(matches!(parse("cpus many\n"), Err(Fault::ProbeUnreadable { .. })));
    }
}
