//! The table of what is built from Go modules, and how.
//!
//! Tags and link variables are those of each upstream's own Makefile; `-s -w` leaves the symbol
//! table out, as upstream releases do.

use std::time::Duration;

use hardway_spec::versions;

use crate::Purpose;

/// One `go build`: packages that share a module, tags and link variables.
#[derive(Debug)]
pub(crate) struct Build {
    /// A component of [`versions::TABLE`], or one of its parts that is built with other tags.
    pub(crate) name: &'static str,
    /// The component of [`versions::TABLE`].
    pub(crate) component: &'static str,
    /// Without a leading `v`.
    pub(crate) version: &'static str,
    pub(crate) module: &'static Module,
    pub(crate) packages: &'static [Package],
    pub(crate) tags: &'static [&'static str],
    pub(crate) linking: Linking,
    /// What the linker sets: the variable and its value.
    pub(crate) variables: &'static [(&'static str, Value)],
    /// Seconds on two busy cores, nothing compiled before.
    usual_seconds: u64,
}

impl Build {
    pub(crate) fn usual(&self) -> Duration {
        Duration::from_secs(self.usual_seconds)
    }

    /// The value of `-ldflags`.
    pub(crate) fn ldflags(&self) -> String {
        let mut flags = vec!["-s -w".to_owned()];
        if self.linking == Linking::StaticWithCgo {
            flags.push("-linkmode external -extldflags -static-pie".to_owned());
        }
        for (variable, value) in self.variables {
            flags.push(format!("-X {variable}={}", value.of(self.version)));
        }
        flags.join(" ")
    }
}

/// A module of our own that requires what is built, so that its `go.sum` pins every dependency.
#[derive(Debug)]
pub(crate) struct Module {
    /// The folder below `modules/`.
    pub(crate) name: &'static str,
    pub(crate) go_mod: &'static str,
    pub(crate) go_sum: &'static str,
}

impl Module {
    /// The oldest Go that may build it: the `go` line of its `go.mod`.
    pub(crate) fn go_version(&self) -> &'static str {
        self.go_mod
            .lines()
            .find_map(|line| line.strip_prefix("go "))
            .expect("the unit tests read the go line of every module")
    }
}

/// A main package and the binary that comes of it.
#[derive(Debug)]
pub(crate) struct Package {
    /// Import path.
    pub(crate) path: &'static str,
    /// What `go build -o FOLDER/` calls the binary.
    pub(crate) output: &'static str,
    /// What the binary is called on a machine: mostly as its output, for some twice.
    pub(crate) installed_as: &'static [&'static str],
    pub(crate) purpose: Purpose,
}

/// Whether C takes part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Linking {
    /// Go alone, which links statically.
    PureGo,
    /// C code too, linked statically as a position-independent executable, so that the binary
    /// runs whatever C library a machine has.
    StaticWithCgo,
}

/// What a link variable is set to.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Value {
    /// `v1.37.2`
    VersionWithV,
    /// `1` of 1.37.2
    Major,
    /// `37` of 1.37.2
    Minor,
    Text(&'static str),
}

impl Value {
    fn of(self, version: &str) -> String {
        let part = |index| version.split('.').nth(index).expect("versions have three parts").to_owned();
        match self {
            Self::VersionWithV => format!("v{version}"),
            Self::Major => part(0),
            Self::Minor => part(1),
            Self::Text(text) => text.to_owned(),
        }
    }
}

macro_rules! module {
    ($name:literal) => {
        &Module {
            name: $name,
            go_mod: include_str!(concat!("../modules/", $name, "/go.mod")),
            go_sum: include_str!(concat!("../modules/", $name, "/go.sum")),
        }
    };
}

const KUBERNETES: &Module = module!("kubernetes");
const ETCD: &Module = module!("etcd");
const CONTAINERD: &Module = module!("containerd");
const RUNC: &Module = module!("runc");
const CNI_PLUGINS: &Module = module!("cni-plugins");
const COREDNS: &Module = module!("coredns");
const CALICO: &Module = module!("calico");
const METRICS_SERVER: &Module = module!("metrics-server");

const fn package(
    path: &'static str,
    output: &'static str,
    installed_as: &'static [&'static str],
    purpose: Purpose,
) -> Package {
    Package { path, output, installed_as, purpose }
}

/// `hack/lib/version.sh` sets these in both packages; without them nodes report v0.0.0.
const KUBERNETES_VARIABLES: &[(&str, Value)] = &[
    ("k8s.io/component-base/version.gitVersion", Value::VersionWithV),
    ("k8s.io/component-base/version.gitMajor", Value::Major),
    ("k8s.io/component-base/version.gitMinor", Value::Minor),
    ("k8s.io/component-base/version.gitTreeState", Value::Text("clean")),
    ("k8s.io/client-go/pkg/version.gitVersion", Value::VersionWithV),
    ("k8s.io/client-go/pkg/version.gitMajor", Value::Major),
    ("k8s.io/client-go/pkg/version.gitMinor", Value::Minor),
    ("k8s.io/client-go/pkg/version.gitTreeState", Value::Text("clean")),
];

/// `hack/lib/golang.sh`'s tags for a build that is not for debugging.
const KUBERNETES_TAGS: &[&str] = &["selinux", "notest", "grpcnotrace"];

const CONTAINERD_VARIABLES: &[(&str, Value)] =
    &[("github.com/containerd/containerd/v2/version.Version", Value::VersionWithV)];

/// In the order in which they are built: what a cluster needs first comes first.
pub(crate) const BUILDS: &[Build] = &[
    Build {
        name: "kubernetes",
        component: "kubernetes",
        version: versions::KUBERNETES,
        module: KUBERNETES,
        packages: &[
            package("k8s.io/kubernetes/cmd/kube-apiserver", "kube-apiserver", &["kube-apiserver"], Purpose::Cluster),
            package(
                "k8s.io/kubernetes/cmd/kube-controller-manager",
                "kube-controller-manager",
                &["kube-controller-manager"],
                Purpose::Cluster,
            ),
            package("k8s.io/kubernetes/cmd/kube-scheduler", "kube-scheduler", &["kube-scheduler"], Purpose::Cluster),
            package("k8s.io/kubernetes/cmd/kubelet", "kubelet", &["kubelet"], Purpose::Cluster),
            package("k8s.io/kubernetes/cmd/kube-proxy", "kube-proxy", &["kube-proxy"], Purpose::Cluster),
            package("k8s.io/kubernetes/cmd/kubectl", "kubectl", &["kubectl"], Purpose::Cluster),
            package("k8s.io/kubernetes/cmd/kubeadm", "kubeadm", &["kubeadm"], Purpose::Benchmark),
            package("k8s.io/kubernetes/test/images/agnhost", "agnhost", &["agnhost"], Purpose::ImagePart),
        ],
        tags: KUBERNETES_TAGS,
        linking: Linking::PureGo,
        variables: KUBERNETES_VARIABLES,
        usual_seconds: 600,
    },
    Build {
        name: "etcd",
        component: "etcd",
        version: versions::ETCD,
        module: ETCD,
        packages: &[
            package("go.etcd.io/etcd/server/v3", "server", &["etcd"], Purpose::Cluster),
            package("go.etcd.io/etcd/etcdctl/v3", "etcdctl", &["etcdctl"], Purpose::Cluster),
            package("go.etcd.io/etcd/etcdutl/v3", "etcdutl", &["etcdutl"], Purpose::Cluster),
        ],
        tags: &[],
        linking: Linking::PureGo,
        // The module carries no commit; this is what upstream's script says then.
        variables: &[("go.etcd.io/etcd/api/v3/version.GitSHA", Value::Text("GitNotFound"))],
        usual_seconds: 35,
    },
    Build {
        name: "containerd",
        component: "containerd",
        version: versions::CONTAINERD,
        module: CONTAINERD,
        packages: &[
            package(
                "github.com/containerd/containerd/v2/cmd/containerd",
                "containerd",
                &["containerd"],
                Purpose::Cluster,
            ),
            package("github.com/containerd/containerd/v2/cmd/ctr", "ctr", &["ctr"], Purpose::Cluster),
        ],
        tags: &["no_btrfs", "urfave_cli_no_docs"],
        linking: Linking::PureGo,
        variables: CONTAINERD_VARIABLES,
        usual_seconds: 65,
    },
    Build {
        name: "containerd-shim",
        component: "containerd",
        version: versions::CONTAINERD,
        module: CONTAINERD,
        packages: &[package(
            "github.com/containerd/containerd/v2/cmd/containerd-shim-runc-v2",
            "containerd-shim-runc-v2",
            &["containerd-shim-runc-v2"],
            Purpose::Cluster,
        )],
        // One shim runs beside every pod: without gRPC it is smaller, as upstream builds it.
        tags: &["no_btrfs", "urfave_cli_no_docs", "no_grpc"],
        linking: Linking::PureGo,
        variables: CONTAINERD_VARIABLES,
        usual_seconds: 5,
    },
    Build {
        name: "runc",
        component: "runc",
        version: versions::RUNC,
        module: RUNC,
        packages: &[package("github.com/opencontainers/runc", "runc", &["runc"], Purpose::Cluster)],
        tags: &["seccomp", "urfave_cli_no_docs", "netgo", "osusergo"],
        linking: Linking::StaticWithCgo,
        variables: &[],
        usual_seconds: 25,
    },
    Build {
        name: "cni-plugins",
        component: "cni-plugins",
        version: versions::CNI_PLUGINS,
        module: CNI_PLUGINS,
        packages: &[
            package(
                "github.com/containernetworking/plugins/plugins/main/bridge",
                "bridge",
                &["bridge"],
                Purpose::Cluster,
            ),
            package(
                "github.com/containernetworking/plugins/plugins/main/loopback",
                "loopback",
                &["loopback"],
                Purpose::Cluster,
            ),
            package(
                "github.com/containernetworking/plugins/plugins/ipam/host-local",
                "host-local",
                &["host-local"],
                Purpose::Cluster,
            ),
            package(
                "github.com/containernetworking/plugins/plugins/meta/portmap",
                "portmap",
                &["portmap"],
                Purpose::Cluster,
            ),
            package(
                "github.com/containernetworking/plugins/plugins/meta/bandwidth",
                "bandwidth",
                &["bandwidth"],
                Purpose::Cluster,
            ),
            package(
                "github.com/containernetworking/plugins/plugins/meta/tuning",
                "tuning",
                &["tuning"],
                Purpose::Cluster,
            ),
        ],
        tags: &[],
        linking: Linking::PureGo,
        variables: &[(
            "github.com/containernetworking/plugins/pkg/utils/buildversion.BuildVersion",
            Value::VersionWithV,
        )],
        usual_seconds: 7,
    },
    Build {
        name: "coredns",
        component: "coredns",
        version: versions::COREDNS,
        module: COREDNS,
        packages: &[package("github.com/coredns/coredns", "coredns", &["coredns"], Purpose::ImagePart)],
        tags: &["grpcnotrace"],
        linking: Linking::PureGo,
        variables: &[],
        usual_seconds: 120,
    },
    Build {
        name: "calico",
        component: "calico",
        version: versions::CALICO,
        module: CALICO,
        packages: &[
            package(
                "github.com/projectcalico/calico/node/cmd/calico-node",
                "calico-node",
                &["calico-node"],
                Purpose::ImagePart,
            ),
            // One program, which looks at the name it was started by.
            package(
                "github.com/projectcalico/calico/cni-plugin/cmd/calico",
                "calico",
                &["calico", "calico-ipam"],
                Purpose::Cluster,
            ),
            package(
                "github.com/projectcalico/calico/kube-controllers/cmd/kube-controllers",
                "kube-controllers",
                &["kube-controllers"],
                Purpose::ImagePart,
            ),
            package(
                "github.com/projectcalico/calico/kube-controllers/cmd/check-status",
                "check-status",
                &["check-status"],
                Purpose::ImagePart,
            ),
            package(
                "github.com/projectcalico/calico/calicoctl/calicoctl",
                "calicoctl",
                &["calicoctl"],
                Purpose::Cluster,
            ),
        ],
        tags: &[],
        linking: Linking::PureGo,
        variables: &[
            ("github.com/projectcalico/calico/node/pkg/lifecycle/startup.VERSION", Value::VersionWithV),
            ("github.com/projectcalico/calico/node/buildinfo.GitVersion", Value::VersionWithV),
            ("github.com/projectcalico/calico/felix/buildinfo.GitVersion", Value::VersionWithV),
            ("github.com/projectcalico/calico/calicoctl/calicoctl/commands.VERSION", Value::VersionWithV),
            ("github.com/projectcalico/calico/calicoctl/calicoctl/commands/common.VERSION", Value::VersionWithV),
            ("main.VERSION", Value::VersionWithV),
        ],
        usual_seconds: 210,
    },
    Build {
        name: "metrics-server",
        component: "metrics-server",
        version: versions::METRICS_SERVER,
        module: METRICS_SERVER,
        packages: &[package(
            "sigs.k8s.io/metrics-server/cmd/metrics-server",
            "metrics-server",
            &["metrics-server"],
            Purpose::ImagePart,
        )],
        tags: &[],
        linking: Linking::PureGo,
        variables: &[("k8s.io/client-go/pkg/version.gitVersion", Value::VersionWithV)],
        usual_seconds: 150,
    },
];
