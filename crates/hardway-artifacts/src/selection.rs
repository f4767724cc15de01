//! Which artifacts are wanted.

use std::collections::BTreeSet;

use crate::build::BUILDS;
use crate::image::recipe::RECIPES;
use crate::{ArtifactName, Error, Purpose};

/// A set of artifacts, all of which exist in the tables.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection(BTreeSet<ArtifactName>);

impl Selection {
    /// All that building and verifying a cluster takes.
    #[must_use]
    pub fn cluster() -> Self {
        Self::of(|purpose| purpose == Purpose::Cluster)
    }

    /// What [`cluster`](Self::cluster) holds, and what a comparison with kubeadm needs.
    #[must_use]
    pub fn benchmark() -> Self {
        Self::of(|purpose| matches!(purpose, Purpose::Cluster | Purpose::Benchmark))
    }

    /// The artifacts of these names, as [`ArtifactName`] prints them: `kubelet`, `image/pause`.
    ///
    /// # Errors
    /// [`Error::UnknownArtifact`] for the first name that is in no table.
    pub fn named<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<Self, Error> {
        let known: Vec<_> = artifacts().map(|(artifact, _)| artifact).collect();
        names
            .into_iter()
            .map(|name| {
                known.iter().find(|artifact| artifact.to_string() == name).copied().ok_or_else(|| {
                    Error::UnknownArtifact {
                        name: name.to_owned(),
                        known: known.iter().map(ToString::to_string).collect(),
                    }
                })
            })
            .collect::<Result<_, _>>()
            .map(Self)
    }

    #[must_use]
    pub fn contains(&self, artifact: ArtifactName) -> bool {
        self.0.contains(&artifact)
    }

    /// The artifacts, binaries first, each group in the order of the alphabet.
    pub fn iter(&self) -> impl Iterator<Item = ArtifactName> {
        self.0.iter().copied()
    }

    fn of(wanted: impl Fn(Purpose) -> bool) -> Self {
        Self(artifacts().filter(|(_, purpose)| wanted(*purpose)).map(|(artifact, _)| artifact).collect())
    }
}

fn artifacts() -> impl Iterator<Item = (ArtifactName, Purpose)> {
    let binaries = BUILDS.iter().flat_map(|build| {
        build
            .packages
            .iter()
            .flat_map(|package| package.installed_as.iter().map(|name| (ArtifactName::Binary(name), package.purpose)))
    });
    let images = RECIPES.iter().map(|recipe| (ArtifactName::Image(recipe.name), recipe.purpose));
    binaries.chain(images)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cluster_needs_its_programs_and_images_but_not_kubeadm() {
        let cluster = Selection::cluster();
        for artifact in [
            ArtifactName::Binary("kubelet"),
            ArtifactName::Binary("calico-ipam"),
            ArtifactName::Image("calico-node"),
            ArtifactName::Image("dnsutils"),
        ] {
            assert!(cluster.contains(artifact), "{artifact}");
        }
        for artifact in
            [ArtifactName::Binary("kubeadm"), ArtifactName::Binary("coredns"), ArtifactName::Image("kube-apiserver")]
        {
            assert!(!cluster.contains(artifact), "{artifact}");
        }
        assert!(Selection::benchmark().contains(ArtifactName::Binary("kubeadm")));
    }

    #[test]
    fn names_are_read_as_they_are_printed() {
        let selection = Selection::named(["image/coredns", "kubelet"]).unwrap();
        let names: Vec<_> = selection.iter().map(|name| name.to_string()).collect();
        assert_eq!(names, ["kubelet", "image/coredns"]);
        let error = Selection::named(["kublet"]).unwrap_err().to_string();
        assert!(error.starts_with("no artifact is called kublet; there are kube-apiserver,"));
    }

    #[test]
    fn no_two_artifacts_share_a_name() {
        let mut names = BTreeSet::new();
        for (artifact, _) in artifacts() {
            assert!(names.insert(artifact), "{artifact} is there twice");
        }
    }
}
