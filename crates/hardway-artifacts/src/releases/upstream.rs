//! The table of what upstream publishes where, for amd64 and arm64.
//!
//! Each row was read in the project's own release scripts, which are named beside it.

use hardway_spec::versions;

use super::signature::{KUBERNETES_RELEASES, Keyless};
use crate::Architecture;

/// One file of a release. In its texts, `{version}` and `{arch}` stand for the version and the architecture.
#[derive(Debug)]
pub(crate) struct Upstream {
    /// A component of [`versions::TABLE`].
    pub(crate) component: &'static str,
    /// Without a leading `v`.
    pub(crate) version: &'static str,
    url: &'static str,
    checksums: Checksums,
    /// Who signs it, where that is known and `cosign` can check it.
    pub(crate) signature: Option<&'static Keyless>,
    contents: Contents,
}

/// Where the checksum stands.
#[derive(Debug)]
enum Checksums {
    /// In a file of its own, named like the file with this at the end.
    Beside(&'static str),
    /// In a list of this name in the same folder.
    List(&'static str),
}

#[derive(Debug)]
enum Contents {
    /// The file is the program of this name.
    Program(&'static str),
    /// A tar archive compressed with gzip, with programs in one folder.
    Archive { folder: &'static str, programs: &'static [&'static str] },
}

/// In the order of [`versions::TABLE`].
pub(crate) const UPSTREAMS: &[Upstream] = &[
    // `build/lib/release.sh` packs server and client programs below `kubernetes/server/bin`. The single programs below
    // `bin/linux/ARCH` would be an alternative; the tarball is one download with one digest, which the CHANGELOG of the
    // next patch release writes down, and it is compressed, which they are not.
    Upstream {
        component: "kubernetes",
        version: versions::KUBERNETES,
        url: "https://dl.k8s.io/v{version}/kubernetes-server-linux-{arch}.tar.gz",
        checksums: Checksums::Beside(".sha512"),
        signature: Some(&KUBERNETES_RELEASES),
        contents: Contents::Archive {
            folder: "kubernetes/server/bin",
            programs: &[
                "kube-apiserver",
                "kube-controller-manager",
                "kube-scheduler",
                "kubelet",
                "kube-proxy",
                "kubectl",
                "kubeadm",
            ],
        },
    },
    // etcd's `scripts/release.sh` and `scripts/build-binary.sh`.
    Upstream {
        component: "etcd",
        version: versions::ETCD,
        url: "https://github.com/etcd-io/etcd/releases/download/v{version}/etcd-v{version}-linux-{arch}.tar.gz",
        checksums: Checksums::List("SHA256SUMS"),
        signature: None,
        contents: Contents::Archive {
            folder: "etcd-v{version}-linux-{arch}",
            programs: &["etcd", "etcdctl", "etcdutl"],
        },
    },
    // containerd's `Makefile` (release, static-release) and `.github/workflows/release/Dockerfile`, which makes both.
    // The static programs run whatever C library a machine has, as those that hardway builds do; the others need glibc.
    Upstream {
        component: "containerd",
        version: versions::CONTAINERD,
        url: "https://github.com/containerd/containerd/releases/download/v{version}/\
              containerd-static-{version}-linux-{arch}.tar.gz",
        checksums: Checksums::Beside(".sha256sum"),
        signature: None,
        contents: Contents::Archive { folder: "bin", programs: &["containerd", "ctr", "containerd-shim-runc-v2"] },
    },
    // runc's `script/release_build.sh`; `script/release_sign.sh` puts the list into an OpenPGP signature.
    Upstream {
        component: "runc",
        version: versions::RUNC,
        url: "https://github.com/opencontainers/runc/releases/download/v{version}/runc.{arch}",
        checksums: Checksums::List("runc.sha256sum"),
        signature: None,
        contents: Contents::Program("runc"),
    },
    // The plugins' `.github/workflows/release.yaml`.
    Upstream {
        component: "cni-plugins",
        version: versions::CNI_PLUGINS,
        url: "https://github.com/containernetworking/plugins/releases/download/v{version}/\
              cni-plugins-linux-{arch}-v{version}.tgz",
        checksums: Checksums::Beside(".sha512"),
        signature: None,
        contents: Contents::Archive {
            folder: "",
            programs: &["bridge", "loopback", "host-local", "portmap", "bandwidth", "tuning"],
        },
    },
    // Calico's `hack/release/pkg/builder/builder.go` (collectGithubArtifacts). Its CNI plugins are published in the
    // image calico/cni alone.
    Upstream {
        component: "calico",
        version: versions::CALICO,
        url: "https://github.com/projectcalico/calico/releases/download/v{version}/calicoctl-linux-{arch}",
        checksums: Checksums::List("SHA256SUMS"),
        signature: None,
        contents: Contents::Program("calicoctl"),
    },
];

impl Upstream {
    /// The file that holds a program.
    pub(crate) fn of(program: &str) -> Option<&'static Self> {
        UPSTREAMS.iter().find(|upstream| upstream.programs().contains(&program))
    }

    pub(crate) fn programs(&self) -> &[&'static str] {
        match &self.contents {
            Contents::Program(program) => std::slice::from_ref(program),
            Contents::Archive { programs, .. } => programs,
        }
    }

    pub(crate) fn url(&self, architecture: Architecture) -> String {
        self.filled(self.url, architecture)
    }

    /// The address of the checksum file, for the file at `url`, and the name that it has there.
    pub(crate) fn checksums<'u>(&self, url: &'u str) -> (String, &'u str) {
        let (folder, name) = url.rsplit_once('/').expect("every address in the table has a path");
        let address = match self.checksums {
            Checksums::Beside(suffix) => format!("{url}{suffix}"),
            Checksums::List(list) => format!("{folder}/{list}"),
        };
        (address, name)
    }

    /// The folder with the programs, if the file is an archive.
    pub(crate) fn archive_folder(&self, architecture: Architecture) -> Option<String> {
        match self.contents {
            Contents::Program(_) => None,
            Contents::Archive { folder, .. } => Some(self.filled(folder, architecture)),
        }
    }

    fn filled(&self, template: &str, architecture: Architecture) -> String {
        template.replace("{version}", self.version).replace("{arch}", architecture.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Purpose;
    use crate::build::BUILDS;

    #[test]
    fn every_program_of_a_cluster_is_published_but_calicos_plugins() {
        for build in BUILDS {
            let packages = build.packages.iter().filter(|package| package.purpose != Purpose::ImagePart);
            for program in packages.flat_map(|package| package.installed_as) {
                let upstreams: Vec<_> =
                    UPSTREAMS.iter().filter(|upstream| upstream.programs().contains(program)).collect();
                match upstreams[..] {
                    [upstream] => assert_eq!((upstream.component, upstream.version), (build.component, build.version)),
                    _ => assert!(["calico", "calico-ipam"].contains(program), "{program}: {upstreams:?}"),
                }
            }
        }
    }

    #[test]
    fn addresses_are_filled_in() {
        let places: Vec<_> = UPSTREAMS
            .iter()
            .map(|upstream| {
                let url = upstream.url(Architecture::ARM64);
                let (checksums, name) = upstream.checksums(&url);
                assert!(url.ends_with(name) && !checksums.contains('{'), "{checksums}");
                (url, checksums)
            })
            .collect();
        let etcd = versions::ETCD;
        let folder = format!("https://github.com/etcd-io/etcd/releases/download/v{etcd}");
        assert_eq!(places[1], (format!("{folder}/etcd-v{etcd}-linux-arm64.tar.gz"), format!("{folder}/SHA256SUMS")));
        let kubernetes = format!("https://dl.k8s.io/v{}/kubernetes-server-linux-arm64.tar.gz", versions::KUBERNETES);
        assert_eq!(places[0], (kubernetes.clone(), format!("{kubernetes}.sha512")));
    }
}
