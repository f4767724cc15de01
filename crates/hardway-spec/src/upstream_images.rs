//! Where upstream publishes the images of a cluster, in one table.
//!
//! Invariant: no other file of the project spells a place of upstream's images.

use crate::versions;

/// An image of upstream's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UpstreamImage {
    /// As hardway calls it.
    pub name: &'static str,
    /// With the registry, without the tag.
    pub repository: &'static str,
    tag_prefix: &'static str,
    /// Upstream's, without a leading `v`.
    pub version: &'static str,
}

impl UpstreamImage {
    /// What a pod's `image:` says.
    #[must_use]
    pub fn reference(&self) -> String {
        format!("{}:{}", self.repository, self.tag())
    }

    #[must_use]
    pub fn tag(&self) -> String {
        format!("{}{}", self.tag_prefix, self.version)
    }
}

const fn image(
    name: &'static str,
    repository: &'static str,
    tag_prefix: &'static str,
    version: &'static str,
) -> UpstreamImage {
    UpstreamImage { name, repository, tag_prefix, version }
}

/// Kubernetes' own test image, which has BIND's nslookup (`test/images/agnhost/Dockerfile`).
const AGNHOST: &str = "registry.k8s.io/e2e-test-images/agnhost";

/// One for each image that a cluster needs, in the order in which its start needs them.
pub const IMAGES: &[UpstreamImage] = &[
    // kubeadm's own (`cmd/kubeadm/app/constants`).
    image("pause", "registry.k8s.io/pause", "", versions::PAUSE),
    // As Calico's own manifests say (`manifests/calico.yaml`).
    image("calico-node", "docker.io/calico/node", "v", versions::CALICO),
    image("calico-kube-controllers", "docker.io/calico/kube-controllers", "v", versions::CALICO),
    // CoreDNS' own place (`Makefile.docker`). registry.k8s.io has those versions alone that a kubeadm installs.
    image("coredns", "docker.io/coredns/coredns", "", versions::COREDNS),
    // As its README and its chart say.
    image("metrics-server", "registry.k8s.io/metrics-server/metrics-server", "v", versions::METRICS_SERVER),
    image("dnsutils", AGNHOST, "", versions::AGNHOST),
    image("agnhost", AGNHOST, "", versions::AGNHOST),
];

/// Calico publishes its CNI plugins nowhere else than in this image (`cni-plugin/Dockerfile`).
pub const CALICO_CNI: UpstreamImage = image("calico-cni", "docker.io/calico/cni", "v", versions::CALICO);

/// The image that hardway calls `name`.
#[must_use]
pub fn find(name: &str) -> Option<&'static UpstreamImage> {
    IMAGES.iter().find(|image| image.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_written_as_upstream_writes_them() {
        assert_eq!(find("pause").unwrap().reference(), format!("registry.k8s.io/pause:{}", versions::PAUSE));
        assert_eq!(CALICO_CNI.reference(), format!("docker.io/calico/cni:v{}", versions::CALICO));
        assert_eq!(find("kube-apiserver"), None);
    }
}
