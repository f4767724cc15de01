//! The projects that artifacts come from, with the licence that each declares.

/// One project, under one licence.
#[derive(Debug)]
pub(super) struct Project {
    /// As in [`hardway_spec::versions::TABLE`].
    component: &'static str,
    /// The Go modules that its programs are in.
    pub(super) modules: &'static [&'static str],
    /// SPDX identifier of the `LICENSE` file in the modules' root, of the versions that hardway installs.
    pub(super) licence: &'static str,
}

const APACHE: &str = "Apache-2.0";

/// Each licence was read in the module's own `LICENSE` file.
pub(super) const PROJECTS: &[Project] = &[
    Project { component: "kubernetes", modules: &["k8s.io/kubernetes"], licence: APACHE },
    Project {
        component: "etcd",
        modules: &["go.etcd.io/etcd/server/v3", "go.etcd.io/etcd/etcdctl/v3", "go.etcd.io/etcd/etcdutl/v3"],
        licence: APACHE,
    },
    Project { component: "containerd", modules: &["github.com/containerd/containerd/v2"], licence: APACHE },
    Project { component: "runc", modules: &["github.com/opencontainers/runc"], licence: APACHE },
    Project { component: "cni-plugins", modules: &["github.com/containernetworking/plugins"], licence: APACHE },
    Project { component: "coredns", modules: &["github.com/coredns/coredns"], licence: APACHE },
    Project { component: "calico", modules: &["github.com/projectcalico/calico"], licence: APACHE },
    Project { component: "metrics-server", modules: &["sigs.k8s.io/metrics-server"], licence: APACHE },
];

/// The licence of a component's programs.
///
/// An image holds more than its project's own program, so nothing is said of images.
pub(super) fn licence(component: &str) -> Option<&'static str> {
    PROJECTS.iter().find(|project| project.component == component).map(|project| project.licence)
}

/// The Go module that holds a package.
pub(super) fn module_of(package: &str) -> Option<&'static str> {
    PROJECTS
        .iter()
        .flat_map(|project| project.modules)
        .copied()
        .find(|module| package.strip_prefix(module).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::build::BUILDS;

    #[test]
    fn every_program_has_a_project() {
        for build in BUILDS {
            assert!(licence(build.component).is_some(), "{}", build.component);
            for package in build.packages {
                assert!(module_of(package.path).is_some(), "{}", package.path);
            }
        }
        assert_eq!(module_of("k8s.io/kubernetes/cmd/kubelet"), Some("k8s.io/kubernetes"));
        assert_eq!(module_of("k8s.io/kubernetes-other/cmd"), None);
    }
}
