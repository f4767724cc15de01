//! The table of images, and what each is put together from.
//!
//! Invariant: no container engine and no image that somebody else made takes part.

use std::time::Duration;

use hardway_spec::versions;

use crate::Purpose;

/// Changes when the way of assembling changes, so that older archives are not used any more.
pub(crate) const FORMAT: &str = "2";

/// The host part of every reference. No registry answers to it: images are imported.
const REPOSITORY: &str = "hardway.local";

/// One image.
#[derive(Debug)]
pub(crate) struct Recipe {
    pub(crate) name: &'static str,
    pub(crate) version: &'static str,
    /// What the tag has before the version: kubeadm insists on a `v` for its own images.
    tag_prefix: &'static str,
    pub(crate) purpose: Purpose,
    pub(crate) parts: &'static [Part],
    pub(crate) entrypoint: &'static [&'static str],
    pub(crate) command: &'static [&'static str],
    pub(crate) environment: &'static [&'static str],
    /// Numeric, so that Kubernetes can tell that it is not root. Empty means root.
    pub(crate) user: &'static str,
    usual_seconds: u64,
}

impl Recipe {
    /// What a pod's `image:` says.
    pub(crate) fn reference(&self) -> String {
        format!("{REPOSITORY}/{}:{}", self.name, self.tag())
    }

    pub(crate) fn tag(&self) -> String {
        format!("{}{}", self.tag_prefix, self.version)
    }

    pub(crate) fn usual(&self) -> Duration {
        Duration::from_secs(self.usual_seconds)
    }
}

/// A part of an image's file system. Later parts replace what earlier ones put at the same path.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Part {
    /// A binary of [`BUILDS`](crate::build::BUILDS), by its output's name.
    Binary {
        output: &'static str,
        at: &'static str,
        capability: Option<Capability>,
    },
    /// A statically linked C program, compiled here.
    CProgram {
        module: &'static str,
        /// Below the module's folder.
        source: &'static str,
        definition: &'static str,
        at: &'static str,
    },
    /// Files of the host distribution's packages and every shared library that they need.
    Debian {
        packages: &'static [&'static str],
        keep: &'static [Keep],
    },
    /// A folder of a module, whose zip archives carry no run bits.
    ModuleFolder {
        module: &'static str,
        /// Below the module's folder.
        folder: &'static str,
        at: &'static str,
        /// The names of the files that can be run, wherever below `folder` they are.
        runnable: &'static [&'static str],
    },
    Directory {
        at: &'static str,
    },
    /// An empty file that a user other than root may write.
    Writable {
        at: &'static str,
        owner: u64,
    },
    /// Links named after `applets`, in `folder`, to one program that looks at its name.
    Applets {
        folder: &'static str,
        program: &'static str,
        applets: &'static [&'static str],
    },
}

/// Which files of packages stay. Paths are as they are with `/bin`, `/sbin` and `/lib` merged
/// into `/usr`, without the leading slash.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Keep {
    /// The command of this name in `usr/bin` or `usr/sbin`.
    Command(&'static str),
    /// Every command whose name contains this.
    CommandsNamed(&'static str),
    /// All of a folder, `*` standing for one part of a path.
    Folder(&'static str),
    File(&'static str),
}

/// A file capability.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Capability {
    /// Bind ports below 1024 without being root.
    NetBindService,
}

/// The module that holds pause and agnhost.
const KUBERNETES_MODULE: &str = "k8s.io/kubernetes";
const CALICO_MODULE: &str = "github.com/projectcalico/calico";

const PATH: &[&str] = &["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"];

/// What shell scripts of the images use. Debian's `busybox` has them all.
const SHELL_APPLETS: &[&str] = &[
    "awk", "basename", "cat", "chmod", "chown", "cp", "cut", "date", "dd", "df", "dirname", "du", "echo", "env",
    "expr", "false", "find", "grep", "head", "hostname", "id", "kill", "ln", "ls", "mkdir", "mount", "mv", "nc",
    "ping", "printf", "ps", "pwd", "readlink", "rm", "rmdir", "sed", "seq", "sh", "sleep", "sort", "stat", "tail",
    "tee", "test", "timeout", "touch", "tr", "true", "umount", "uname", "uniq", "wc", "wget", "which", "xargs",
];

const SHELL: Part = Part::Applets { folder: "usr/bin", program: "busybox", applets: SHELL_APPLETS };

const fn binary(output: &'static str, at: &'static str) -> Part {
    Part::Binary { output, at, capability: None }
}

/// A kubeadm image: one program in PATH, since kubeadm's manifests name it without a folder.
const fn kubeadm_image(name: &'static str, version: &'static str, parts: &'static [Part]) -> Recipe {
    Recipe {
        name,
        version,
        tag_prefix: "v",
        purpose: Purpose::Benchmark,
        parts,
        entrypoint: &[],
        command: &[],
        environment: PATH,
        user: "",
        usual_seconds: 4,
    }
}

/// In the order in which a cluster's start needs them.
pub(crate) const RECIPES: &[Recipe] = &[
    Recipe {
        name: "pause",
        version: versions::PAUSE,
        tag_prefix: "",
        purpose: Purpose::Cluster,
        // Flags and definition as in build/pause/Makefile.
        parts: &[Part::CProgram {
            module: KUBERNETES_MODULE,
            source: "build/pause/linux/pause.c",
            definition: versions::PAUSE,
            at: "pause",
        }],
        entrypoint: &["/pause"],
        command: &[],
        environment: PATH,
        user: "65535:65535",
        usual_seconds: 1,
    },
    Recipe {
        name: "calico-node",
        version: versions::CALICO,
        tag_prefix: "",
        purpose: Purpose::Cluster,
        parts: &[
            Part::Debian {
                packages: &[
                    "busybox",
                    "conntrack",
                    "ipset",
                    "iproute2",
                    "iptables",
                    "kmod",
                    "net-tools",
                    "netbase",
                    "runit",
                ],
                keep: &[
                    Keep::Command("arp"),
                    Keep::Command("busybox"),
                    Keep::Command("conntrack"),
                    Keep::Command("ip"),
                    Keep::Command("ipset"),
                    Keep::Command("kmod"),
                    Keep::Command("lsmod"),
                    Keep::Command("modprobe"),
                    Keep::Command("runsv"),
                    Keep::Command("runsvdir"),
                    Keep::Command("sv"),
                    Keep::Command("svlogd"),
                    Keep::CommandsNamed("tables"),
                    Keep::Folder("usr/lib/*/xtables"),
                    Keep::Folder("etc/iproute2"),
                    Keep::Folder("usr/share/iproute2"),
                    Keep::File("etc/protocols"),
                    Keep::File("etc/services"),
                ],
            },
            SHELL,
            // What Debian's alternatives system would have linked when the package was installed.
            Part::Applets {
                folder: "usr/sbin",
                program: "xtables-nft-multi",
                applets: &[
                    "ip6tables",
                    "ip6tables-restore",
                    "ip6tables-save",
                    "iptables",
                    "iptables-restore",
                    "iptables-save",
                ],
            },
            Part::ModuleFolder {
                module: CALICO_MODULE,
                folder: "node/filesystem/etc",
                at: "etc",
                runnable: &["rc.local", "run"],
            },
            Part::ModuleFolder {
                module: CALICO_MODULE,
                folder: "node/filesystem/sbin",
                at: "usr/sbin",
                runnable: &["restart-calico-confd", "start_runit", "versions"],
            },
            // confd renders BIRD's configuration from these.
            Part::ModuleFolder {
                module: CALICO_MODULE,
                folder: "confd/etc/calico/confd",
                at: "etc/calico/confd",
                runnable: &[],
            },
            Part::Directory { at: "etc/calico/confd/config" },
            Part::Directory { at: "var/log/calico" },
            Part::Directory { at: "var/run/calico" },
            Part::Directory { at: "var/lib/calico" },
            binary("calico-node", "usr/bin/calico-node"),
        ],
        entrypoint: &[],
        command: &["start_runit"],
        environment: &[
            "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            // Tells sv where the services are.
            "SVDIR=/etc/service/enabled",
        ],
        user: "",
        usual_seconds: 9,
    },
    Recipe {
        name: "calico-kube-controllers",
        version: versions::CALICO,
        tag_prefix: "",
        purpose: Purpose::Cluster,
        parts: &[
            binary("kube-controllers", "usr/bin/kube-controllers"),
            binary("check-status", "usr/bin/check-status"),
            Part::Writable { at: "status/status.json", owner: 999 },
            Part::Writable { at: "profiles/mem.pprof", owner: 999 },
            Part::Writable { at: "profiles/cpu.pprof", owner: 999 },
        ],
        entrypoint: &["/usr/bin/kube-controllers"],
        command: &[],
        environment: PATH,
        user: "999",
        usual_seconds: 3,
    },
    Recipe {
        name: "coredns",
        version: versions::COREDNS,
        tag_prefix: "",
        purpose: Purpose::Cluster,
        parts: &[Part::Binary { output: "coredns", at: "coredns", capability: Some(Capability::NetBindService) }],
        entrypoint: &["/coredns"],
        command: &[],
        environment: PATH,
        user: "65532:65532",
        usual_seconds: 4,
    },
    Recipe {
        name: "metrics-server",
        version: versions::METRICS_SERVER,
        tag_prefix: "",
        purpose: Purpose::Cluster,
        parts: &[
            binary("metrics-server", "metrics-server"),
            // Its serving certificate is put below /tmp when none is given.
            Part::Directory { at: "tmp" },
        ],
        entrypoint: &["/metrics-server"],
        command: &[],
        environment: PATH,
        user: "65534",
        usual_seconds: 4,
    },
    Recipe {
        name: "dnsutils",
        version: versions::DNSUTILS,
        tag_prefix: "",
        purpose: Purpose::Cluster,
        parts: &[
            Part::Debian {
                packages: &["bind9-dnsutils", "bind9-host", "busybox"],
                keep: &[
                    Keep::Command("busybox"),
                    Keep::Command("dig"),
                    Keep::Command("host"),
                    Keep::Command("nslookup"),
                ],
            },
            SHELL,
            Part::Directory { at: "tmp" },
        ],
        entrypoint: &[],
        command: &["sleep", "infinity"],
        environment: PATH,
        user: "",
        usual_seconds: 9,
    },
    Recipe {
        name: "agnhost",
        version: versions::AGNHOST,
        tag_prefix: "",
        purpose: Purpose::Cluster,
        parts: &[binary("agnhost", "agnhost"), Part::Directory { at: "tmp" }, Part::Directory { at: "uploads" }],
        entrypoint: &["/agnhost"],
        command: &["pause"],
        environment: PATH,
        user: "",
        usual_seconds: 2,
    },
    kubeadm_image("kube-apiserver", versions::KUBERNETES, &[binary("kube-apiserver", "usr/local/bin/kube-apiserver")]),
    kubeadm_image(
        "kube-controller-manager",
        versions::KUBERNETES,
        &[binary("kube-controller-manager", "usr/local/bin/kube-controller-manager")],
    ),
    kubeadm_image("kube-scheduler", versions::KUBERNETES, &[binary("kube-scheduler", "usr/local/bin/kube-scheduler")]),
    kubeadm_image(
        "kube-proxy",
        versions::KUBERNETES,
        &[
            Part::Debian {
                packages: &["busybox", "conntrack", "iptables", "kmod", "netbase", "nftables"],
                keep: &[
                    Keep::Command("busybox"),
                    Keep::Command("conntrack"),
                    Keep::Command("kmod"),
                    Keep::Command("modprobe"),
                    Keep::Command("nft"),
                    Keep::CommandsNamed("tables"),
                    Keep::Folder("usr/lib/*/xtables"),
                    Keep::File("etc/protocols"),
                    Keep::File("etc/services"),
                ],
            },
            SHELL,
            Part::Applets {
                folder: "usr/sbin",
                program: "xtables-nft-multi",
                applets: &[
                    "ip6tables",
                    "ip6tables-restore",
                    "ip6tables-save",
                    "iptables",
                    "iptables-restore",
                    "iptables-save",
                ],
            },
            binary("kube-proxy", "usr/local/bin/kube-proxy"),
        ],
    ),
    kubeadm_image(
        "etcd",
        versions::ETCD,
        &[binary("server", "usr/local/bin/etcd"), binary("etcdctl", "usr/local/bin/etcdctl")],
    ),
];
