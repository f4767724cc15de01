//! Why kube-scheduler runs as it does.

use super::{Table, Topic};

pub(super) const TABLES: &[Table] = &[
    Table {
        topic: Topic::Groups,
        rows: &[
            ("copy-kube-scheduler", "The program; it is needed once the API answers."),
            ("kube-scheduler", "Gives each new pod the node that suits it best. One of them leads, the others wait."),
        ],
    },
    Table { topic: Topic::Binaries, rows: &[("kube-scheduler", "The scheduler.")] },
    Table {
        topic: Topic::Paths,
        rows: &[
            ("/etc/kubernetes/kube-scheduler-config.yaml", "Its configuration."),
            ("/etc/kubernetes/kube-scheduler.kubeconfig", "Its way to the API server beside it."),
            ("/etc/kubernetes/pki/kube-scheduler.pem", "How it shows itself where its health and metrics are."),
            ("/etc/kubernetes/pki/kube-scheduler-key.pem", "Its key."),
            ("/etc/systemd/system/kube-scheduler.service", "kube-scheduler as a service."),
        ],
    },
    Table {
        topic: Topic::Flags("kube-scheduler"),
        rows: &[
            ("--authentication-kubeconfig", "It asks the API who calls its own endpoint."),
            ("--authorization-kubeconfig", "It asks the API what they may do there."),
            ("--bind-address", "Health and metrics on loopback alone."),
            ("--client-ca-file", "The authority that callers of its endpoint are checked against."),
            ("--config", "Where its configuration is."),
            ("--tls-cert-file", "The certificate that callers of its endpoint see."),
            ("--tls-cipher-suites", "Only suites with forward secrecy and authenticated encryption."),
            ("--tls-min-version", "Nothing older than TLS 1.2."),
            ("--tls-private-key-file", "The key of that certificate."),
        ],
    },
    Table {
        topic: Topic::Fields("KubeSchedulerConfiguration"),
        rows: &[
            ("clientConnection.kubeconfig", "Where the API is and who it is itself."),
            ("enableProfiling", "Off: profiles tell too much."),
            ("leaderElection.leaderElect", "One leads at a time; another takes over when it is gone."),
        ],
    },
];
