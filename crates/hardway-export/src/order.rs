//! The order in which one person does what the runner does side by side.

use std::collections::BTreeSet;

use hardway_design::{Design, Group, GroupId, Place};

/// Every group after all that it waits for, with as little changing of machines as that leaves.
///
/// Among the groups that are ready, one of the machine where the person is comes first, then the design's own order.
/// The cluster's come last: they wait for pods to run, which takes all that can be done on machines by then.
///
/// # Panics
/// Where groups wait for each other in a circle, or for one that is not there.
pub(crate) fn by_hand(design: &Design) -> Vec<&Group> {
    let mut open: Vec<&Group> = design.groups.iter().collect();
    let mut done: BTreeSet<&GroupId> = BTreeSet::new();
    let mut ordered: Vec<&Group> = Vec::with_capacity(open.len());
    while !open.is_empty() {
        let here = ordered.last().map(|group| &group.id.place);
        let next = open
            .iter()
            .enumerate()
            .filter(|(_, group)| group.after.iter().all(|id| done.contains(id)))
            .min_by_key(|(_, group)| (group.id.place == Place::Cluster, Some(&group.id.place) != here))
            .map(|(index, _)| index)
            .expect("a design's groups form no circle");
        let group = open.remove(next);
        done.insert(&group.id);
        ordered.push(group);
    }
    ordered
}

#[cfg(test)]
mod tests {
    use hardway_spec::MachineName;

    use super::*;

    fn id(name: &str, machine: &str) -> GroupId {
        match machine {
            "cluster" => GroupId::in_cluster(name),
            _ => GroupId::on(&MachineName::from(machine), name),
        }
    }

    fn group(name: &str, machine: &str, after: &[(&str, &str)]) -> Group {
        Group {
            id: id(name, machine),
            after: after.iter().map(|(name, machine)| id(name, machine)).collect(),
            resources: Vec::new(),
        }
    }

    fn ordered(groups: Vec<Group>) -> Vec<String> {
        by_hand(&Design { groups, ..Design::default() }).into_iter().map(|group| group.id.to_string()).collect()
    }

    #[test]
    fn a_group_comes_after_all_that_it_waits_for() {
        let groups = vec![group("kubelet", "w1", &[("api", "cp1")]), group("api", "cp1", &[])];
        assert_eq!(ordered(groups), ["api@cp1", "kubelet@w1"]);
    }

    #[test]
    fn one_machine_is_done_before_the_next_where_nothing_forbids_it() {
        let groups = vec![
            group("base", "cp1", &[]),
            group("base", "w1", &[]),
            group("etcd", "cp1", &[("base", "cp1")]),
            group("kubelet", "w1", &[("base", "w1"), ("etcd", "cp1")]),
        ];
        assert_eq!(ordered(groups), ["base@cp1", "etcd@cp1", "base@w1", "kubelet@w1"]);
    }

    #[test]
    fn pods_are_waited_for_when_machines_have_all_they_need() {
        let groups = vec![
            group("rbac", "cluster", &[]),
            group("coredns", "cluster", &[("rbac", "cluster")]),
            group("kubelet", "w1", &[("rbac", "cluster")]),
        ];
        assert_eq!(ordered(groups), ["rbac@cluster", "kubelet@w1", "coredns@cluster"]);
    }
}
