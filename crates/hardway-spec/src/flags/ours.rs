//! Flags that are not the operator's: those that hardway sets, in a command or in the file that takes a flag's place,
//! and those that would take away what it rests on. A test over designs of every shape holds the list to what they set.

use crate::Component;

/// Flags, and what to do instead of setting them, as a clause.
type Table = &'static [(&'static str, &'static str)];

const TAKE_OUT: &str = "hardway rests on its own value: take it out";
const CERTIFICATES: &str = "hardway makes and renews certificates itself: take it out";
const NAME: &str = "it is the machine's `name`";
const ADDRESS: &str = "it is the machine's `address`";
const MEMBERS: &str = "it follows from the machines' roles";
const SERVICES: &str = "set `spec.network.services`";
const DOMAIN: &str = "set `spec.network.domain`";
const ENDS: &str = "the component would end instead of run: take it out";
const CONFIG: &str = "hardway writes the configuration file: set single flags here";
const SECURITY: &str = "hardway keeps to the CIS Kubernetes Benchmark here: take it out";
const AUTHENTICATION: &str = "hardway writes a file for `authentication-config`, which goes without this flag";
const FRONT_PROXY: &str = "extension API servers rest on hardway's value: take it out";
const PLACE: &str = "`reset` looks for the component's data in its usual place: take it out";

/// Lists of words that hardway begins and an operator may go on with.
pub(super) const SHARED: &[(Component, &str)] = &[(Component::KubeApiserver, "enable-admission-plugins")];

/// Amounts that hardway sets and an operator may know better.
pub(super) const DEFAULTS: &[(Component, &str)] = &[
    (Component::KubeApiserver, "audit-log-maxage"),
    (Component::KubeApiserver, "audit-log-maxbackup"),
    (Component::KubeApiserver, "audit-log-maxsize"),
    (Component::KubeControllerManager, "kube-api-qps"),
    (Component::KubeControllerManager, "kube-api-burst"),
    (Component::Kubelet, "event-qps"),
    (Component::Kubelet, "streaming-connection-idle-timeout"),
];

pub(super) fn of(component: Component) -> &'static [Table] {
    match component {
        Component::Etcd => &[ETCD],
        Component::KubeApiserver => &[KUBE_APISERVER, SERVER],
        Component::KubeControllerManager => &[KUBE_CONTROLLER_MANAGER, SERVER],
        Component::KubeScheduler => &[KUBE_SCHEDULER, SERVER],
        Component::Kubelet => &[KUBELET, SERVER],
        Component::KubeProxy => &[KUBE_PROXY],
        Component::Containerd => &[CONTAINERD],
    }
}

/// Whether kube-proxy heeds the flag beside a configuration file: `copyLogsFromFlags` in `cmd/kube-proxy/app/options.go`
/// takes over those of component-base's logging.
pub(super) fn is_of_logging(flag: &str) -> bool {
    matches!(flag, "v" | "vmodule" | "logging-format") || flag.starts_with("log-")
}

/// What every server of Kubernetes has.
const SERVER: Table = &[
    ("cert-dir", CERTIFICATES),
    ("client-ca-file", CERTIFICATES),
    ("help", ENDS),
    ("tls-cert-file", CERTIFICATES),
    ("tls-cipher-suites", SECURITY),
    ("tls-min-version", SECURITY),
    ("tls-private-key-file", CERTIFICATES),
    ("version", ENDS),
];

const ETCD: Table = &[
    ("advertise-client-urls", ADDRESS),
    ("auto-tls", CERTIFICATES),
    ("cert-file", CERTIFICATES),
    ("cipher-suites", SECURITY),
    ("client-cert-auth", SECURITY),
    ("data-dir", PLACE),
    ("discovery", MEMBERS),
    ("discovery-srv", MEMBERS),
    ("enable-grpc-gateway", SECURITY),
    ("force-new-cluster", "a member would leave the others: take it out"),
    ("initial-advertise-peer-urls", ADDRESS),
    ("initial-cluster", MEMBERS),
    ("initial-cluster-state", MEMBERS),
    ("initial-cluster-token", "it is the cluster's name"),
    ("key-file", CERTIFICATES),
    ("listen-client-http-urls", SECURITY),
    ("listen-client-urls", ADDRESS),
    ("listen-metrics-urls", "the machine's own checks ask there: take it out"),
    ("listen-peer-urls", ADDRESS),
    ("name", NAME),
    ("peer-auto-tls", CERTIFICATES),
    ("peer-cert-file", CERTIFICATES),
    ("peer-client-cert-auth", SECURITY),
    ("peer-key-file", CERTIFICATES),
    ("peer-trusted-ca-file", CERTIFICATES),
    ("tls-min-version", SECURITY),
    ("trusted-ca-file", CERTIFICATES),
    ("wal-dir", PLACE),
];

const KUBE_APISERVER: Table = &[
    ("admission-control", "set `enable-admission-plugins`"),
    ("admission-control-config-file", CONFIG),
    ("advertise-address", ADDRESS),
    ("allow-privileged", TAKE_OUT),
    ("anonymous-auth", AUTHENTICATION),
    ("audit-log-path", TAKE_OUT),
    ("audit-policy-file", CONFIG),
    ("authentication-config", CONFIG),
    ("authorization-config", "hardway sets `authorization-mode`, which goes without this flag"),
    ("authorization-mode", SECURITY),
    ("bind-address", "hardway asks it at 127.0.0.1, and others at the machine's address: take it out"),
    ("enable-aggregator-routing", "set `spec.controlPlane.node`"),
    ("encryption-provider-config", CONFIG),
    ("etcd-cafile", CERTIFICATES),
    ("etcd-certfile", CERTIFICATES),
    ("etcd-keyfile", CERTIFICATES),
    ("etcd-prefix", "the cluster's objects would be looked for elsewhere: take it out"),
    ("etcd-servers", MEMBERS),
    ("kubelet-certificate-authority", CERTIFICATES),
    ("kubelet-client-certificate", CERTIFICATES),
    ("kubelet-client-key", CERTIFICATES),
    ("kubelet-preferred-address-types", TAKE_OUT),
    ("oidc-ca-file", AUTHENTICATION),
    ("oidc-client-id", AUTHENTICATION),
    ("oidc-groups-claim", AUTHENTICATION),
    ("oidc-groups-prefix", AUTHENTICATION),
    ("oidc-issuer-url", AUTHENTICATION),
    ("oidc-required-claim", AUTHENTICATION),
    ("oidc-signing-algs", AUTHENTICATION),
    ("oidc-username-claim", AUTHENTICATION),
    ("oidc-username-prefix", AUTHENTICATION),
    ("profiling", SECURITY),
    ("proxy-client-cert-file", FRONT_PROXY),
    ("proxy-client-key-file", FRONT_PROXY),
    ("requestheader-allowed-names", FRONT_PROXY),
    ("requestheader-client-ca-file", FRONT_PROXY),
    ("requestheader-extra-headers-prefix", FRONT_PROXY),
    ("requestheader-group-headers", FRONT_PROXY),
    ("requestheader-uid-headers", FRONT_PROXY),
    ("requestheader-username-headers", FRONT_PROXY),
    ("secure-port", "load balancers and kubeconfigs rest on 6443: take it out"),
    ("service-account-extend-token-expiration", SECURITY),
    ("service-account-issuer", DOMAIN),
    ("service-account-key-file", CERTIFICATES),
    ("service-account-signing-endpoint", "hardway signs with a key of the workspace, which goes without this flag"),
    ("service-account-signing-key-file", CERTIFICATES),
    ("service-cluster-ip-range", SERVICES),
    ("shutdown-send-retry-after", TAKE_OUT),
];

const KUBE_CONTROLLER_MANAGER: Table = &[
    ("allocate-node-cidrs", "pods' addresses follow from `spec.network.cni`"),
    ("authentication-kubeconfig", CERTIFICATES),
    ("authorization-kubeconfig", CERTIFICATES),
    ("bind-address", SECURITY),
    ("cluster-name", "it is the cluster's name"),
    ("cluster-signing-cert-file", CERTIFICATES),
    ("cluster-signing-key-file", CERTIFICATES),
    ("kubeconfig", CERTIFICATES),
    ("leader-elect", TAKE_OUT),
    ("master", TAKE_OUT),
    ("profiling", SECURITY),
    ("root-ca-file", CERTIFICATES),
    ("service-account-private-key-file", CERTIFICATES),
    ("use-service-account-credentials", SECURITY),
];

const KUBE_SCHEDULER: Table = &[
    ("authentication-kubeconfig", CERTIFICATES),
    ("authorization-kubeconfig", CERTIFICATES),
    ("bind-address", SECURITY),
    ("config", CONFIG),
    ("kubeconfig", CERTIFICATES),
    ("leader-elect", TAKE_OUT),
    ("master", TAKE_OUT),
    ("profiling", SECURITY),
    ("write-config-to", ENDS),
];

const KUBELET: Table = &[
    ("anonymous-auth", SECURITY),
    ("authentication-token-webhook", SECURITY),
    ("authorization-mode", SECURITY),
    ("bootstrap-kubeconfig", CERTIFICATES),
    ("cgroup-driver", "hardway sees which one the machine needs: take it out"),
    ("cluster-dns", "set `spec.network.dns`"),
    ("cluster-domain", DOMAIN),
    ("config", CONFIG),
    ("config-dir", CONFIG),
    ("container-runtime-endpoint", TAKE_OUT),
    ("fail-cgroupv1", "hardway sees what the machine has: take it out"),
    ("fail-swap-on", "hardway turns swap off: take it out"),
    ("healthz-bind-address", SECURITY),
    ("hostname-override", NAME),
    ("kubeconfig", CERTIFICATES),
    ("make-iptables-util-chains", TAKE_OUT),
    ("node-ip", ADDRESS),
    ("node-labels", "set `labels`, which also changes them later"),
    ("port", "the API server and hardway's checks ask it at 10250: take it out"),
    ("protect-kernel-defaults", SECURITY),
    ("read-only-port", SECURITY),
    ("register-node", TAKE_OUT),
    ("register-with-taints", "set `taints`, which also changes them later"),
    ("resolv-conf", "hardway sees which file the machine has: take it out"),
    ("root-dir", PLACE),
    ("rotate-certificates", CERTIFICATES),
    ("rotate-server-certificates", CERTIFICATES),
    ("runonce", ENDS),
    ("seccomp-default", SECURITY),
];

const KUBE_PROXY: Table = &[
    ("cleanup", ENDS),
    ("cluster-cidr", "set `spec.network.pods`"),
    ("config", CONFIG),
    ("conntrack-max-per-core", TAKE_OUT),
    ("detect-local-mode", TAKE_OUT),
    ("healthz-bind-address", SECURITY),
    ("help", ENDS),
    ("hostname-override", NAME),
    ("init-only", ENDS),
    ("kubeconfig", CERTIFICATES),
    ("master", TAKE_OUT),
    ("metrics-bind-address", SECURITY),
    ("proxy-mode", "set `spec.network.kubeProxy`"),
    ("version", ENDS),
    ("write-config-to", ENDS),
];

const CONTAINERD: Table = &[
    ("address", "the kubelet asks it at its usual socket: take it out"),
    ("config", CONFIG),
    ("help", ENDS),
    ("root", PLACE),
    ("state", PLACE),
    ("version", ENDS),
];
