//! Why each thing is there: one table per component, a row for every flag, field, path, package and setting.
//!
//! A test over designs of every shape holds the tables to what the designs hold: nothing without a reason, no reason
//! without its thing.

mod cni;
mod containerd;
#[cfg(test)]
mod coverage;
mod etcd;
mod haproxy;
mod keepalived;
mod kube_apiserver;
mod kube_controller_manager;
mod kube_proxy;
mod kube_scheduler;
mod kubelet;
mod nginx;
mod objects;
mod operating_system;
mod subject;
mod systemd;

use hardway_spec::Component;
use hardway_spec::flags::Claim;

pub(crate) use subject::{Topic, inside};

/// Reasons of one topic, by the name of what they are for.
pub(crate) struct Table {
    topic: Topic<'static>,
    rows: &'static [(&'static str, &'static str)],
}

const TABLES: &[&[Table]] = &[
    operating_system::TABLES,
    systemd::TABLES,
    etcd::TABLES,
    kube_apiserver::TABLES,
    kube_controller_manager::TABLES,
    kube_scheduler::TABLES,
    nginx::TABLES,
    haproxy::TABLES,
    keepalived::TABLES,
    containerd::TABLES,
    kubelet::TABLES,
    cni::TABLES,
    kube_proxy::TABLES,
    objects::TABLES,
];

/// Why the thing called `name` is there.
///
/// A row of a [`Topic::Fields`] stands for the fields below it too, and `*` in one of a [`Topic::Paths`] for any text
/// without a slash.
pub(crate) fn why(topic: Topic<'_>, name: &str) -> Option<&'static str> {
    row(topic, name)
        .map(|(_, why)| *why)
        .or_else(|| is_operators(topic, name).then_some("Asked for in `cluster.yaml`."))
}

/// Whether the thing is a flag that hardway itself never sets.
fn is_operators(topic: Topic<'_>, name: &str) -> bool {
    let Topic::Flags(program) = topic else { return false };
    let component = Component::ALL.into_iter().find(|component| component.as_str() == program);
    component.is_some_and(|component| component.claim_of(name.trim_start_matches('-')) == Some(Claim::Free))
}

fn row(topic: Topic<'_>, name: &str) -> Option<&'static (&'static str, &'static str)> {
    let tables = TABLES.iter().copied().flatten().filter(|table| table.topic == topic);
    let rows = tables.flat_map(|table| table.rows).filter(|(of, _)| is_for(topic, of, name));
    // The longest is the closest.
    rows.max_by_key(|(of, _)| of.len())
}

fn is_for(topic: Topic<'_>, of: &str, name: &str) -> bool {
    match topic {
        Topic::Fields(_) => name.strip_prefix(of).is_some_and(|rest| rest.is_empty() || rest.starts_with('.')),
        Topic::Paths => matches(of, name),
        _ => of == name,
    }
}

/// Whether `pattern`, in which `*` stands for any text without a slash, is the whole of `path`.
fn matches(pattern: &str, path: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == path,
        Some((start, rest)) => path.strip_prefix(start).is_some_and(|tail| {
            let reach = tail.find('/').unwrap_or(tail.len());
            tail.char_indices()
                .map(|(at, _)| at)
                .chain([tail.len()])
                .take_while(|at| *at <= reach)
                .any(|at| matches(rest, &tail[at..]))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_one_part_of_a_path() {
        assert!(matches("/etc/kubernetes/pki/*-key.pem", "/etc/kubernetes/pki/w1-key.pem"));
        assert!(matches("/etc/*", "/etc/hosts"));
        assert!(!matches("/etc/*", "/etc/ssl/certs"));
        assert!(!matches("/etc/hosts", "/etc/hosts.allow"));
    }

    #[test]
    fn a_field_covers_those_below_it() {
        assert!(is_for(Topic::Fields("Test"), "authentication", "authentication.x509.clientCAFile"));
        assert!(!is_for(Topic::Fields("Test"), "auth", "authentication.x509.clientCAFile"));
    }
}
