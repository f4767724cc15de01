//! Why etcd runs as it does.

use super::{Table, Topic};

pub(super) const TABLES: &[Table] = &[
    Table {
        topic: Topic::Groups,
        rows: &[
            ("copy-etcdutl", "etcd\'s tool for snapshots. Nothing waits for it."),
            ("copy-etcd", "The programs of etcd, first of all: everything else waits for it."),
            (
                "etcd",
                "The store of the cluster: every object of the API is a key in it. It runs under a user of its own, speaks TLS alone, and knows its clients by their certificates.",
            ),
            (
                "etcd-auth",
                "A certificate of etcd's authority would read and write everything, secrets included. etcd's own users, named by the CN of their certificates, close that: Calico gets its prefix and no more. It is done once, on the first member, when a majority is up.",
            ),
        ],
    },
    Table { topic: Topic::Users, rows: &[("etcd", "Nobody but etcd reads its files, and etcd reads nobody else's.")] },
    Table {
        topic: Topic::Binaries,
        rows: &[
            ("etcd", "The store."),
            ("etcdutl", "Restores the store from a snapshot, should it come to that."),
            ("etcdctl", "Asks etcd for its health, and sets its users and roles."),
        ],
    },
    Table {
        topic: Topic::Paths,
        rows: &[
            ("/etc/etcd", "etcd's configuration."),
            (
                "/etc/etcd/members.env",
                "All members by name, for a first start; later ones ask the data, so that nothing restarts when members come and go. `existing`: data that were lost never found a second cluster. The token keeps members of different clusters apart, should they ever meet.",
            ),
            ("/etc/etcd/pki", "etcd's certificates and keys."),
            ("/etc/etcd/pki/ca.pem", "etcd's own authority: no other certificate opens a connection."),
            ("/etc/etcd/pki/peer.pem", "How this member shows itself to the others."),
            ("/etc/etcd/pki/peer-key.pem", "Its key."),
            ("/etc/etcd/pki/root.pem", "etcd's administrator, for root on this machine."),
            ("/etc/etcd/pki/root-key.pem", "Its key, which not even etcd's own user may read."),
            ("/etc/etcd/pki/server.pem", "How this member shows itself to clients."),
            ("/etc/etcd/pki/server-key.pem", "Its key."),
            ("/etc/systemd/system/etcd.service", "etcd as a service."),
            ("/var/lib/etcd", "The data. etcd insists that nobody else may read it."),
        ],
    },
    Table {
        topic: Topic::Flags("sh"),
        rows: &[(
            "-c",
            "Before the start: without data, and without a first start that was prepared, etcd stays down, since an empty member under an old name would harm the others. After it: the first start is over, and etcd has been up here.",
        )],
    },
    Table {
        topic: Topic::Flags("etcd"),
        rows: &[
            ("--advertise-client-urls", "Where this member tells clients to find it."),
            ("--cert-file", "The certificate that clients see."),
            ("--cipher-suites", "Only suites with forward secrecy and authenticated encryption."),
            ("--client-cert-auth", "A client without a certificate of etcd's authority gets no connection."),
            ("--data-dir", "Where the data are."),
            (
                "--enable-grpc-gateway",
                "Off: the JSON gateway would pass requests on under the server's own name, past the users.",
            ),
            ("--initial-advertise-peer-urls", "Where the other members find this one."),
            ("--key-file", "The key of that certificate."),
            ("--listen-client-urls", "The machine's address for clients elsewhere, loopback for those on it."),
            ("--listen-metrics-urls", "Metrics and health without a certificate, on loopback alone."),
            ("--listen-peer-urls", "The port on which members speak to each other."),
            ("--name", "This member's name among all of them."),
            ("--peer-cert-file", "The certificate that other members see."),
            ("--peer-client-cert-auth", "No machine joins the conversation of the members without a certificate."),
            ("--peer-key-file", "The key of that certificate."),
            ("--peer-trusted-ca-file", "The authority that other members are checked against."),
            ("--tls-min-version", "Nothing older than TLS 1.2."),
            ("--trusted-ca-file", "The authority that clients are checked against."),
        ],
    },
];
