//! Why the pod network is configured as it is.

use super::{Table, Topic};

pub(super) const TABLES: &[Table] = &[
    Table {
        topic: Topic::Groups,
        rows: &[
            ("cni", "The plugins that containerd calls when a pod comes or goes."),
            (
                "cni-config",
                "The configuration of Calico's plugin, as plain files instead of Calico's own installer. It comes last, when Calico's agent is up: with it the node becomes Ready, and a pod that starts too early is tried again only seconds later.",
            ),
        ],
    },
    Table {
        topic: Topic::Binaries,
        rows: &[
            ("bandwidth", "Limits a pod's bandwidth where the pod asks for it."),
            ("bridge", "Connects the pods of a node."),
            ("calico", "Connects a pod to Calico's network; called `calico-ipam`, it gives out its address."),
            ("host-local", "Gives out addresses from the node's own range."),
            ("loopback", "A pod's own loopback interface."),
            ("portmap", "Makes `hostPort` work."),
        ],
    },
    Table {
        topic: Topic::Paths,
        rows: &[
            ("/etc/calico", "What Calico's plugin needs, for root alone."),
            ("/etc/calico/etcd-ca.pem", "The authority by which the plugin knows etcd."),
            ("/etc/calico/etcd.pem", "How it shows itself to etcd, where it is worth `/calico/` and nothing else."),
            ("/etc/calico/etcd-key.pem", "Its key."),
            ("/etc/calico/kubeconfig", "Its way to the API, where it looks up pods and namespaces."),
            ("/etc/cni", "What belongs to the pod network."),
            ("/opt/cni", "What belongs to the pod network."),
            ("/opt/cni/bin", "Where containerd looks for plugins."),
            ("/etc/cni/net.d", "The pod network's configuration; the first file by name counts."),
            ("/etc/cni/net.d/10-bridge.conflist", "The bridge, and this node's range of pod addresses."),
            ("/etc/cni/net.d/10-calico.conflist", "Calico, then the plugins that follow it."),
            ("/etc/cni/net.d/99-loopback.conf", "The loopback interface."),
            ("/etc/systemd/system/pod-routes.service", "Routes to the pods of other nodes, at every boot."),
            ("/opt/cni/bin/calico-ipam", "The same program: it looks at the name it is called by."),
        ],
    },
    Table {
        topic: Topic::Fields("CNI network"),
        rows: &[
            ("cniVersion", "The version of the specification that plugins are called by."),
            ("name", "The network's name, which plugins keep their records under."),
        ],
    },
    Table {
        topic: Topic::Fields("CNI plugin bridge"),
        rows: &[
            ("bridge", "The bridge that the node's pods are on."),
            ("hairpinMode", "A pod reaches itself through its own Service."),
            ("ipMasq", "What leaves the cluster leaves it under the node's address."),
            ("ipMasqBackend", "With rules of the same kind as kube-proxy's."),
            ("ipam", "Addresses from this node's own range, with a route to everywhere."),
            ("isGateway", "The bridge has an address and is the pods' way out."),
        ],
    },
    Table {
        topic: Topic::Fields("CNI plugin calico"),
        rows: &[
            ("etcd_ca_cert_file", "The authority by which it knows etcd."),
            ("etcd_cert_file", "Its certificate for etcd."),
            ("etcd_endpoints", "Every member of etcd, which is Calico's datastore too."),
            ("etcd_key_file", "The key of that certificate."),
            ("ipam", "Addresses from Calico's own pools."),
            ("kubernetes.kubeconfig", "Where the API is and who it is itself."),
            ("log_file_path", "Where it writes what it did."),
            ("log_level", "What it writes there."),
            ("mtu", "0: the size that Calico's agent found to fit."),
            ("policy", "Network policies are Kubernetes'."),
        ],
    },
    Table {
        topic: Topic::Fields("CNI plugin loopback"),
        rows: &[
            ("cniVersion", "The version of the specification that the plugin is called by."),
            ("name", "The network's name."),
        ],
    },
    Table {
        topic: Topic::Fields("CNI plugin portmap"),
        rows: &[
            ("backend", "With rules of the same kind as kube-proxy's."),
            ("capabilities", "It is told the ports that a pod asks for."),
            ("snat", "A node reaches the ports of its own pods too."),
        ],
    },
    Table {
        topic: Topic::Fields("CNI plugin bandwidth"),
        rows: &[("capabilities", "It is told the limits that a pod asks for.")],
    },
];
