//! Why kube-proxy runs as it does.

use super::{Table, Topic};

pub(super) const TABLES: &[Table] = &[
    Table {
        topic: Topic::Groups,
        rows: &[
            ("copy-kube-proxy", "kube-proxy."),
            (
                "kube-proxy",
                "Makes Services' addresses work on the node: it watches Services and their endpoints and writes rules that send packets to one of the pods behind them.",
            ),
        ],
    },
    Table { topic: Topic::Binaries, rows: &[("kube-proxy", "The rules for Services.")] },
    Table {
        topic: Topic::Paths,
        rows: &[
            ("/etc/systemd/system/kube-proxy.service", "kube-proxy as a service."),
            ("/var/lib/kube-proxy", "Its configuration."),
            ("/var/lib/kube-proxy/kube-proxy-config.yaml", "Its configuration."),
            ("/var/lib/kube-proxy/kubeconfig", "Its way to the API."),
        ],
    },
    Table { topic: Topic::Flags("kube-proxy"), rows: &[("--config", "Where its configuration is.")] },
    Table {
        topic: Topic::Fields("KubeProxyConfiguration"),
        rows: &[
            ("clientConnection.kubeconfig", "Where the API is and who it is itself."),
            ("clusterCIDR", "What is not from here comes from outside the cluster."),
            (
                "conntrack.maxPerCore",
                "0: the kernel's own limit stays, which grows with memory and can not be changed everywhere.",
            ),
            ("detectLocalMode", "Pods' own traffic is known by their range."),
            ("healthzBindAddress", "Its health on loopback alone."),
            ("hostnameOverride", "The node that it is on."),
            ("metricsBindAddress", "Its metrics on loopback alone."),
            ("mode", "How rules are written."),
        ],
    },
];
