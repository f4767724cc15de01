//! The flags of each component: what its program knows, and which of them are hardway's own.
//!
//! What a program knows is what it says itself: `cargo xtask flags` writes the tables from its `--help`, and the lab
//! compares them with the programs that it runs.

mod help;
mod ours;

pub use help::{Flag, FlagKind, in_help};

use crate::Component;

/// How a flag takes to what an operator says of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// It is the operator's alone.
    Free,
    /// Hardway sets it, and what the operator says takes its place: an amount that they may know better.
    Default,
    /// Hardway sets it, and what the operator says is added to that: a list of words.
    Shared,
    /// Hardway sets it, or rests on it; what to do instead, as a clause.
    Ours(&'static str),
    /// The program does not look at it, since hardway gives it a configuration file.
    Ignored,
}

impl Component {
    /// Every flag of its program.
    pub fn flags(self) -> Vec<Flag> {
        self.table().lines().map(Flag::parse).collect()
    }

    pub fn claim(self, flag: &Flag) -> Claim {
        let ours = ours::of(self).iter().copied().flatten().find(|(name, _)| *name == flag.name);
        if let Some((_, instead)) = ours {
            return Claim::Ours(instead);
        }
        let of_flag = (self, flag.name.as_str());
        if ours::SHARED.contains(&of_flag) {
            return Claim::Shared;
        }
        if ours::DEFAULTS.contains(&of_flag) {
            return Claim::Default;
        }
        let unread = self == Self::KubeProxy && !ours::is_of_logging(&flag.name);
        if flag.ignored || unread { Claim::Ignored } else { Claim::Free }
    }

    /// Of a flag by its name; None where the program does not have it.
    pub fn claim_of(self, name: &str) -> Option<Claim> {
        self.flags().iter().find(|flag| flag.name == name).map(|flag| self.claim(flag))
    }

    fn table(self) -> &'static str {
        match self {
            Self::Etcd => include_str!("tables/etcd.txt"),
            Self::KubeApiserver => include_str!("tables/kube-apiserver.txt"),
            Self::KubeControllerManager => include_str!("tables/kube-controller-manager.txt"),
            Self::KubeScheduler => include_str!("tables/kube-scheduler.txt"),
            Self::Kubelet => include_str!("tables/kubelet.txt"),
            Self::KubeProxy => include_str!("tables/kube-proxy.txt"),
            Self::Containerd => include_str!("tables/containerd.txt"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_flag_that_is_claimed_is_one_that_the_program_has() {
        for component in Component::ALL {
            let flags: Vec<String> = component.flags().into_iter().map(|flag| flag.name).collect();
            assert!(flags.len() > 5, "{component}: {flags:?}");
            let claimed = ours::of(component).iter().copied().flatten().map(|(name, _)| *name);
            let lists = ours::SHARED.iter().chain(ours::DEFAULTS);
            let shared = lists.filter(|(of, _)| *of == component).map(|(_, name)| *name);
            let gone: Vec<&str> = claimed.chain(shared).filter(|name| !flags.iter().any(|flag| flag == name)).collect();
            assert!(gone.is_empty(), "{component} has no {gone:?}");
        }
    }

    #[test]
    fn no_flag_is_claimed_twice() {
        for component in Component::ALL {
            let mut names: Vec<&str> = ours::of(component).iter().copied().flatten().map(|(name, _)| *name).collect();
            names.sort_unstable();
            let twice: Vec<_> = names.windows(2).filter(|pair| pair[0] == pair[1]).collect();
            assert!(twice.is_empty(), "{component}: {twice:?}");
        }
    }

    #[test]
    fn what_a_program_with_a_configuration_file_ignores_is_known() {
        let claim = |component: Component, name: &str| component.claim_of(name).unwrap();
        assert_eq!(claim(Component::KubeProxy, "kube-api-qps"), Claim::Ignored);
        assert_eq!(claim(Component::KubeProxy, "v"), Claim::Free);
        assert_eq!(claim(Component::KubeScheduler, "kube-api-qps"), Claim::Ignored);
        assert_eq!(claim(Component::KubeScheduler, "leader-elect-lease-duration"), Claim::Free);
        assert_eq!(claim(Component::Kubelet, "max-pods"), Claim::Free);
    }
}
