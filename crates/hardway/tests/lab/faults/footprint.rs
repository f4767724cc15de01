//! What is on a machine: all of it, to see that nothing of ours is left; and ours, to see that it is whole.

use super::MACHINES;
use crate::support::{LabWorkspace, host};

/// Everything on each machine that a cluster could leave: files, users, units, processes, mounts, swap, interfaces,
/// routes, packet filter rules. What Debian's own tools write as they go is left out.
pub(crate) fn footprint(lab: &LabWorkspace) -> Vec<String> {
    let script = "
        find / /var/lib/containerd -xdev \\( -path /proc -o -path /sys -o -path /dev -o -path /run -o -path /tmp \
            -o -path /var/tmp -o -path /var/log -o -path /var/cache -o -path /var/lib/apt -o -path /var/lib/dpkg \
            -o -path /var/lib/systemd -o -path /root/.ssh \\) -prune -o -printf 'file %p\\n' 2>/dev/null
        ls -d /run/hardway* /run/containerd /run/calico /run/haproxy* /run/nginx* /run/netns/* 2>/dev/null
        getent passwd | cut -d : -f 1 | sed 's/^/user /'
        getent group | cut -d : -f 1 | sed 's/^/group /'
        systemctl list-unit-files --no-legend | awk '{ print \"unit file\", $1, $2 }'
        systemctl list-units --no-legend --plain --state failed | awk '{ print \"failed unit\", $1 }'
        ps -eo comm= | grep -vE '^(ps|sh|bash|sshd|sort|sed|awk|grep|systemd.*|\\(sd-pam\\)|find|cut|getent|dbus-daemon)$' | \
            sort -u | sed 's/^/process /'
        awk '{ print \"mount\", $2 }' /proc/mounts | grep -vE ' /run/(user|credentials)'
        tail -n +2 /proc/swaps
        sed 's/^/hosts /' /etc/hosts
        true";
    MACHINES
        .iter()
        .map(|machine| {
            let mut lines: Vec<String> = lab.ssh(machine, script).lines().map(ToOwned::to_owned).collect();
            lines.sort();
            lines.dedup();
            lines.join("\n") + "\n" + &network(&lab.address(machine))
        })
        .collect()
}

/// As the host sees it: the machine may have no tool for it any more.
fn network(address: &str) -> String {
    let namespace = std::fs::read_dir("/proc")
        .expect("there is a /proc")
        .filter_map(|entry| {
            let path = entry.ok()?.path().join("ns/net");
            Some((std::fs::read_link(&path).ok()?, path))
        })
        .collect::<std::collections::BTreeMap<_, _>>()
        .into_values()
        .find(|path| inside(path, &["ip", "-o", "-4", "address"]).contains(&format!(" {address}/")))
        .expect("a network namespace has the machine's address");
    let rules = |family: &str| inside(&namespace, &["ip", family, "route", "show", "table", "all"]);
    let links = inside(&namespace, &["ip", "-br", "link"]);
    // Behind the @ is the other end's number on the host, which is another after each start of the machine.
    let links = links.lines().filter_map(|line| line.split([' ', '@']).next()).map(|name| format!("link {name}"));
    [links.collect::<Vec<_>>().join("\n"), rules("-4"), inside(&namespace, &["nft", "list", "ruleset"])].join("\n")
}

fn inside(namespace: &std::path::Path, command: &[&str]) -> String {
    let argument = format!("--net={}", namespace.display());
    host("nsenter", &[&[argument.as_str()], command].concat())
}

/// All that hardway owns on each machine, by its inventory: paths, digests, modes, owners, states.
pub(crate) fn whole(lab: &LabWorkspace) -> Vec<String> {
    MACHINES
        .iter()
        .map(|machine| {
            let text = lab.ssh(machine, "cat /var/lib/hardway/inventory.json");
            let inventory: serde_json::Value = serde_json::from_str(&text).expect("an inventory is JSON");
            let entries = inventory["entries"].as_array().expect("a list");
            let named = |kind: &str, field: &str| -> String {
                let of_kind = entries.iter().filter(|entry| entry["kind"] == kind);
                of_kind.filter_map(|entry| entry[field].as_str()).collect::<Vec<_>>().join(" ")
            };
            let keys: Vec<String> = entries.iter().map(|entry| format!("{} {}", entry["kind"], name(entry))).collect();
            let script = format!(
                "stat -c '%n %F %a %U:%G' {files} {folders}; sha256sum {files} {links} {binaries}; \
                 for l in {links} {binaries}; do echo $l $(readlink $l); done; \
                 for u in {units}; do echo $u $(systemctl is-enabled $u) $(systemctl is-active $u); done; \
                 find / -xdev \\( -name '.*.hardway' -o -name '.*.part' -o -path '/run/hardway*' \\) -print",
                files = named("file", "path"),
                folders = named("directory", "path"),
                links = named("link", "path"),
                binaries = named("binary", "link"),
                units = named("unit", "name"),
            );
            let mut lines: Vec<String> = keys;
            lines.extend(lab.ssh(machine, &script).lines().map(ToOwned::to_owned));
            lines.sort();
            lines.join("\n")
        })
        .collect()
}

fn name(entry: &serde_json::Value) -> &str {
    ["path", "name", "link", "reference", "key"].iter().find_map(|field| entry[field].as_str()).unwrap_or_default()
}
