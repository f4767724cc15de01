//! Why keepalived runs as it does.

use super::{Table, Topic};

pub(super) const TABLES: &[Table] = &[
    Table {
        topic: Topic::Groups,
        rows: &[(
            "keepalived",
            "One address for all load balancers. One of them has it and says so twice a second; where that stops, another takes it over within two seconds, and clients come again.",
        )],
    },
    Table { topic: Topic::Paths, rows: &[("/etc/keepalived/keepalived.conf", "All of its configuration.")] },
    Table {
        topic: Topic::Keywords("/etc/keepalived/keepalived.conf"),
        rows: &[
            ("advert_int", "Seconds between its signs of life: three that are missing are the end."),
            ("check_unicast_src", "Signs of life of others than the other load balancers are ignored."),
            ("enable_script_security", "It runs no program that another user could change."),
            ("fall", "Failures in a row that count: one that systemd starts again at once keeps the address."),
            ("global_defs", "What holds for the process as a whole."),
            ("haproxy", "Where HAProxy does not listen, the address is let go."),
            ("interface", "Where the address belongs: the interface of the machine's own."),
            ("interval", "Seconds between its looks."),
            ("nopreempt", "Whoever has the address keeps it: every move breaks connections."),
            ("priority", "Who takes over where several could: the first in the spec."),
            ("rise", "Successes in a row that count."),
            ("script", "Looks among the kernel's sockets, without a connection that would reach the API server."),
            ("script_user", "A user without any rights looks."),
            ("state", "None claims the address at its start before it has listened for others."),
            ("track_script", "What must be so for it to have the address."),
            ("unicast_peer", "The other load balancers."),
            ("unicast_src_ip", "From its own address to theirs: many networks drop multicast."),
            ("virtual_ipaddress", "The address that they share."),
            ("virtual_router_id", "The same for all of them, and another than any other such group's in the network."),
            ("vrrp_instance", "The part that they play together."),
            ("vrrp_script", "What is looked at."),
            ("vrrp_version", "3 knows parts of seconds."),
        ],
    },
];
