//! What an artifact is obtained for.

/// Decides which artifacts [`Selection::cluster`](crate::Selection::cluster) holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// It goes to the machines of a cluster, or checks one.
    Cluster,
    /// It is only used inside of an image.
    ImagePart,
    /// It is only needed to compare hardway with kubeadm.
    Benchmark,
}
