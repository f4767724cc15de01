//! Why kube-apiserver runs as it does.

use super::{Table, Topic};

pub(super) const TABLES: &[Table] = &[
    Table {
        topic: Topic::Groups,
        rows: &[
            ("copy-kube-apiserver", "The API server, as soon as etcd is on its way: all nodes wait for it."),
            (
                "copy-kubectl",
                "kubectl, after what the cluster waits for. It asks the API server how it is where there is no curl.",
            ),
            (
                "kube-apiserver",
                "The API: the only component that speaks to etcd, and the one that all others speak to. It decides who someone is, what they may do and what is let in.",
            ),
        ],
    },
    Table {
        topic: Topic::Binaries,
        rows: &[
            ("kube-apiserver", "The API."),
            ("kubectl", "Asks the API whether it is ready, and is there for you when you need it."),
        ],
    },
    Table {
        topic: Topic::Paths,
        rows: &[
            (
                "/etc/kubernetes/admin.kubeconfig",
                "The administrator's way to this machine's own API server, should the load balancer be away.",
            ),
            ("/etc/kubernetes/admission-configuration.yaml", "Which pods are warned about."),
            ("/etc/kubernetes/audit-policy.yaml", "What the audit log holds."),
            ("/etc/kubernetes/authentication-configuration.yaml", "What is answered without a certificate or token."),
            ("/etc/kubernetes/encryption-config.yaml", "The key that secrets are encrypted with before etcd has them."),
            ("/etc/kubernetes/pki/etcd-ca.pem", "The authority by which the API server knows etcd."),
            (
                "/etc/kubernetes/pki/front-proxy-ca.pem",
                "The authority by which extension API servers, and this one, know a front proxy.",
            ),
            ("/etc/kubernetes/pki/front-proxy-client.pem", "How the API server shows itself to extension API servers."),
            ("/etc/kubernetes/pki/front-proxy-client-key.pem", "Its key."),
            ("/etc/kubernetes/pki/kube-apiserver.pem", "How the API server shows itself to its clients."),
            ("/etc/kubernetes/pki/kube-apiserver-key.pem", "Its key."),
            ("/etc/kubernetes/pki/kube-apiserver-etcd-client.pem", "How it shows itself to etcd."),
            ("/etc/kubernetes/pki/kube-apiserver-etcd-client-key.pem", "Its key."),
            ("/etc/kubernetes/pki/kube-apiserver-kubelet-client.pem", "How it shows itself to kubelets."),
            ("/etc/kubernetes/pki/kube-apiserver-kubelet-client-key.pem", "Its key."),
            ("/etc/kubernetes/pki/service-account.pem", "Checks service accounts' tokens."),
            (
                "/etc/kubernetes/pki/service-account-key.pem",
                "Signs service accounts' tokens. All control planes share it, or a token would be worth something on one only.",
            ),
            ("/etc/systemd/system/kube-apiserver.service", "kube-apiserver as a service."),
            ("/var/log/kubernetes", "The audit log, for root alone."),
        ],
    },
    Table {
        topic: Topic::Flags("kube-apiserver"),
        rows: &[
            ("--admission-control-config-file", "The configuration of admission plugins."),
            ("--advertise-address", "The address behind the Service `kubernetes`, by which pods reach this server."),
            ("--allow-privileged", "Calico's agent is a privileged pod; Pod Security says who else may be."),
            ("--audit-log-maxage", "Days that old logs are kept."),
            ("--audit-log-maxbackup", "How many old logs are kept."),
            ("--audit-log-maxsize", "Megabytes at which a new log is begun."),
            ("--audit-log-path", "Who did what, written down."),
            ("--audit-policy-file", "What is written down, and what never is."),
            (
                "--authentication-config",
                "Anonymous requests reach the health paths, which load balancers ask, and nothing else.",
            ),
            ("--authorization-mode", "`Node` limits kubelets to what their own pods need, `RBAC` decides all else."),
            ("--client-ca-file", "The authority that clients' certificates are checked against."),
            (
                "--enable-admission-plugins",
                "`NodeRestriction`: a kubelet changes its own node and pods only. `DenyServiceExternalIPs`: no Service takes traffic for addresses that are not its own.",
            ),
            (
                "--enable-aggregator-routing",
                "No kube-proxy runs here, so extension API servers are called at their pods' own addresses.",
            ),
            ("--encryption-provider-config", "Secrets are encrypted before etcd has them."),
            ("--etcd-cafile", "The authority by which it knows etcd."),
            ("--etcd-certfile", "Its certificate for etcd, whose CN is its user there."),
            ("--etcd-keyfile", "The key of that certificate."),
            (
                "--etcd-servers",
                "This machine's own member, where it has one: a request to a member that just lost its power hangs for 10 s.",
            ),
            (
                "--kubelet-certificate-authority",
                "Kubelets are checked, so that logs and exec reach the node they mean.",
            ),
            ("--kubelet-client-certificate", "Its certificate for kubelets."),
            ("--kubelet-client-key", "The key of that certificate."),
            (
                "--kubelet-preferred-address-types",
                "Kubelets are called by address; no name server need know the nodes.",
            ),
            ("--profiling", "Off: profiles tell too much, and cost the server's time."),
            ("--proxy-client-cert-file", "Its certificate when it hands a request on to an extension API server."),
            ("--proxy-client-key-file", "The key of that certificate."),
            ("--requestheader-allowed-names", "Only this name of the front-proxy authority may speak for users."),
            ("--requestheader-client-ca-file", "The authority for those who may speak for users."),
            ("--requestheader-extra-headers-prefix", "The header that carries a user's other attributes."),
            ("--requestheader-group-headers", "The header that carries a user's groups."),
            ("--requestheader-uid-headers", "The header that carries a user's UID."),
            ("--requestheader-username-headers", "The header that carries a user's name."),
            ("--secure-port", "Where it listens."),
            ("--service-account-extend-token-expiration", "Off: a token is worth an hour, not a year."),
            ("--service-account-issuer", "Who tokens say they are from; only tokens that say so are taken."),
            ("--service-account-key-file", "Checks tokens."),
            ("--service-account-signing-key-file", "Signs tokens."),
            ("--service-cluster-ip-range", "Where Services get their addresses from."),
            (
                "--shutdown-send-retry-after",
                "While it stops, clients are told to ask another API server, and watches end at once instead of after a minute.",
            ),
            ("--tls-cert-file", "The certificate that clients see."),
            ("--tls-cipher-suites", "Only suites with forward secrecy and authenticated encryption."),
            ("--tls-min-version", "Nothing older than TLS 1.2."),
            ("--tls-private-key-file", "The key of that certificate."),
        ],
    },
    Table {
        topic: Topic::Fields("AdmissionConfiguration"),
        rows: &[(
            "plugins",
            "Pods that the `baseline` standard would refuse are let in with a warning and an audit annotation; a namespace may enforce it. kube-system is exempt: the network's own agents live there.",
        )],
    },
    Table {
        topic: Topic::Fields("AuthenticationConfiguration"),
        rows: &[
            ("anonymous.conditions", "The paths that anybody may ask."),
            ("anonymous.enabled", "On, but for those paths alone."),
        ],
    },
    Table {
        topic: Topic::Fields("EncryptionConfiguration"),
        rows: &[(
            "resources",
            "Secrets are written with the first provider, `aescbc` under `key1`; the next, `identity`, still reads what was stored before there was a key.",
        )],
    },
    Table {
        topic: Topic::Fields("Policy"),
        rows: &[
            ("omitStages", "One event per request is enough: its arrival is not written, its answer is."),
            (
                "rules",
                "The first that matches decides: heartbeats and watches are noise, bodies that may hold secrets are never written, changes of rights are written in full.",
            ),
        ],
    },
];
