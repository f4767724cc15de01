//! Why the cluster holds the objects that it does.

use super::{Table, Topic};

pub(super) const TABLES: &[Table] = &[Table {
    topic: Topic::Groups,
    rows: &[
        (
            "rbac",
            "The rights that Kubernetes does not bring itself: kube-apiserver may call kubelets, or logs, exec and port-forward would be refused.",
        ),
        (
            "calico",
            "Calico's agent on every node: it sets up tunnels and routes between the nodes and enforces network policies. Its certificate for etcd is in a Secret.",
        ),
        (
            "calico-kube-controllers",
            "Copies namespaces, pods and policies into Calico's datastore and clears away what belongs to nodes that are gone.",
        ),
        (
            "coredns",
            "Names inside the cluster. Two replicas stay on different nodes where there are two, so that one node's loss leaves DNS answering.",
        ),
        (
            "nodes",
            "Every machine that runs pods is registered, Ready and on the network; control planes are labelled as such.",
        ),
        (
            "removed-machines",
            "A machine that was removed keeps a kubelet's certificate until it is cleaned. Should it come back from the dead, the API refuses what it would create to register again.",
        ),
        (
            "metrics-server",
            "What nodes and pods use, as an API of its own behind the aggregation layer: it shows that the front proxy works, and `kubectl top` and autoscalers need it.",
        ),
    ],
}];
