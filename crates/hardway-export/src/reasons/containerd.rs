//! Why containerd runs as it does.

use super::{Table, Topic};

pub(super) const TABLES: &[Table] = &[
    Table {
        topic: Topic::Groups,
        rows: &[
            ("copy-containerd", "containerd, its shim, its command and runc."),
            (
                "containerd",
                "Runs containers for the kubelet: it unpacks images, sets up sandboxes and has runc start the processes.",
            ),
            (
                "image-pause",
                "The sandbox of every pod: a process that holds the pod's namespaces and does nothing else.",
            ),
            ("image-calico-node", "Calico's agent, which every node needs to become Ready."),
            (
                "image-calico-kube-controllers",
                "Calico's controllers. Until they have run once, Calico drops all traffic of new pods, so they come before DNS.",
            ),
            ("image-coredns", "Cluster DNS."),
            ("image-metrics-server", "metrics-server."),
            ("image-dnsutils", "A shell with nslookup, to try the cluster with."),
        ],
    },
    Table {
        topic: Topic::Binaries,
        rows: &[
            ("containerd", "The container runtime."),
            (
                "containerd-shim-runc-v2",
                "Stands between containerd and each pod, so that pods outlive a restart of containerd.",
            ),
            ("ctr", "Imports images."),
            ("runc", "Starts the processes of containers."),
        ],
    },
    Table {
        topic: Topic::Images,
        rows: &[
            ("pause", "The sandbox container of every pod."),
            ("calico-node", "Calico's agent on every node."),
            ("calico-kube-controllers", "Calico's controllers."),
            ("coredns", "Cluster DNS."),
            ("metrics-server", "What nodes and pods use."),
            ("dnsutils", "To try the cluster with."),
        ],
    },
    Table {
        topic: Topic::Paths,
        rows: &[
            ("/etc/containerd", "containerd's configuration."),
            ("/etc/containerd/config.toml", "Where plugins are, which runtime runs containers, which images stay."),
            ("/etc/systemd/system/containerd.service", "containerd as a service, as upstream ships it."),
        ],
    },
    Table {
        topic: Topic::Keywords("/etc/containerd/config.toml"),
        rows: &[
            ("BinaryName", "Where runc is."),
            (
                "SystemdCgroup",
                "Whether systemd or runc makes containers' cgroups; the kubelet's `cgroupDriver` must say the same.",
            ),
            ("bin_dirs", "Where CNI plugins are."),
            ("calico-kube-controllers", "Kept, whatever else the kubelet clears away."),
            ("calico-node", "Kept, whatever else the kubelet clears away."),
            ("conf_dir", "Where the pod network's configuration is."),
            ("coredns", "Kept, whatever else the kubelet clears away."),
            ("default_runtime_name", "runc, unless a pod asks for another."),
            ("dnsutils", "Kept, whatever else the kubelet clears away."),
            ("metrics-server", "Kept, whatever else the kubelet clears away."),
            (
                "restrict_oom_score_adj",
                "Whether containers' scores are limited to what the machine lets containerd set.",
            ),
            ("runtime_type", "runc, through its shim."),
            (
                "sandbox",
                "The sandbox's image, which no registry has: it is kept, whatever else the kubelet clears away.",
            ),
            ("version", "The form of this file."),
        ],
    },
];
