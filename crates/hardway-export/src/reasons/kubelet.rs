//! Why the kubelet runs as it does.

use super::{Table, Topic};

pub(super) const TABLES: &[Table] = &[
    Table {
        topic: Topic::Groups,
        rows: &[
            ("copy-kubelet", "The kubelet."),
            (
                "kubelet",
                "The node's agent: it registers the node, runs the pods that are given to it and reports how they are. It is started when the API answers, since one that finds no API waits longer and longer before it asks again.",
            ),
        ],
    },
    Table { topic: Topic::Binaries, rows: &[("kubelet", "The node's agent.")] },
    Table {
        topic: Topic::Paths,
        rows: &[
            ("/etc/systemd/system/kubelet.service", "The kubelet as a service."),
            ("/var/lib/kubelet", "What the kubelet keeps."),
            ("/var/lib/kubelet/kubeconfig", "Its way to the API, as `system:node:NAME`."),
            ("/var/lib/kubelet/kubelet-config.yaml", "Its configuration."),
            ("/var/lib/kubelet/kubelet-config.d", "What goes over its configuration."),
            (
                "/var/lib/kubelet/kubelet-config.d/registration.conf",
                "What its node registers with; a change of it alone needs no restart, since the node has registered.",
            ),
            ("/var/lib/kubelet/pki", "Its certificate and key."),
            ("/var/lib/kubelet/pki/kubelet.pem", "How it shows itself to the API server and to metrics-server."),
            ("/var/lib/kubelet/pki/kubelet-key.pem", "Its key."),
        ],
    },
    Table {
        topic: Topic::Flags("kubelet"),
        rows: &[
            ("--config", "Where its configuration is."),
            ("--config-dir", "What goes over its configuration: the taints that its node registers with."),
            (
                "--hostname-override",
                "The node's name is the machine's name in the spec, whatever the machine calls itself.",
            ),
            ("--kubeconfig", "Where the API is and who it is itself."),
            ("--node-ip", "The node's address, where the machine has more than one."),
        ],
    },
    Table {
        topic: Topic::Fields("KubeletConfiguration"),
        rows: &[
            (
                "authentication.anonymous.enabled",
                "Off: nobody reads logs or runs commands without saying who they are.",
            ),
            ("authentication.webhook.enabled", "Tokens are taken, and the API is asked whose they are."),
            ("authentication.x509.clientCAFile", "The authority that callers' certificates are checked against."),
            ("authorization.mode", "`Webhook`: the API is asked whether a caller may do what it asks."),
            (
                "cgroupDriver",
                "As containerd: systemd where it owns the controllers, the kubelet itself where it does not.",
            ),
            ("clusterDNS", "The address that pods ask for names."),
            ("clusterDomain", "The domain that pods search."),
            ("containerRuntimeEndpoint", "Where containerd listens."),
            ("enableDebugFlagsHandler", "Off: flags are not changed by request."),
            ("enableProfilingHandler", "Off: profiles tell too much."),
            (
                "eventRecordQPS",
                "Events are limited to 50 a second, which no incident exceeds for long; 0 would let one node flood the API.",
            ),
            (
                "failCgroupV1",
                "Whether it refuses to run on the old cgroup hierarchy: not where the machine has no other.",
            ),
            ("failSwapOn", "Swap that came back by mistake is noticed at the start."),
            ("healthzBindAddress", "Its health on loopback alone."),
            (
                "makeIPTablesUtilChains",
                "It makes its chains, which also tell other programs that Kubernetes runs here.",
            ),
            (
                "protectKernelDefaults",
                "Kernel settings that are not as it needs them are an error; it changes none by itself.",
            ),
            ("readOnlyPort", "0: there is no port without authentication."),
            (
                "registerWithTaints",
                "A control plane says from its first moment that ordinary pods belong elsewhere, as does any node with taints in `cluster.yaml`.",
            ),
            ("resolvConf", "Name servers outside the cluster, as the machine really uses them."),
            ("seccompDefault", "Containers get the runtime's filter for system calls unless they ask for another."),
            ("streamingConnectionIdleTimeout", "An exec session that nobody uses is closed."),
            ("tlsCertFile", "The certificate that callers see, of the cluster's authority, so that they can check it."),
            ("tlsCipherSuites", "Only suites with forward secrecy and authenticated encryption."),
            ("tlsMinVersion", "Nothing older than TLS 1.2."),
            ("tlsPrivateKeyFile", "The key of that certificate."),
        ],
    },
];
