//! Why the operating system is prepared as it is.

use super::{Table, Topic};

pub(super) const TABLES: &[Table] = &[
    Table {
        topic: Topic::Groups,
        rows: &[
            (
                "bridge-filter",
                "Packets between pods of one node cross a bridge, and must pass the packet filter there. It waits for the packages, since modprobe may have to be installed first.",
            ),
            ("base", "What all the rest of the machine rests on: names, and the folders that components share."),
            ("packages", "What the distribution itself brings. Nothing here is of another version than its own."),
            ("kernel", "A node routes packets between pods and counts on settings that a plain server leaves off."),
        ],
    },
    Table {
        topic: Topic::Packages,
        rows: &[
            ("conntrack", "kube-proxy forgets old connections with it when the pods behind a Service change."),
            ("curl", "Readiness and health are asked for over HTTP."),
            ("haproxy", "The way to the API servers: for clients on load balancers, and for each node on itself."),
            ("iproute2", "`ip`, which sets pods' interfaces and routes."),
            ("iptables", "kube-proxy and the portmap plugin write their rules with it in iptables mode."),
            ("keepalived", "Load balancers share an address by it."),
            ("kmod", "`modprobe`, which a minimal system may lack."),
            ("libseccomp2", "runc's filter for system calls."),
            ("nftables", "`nft`, with which kube-proxy and the portmap plugin write their rules in nftables mode."),
            ("nginx", "The proxy for health requests without TLS."),
        ],
    },
    Table {
        topic: Topic::Modules,
        rows: &[(
            "br_netfilter",
            "Traffic that crosses a bridge passes the packet filter too, or Services would not work between pods of one node.",
        )],
    },
    Table {
        topic: Topic::Sysctls,
        rows: &[
            (
                "fs.inotify.max_user_instances",
                "Each container watches files, and all of them are root's in the kernel's count.",
            ),
            (
                "fs.inotify.max_user_watches",
                "As for instances: the kubelet, the shims and the pods share one user's allowance.",
            ),
            ("kernel.keys.root_maxbytes", "The kubelet demands it: each container takes room in root's key rings."),
            ("kernel.keys.root_maxkeys", "The kubelet demands it: each container has a key ring of its own."),
            (
                "kernel.panic",
                "The kubelet demands it: a crashed kernel restarts after 10 s and its pods go elsewhere meanwhile.",
            ),
            (
                "kernel.panic_on_oops",
                "The kubelet demands it: a kernel with a fault inside must not go on as if nothing were.",
            ),
            ("net.bridge.bridge-nf-call-ip6tables", "As for IPv4."),
            (
                "net.bridge.bridge-nf-call-iptables",
                "Bridged traffic passes the packet filter, where the rules for Services are.",
            ),
            ("net.ipv4.ip_forward", "The machine hands on packets that are for its pods."),
            (
                "vm.overcommit_memory",
                "The kubelet demands it: limits are set per container, not by refusing allocations beforehand.",
            ),
            ("vm.panic_on_oom", "The kubelet demands it: a container without memory is killed, the machine lives."),
        ],
    },
    Table {
        topic: Topic::Paths,
        rows: &[
            ("/etc/kubernetes", "Configuration of Kubernetes' components."),
            ("/etc/kubernetes/pki", "Certificates and keys, for root alone."),
            ("/etc/kubernetes/pki/ca.pem", "The cluster's authority, by which components know each other."),
            ("/etc/modules-load.d/kubernetes.conf", "The same modules at every boot (modules-load.d(5))."),
            (
                "/etc/sysctl.d/99-kubernetes-bridge.conf",
                "As the other, but for settings that are there only once the module is.",
            ),
            (
                "/etc/sysctl.d/99-kubernetes.conf",
                "The same settings at every boot (sysctl.d(5)); 99 has the last word.",
            ),
            (
                "/etc/systemd/system/haproxy.service",
                "Masked: a node runs HAProxy as a service of another name, and the package would start its own.",
            ),
            (
                "/etc/systemd/system/swap.target",
                "Masked: no swap device is used after a boot either, wherever it is configured. /etc/fstab stays as it is.",
            ),
        ],
    },
];
