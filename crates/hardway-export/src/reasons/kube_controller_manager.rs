//! Why kube-controller-manager runs as it does.

use super::{Table, Topic};

pub(super) const TABLES: &[Table] = &[
    Table {
        topic: Topic::Groups,
        rows: &[
            ("copy-kube-controller-manager", "The program; it is needed once the API answers."),
            (
                "kube-controller-manager",
                "The controllers: each watches the API and brings what is closer to what should be. One of them leads, the others wait.",
            ),
        ],
    },
    Table { topic: Topic::Binaries, rows: &[("kube-controller-manager", "The controllers.")] },
    Table {
        topic: Topic::Paths,
        rows: &[
            ("/etc/kubernetes/kube-controller-manager.kubeconfig", "Its way to the API server beside it."),
            (
                "/etc/kubernetes/pki/ca-key.pem",
                "The cluster authority's key, with which it signs certificate requests that were approved. No other component needs it.",
            ),
            (
                "/etc/kubernetes/pki/kube-controller-manager.pem",
                "How it shows itself where its health and metrics are.",
            ),
            ("/etc/kubernetes/pki/kube-controller-manager-key.pem", "Its key."),
            ("/etc/systemd/system/kube-controller-manager.service", "kube-controller-manager as a service."),
        ],
    },
    Table {
        topic: Topic::Flags("kube-controller-manager"),
        rows: &[
            ("--allocate-node-cidrs", "Off: the pod network gives nodes their ranges."),
            ("--authentication-kubeconfig", "It asks the API who calls its own endpoint."),
            ("--authorization-kubeconfig", "It asks the API what they may do there."),
            ("--bind-address", "Health and metrics on loopback alone."),
            ("--client-ca-file", "The authority that callers of its endpoint are checked against."),
            ("--cluster-name", "The cluster's name."),
            ("--cluster-signing-cert-file", "The authority in whose name it signs certificate requests."),
            ("--cluster-signing-key-file", "The key of that authority."),
            ("--kubeconfig", "Where the API is and who it is itself."),
            ("--kube-api-burst", "Some thirty controllers begin at once."),
            ("--kube-api-qps", "With 20 a second, they wait for each other when they begin."),
            ("--leader-elect", "One leads at a time; another takes over when it is gone."),
            ("--profiling", "Off: profiles tell too much."),
            ("--root-ca-file", "The authority that every pod is given, so that it knows the API."),
            ("--service-account-private-key-file", "Signs the tokens of service accounts that are kept in secrets."),
            ("--tls-cert-file", "The certificate that callers of its endpoint see."),
            ("--tls-cipher-suites", "Only suites with forward secrecy and authenticated encryption."),
            ("--tls-min-version", "Nothing older than TLS 1.2."),
            ("--tls-private-key-file", "The key of that certificate."),
            (
                "--use-service-account-credentials",
                "Each controller acts under an account of its own, with its own few rights.",
            ),
        ],
    },
];
