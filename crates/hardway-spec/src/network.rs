//! The cluster's network.

use std::net::{IpAddr, Ipv4Addr};

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Network {
    /// The range pods get their addresses from.
    #[schemars(with = "crate::schema::Cidr")]
    pub pods: IpNet,
    /// The range Services get their addresses from.
    #[schemars(with = "crate::schema::Cidr")]
    pub services: IpNet,
    /// The cluster DNS Service's address, inside `services`.
    pub dns: IpAddr,
    /// The cluster's DNS domain.
    pub domain: String,
    pub cni: Cni,
    pub kube_proxy: ProxyMode,
}

impl Default for Network {
    fn default() -> Self {
        Self {
            pods: IpNet::new_assert(Ipv4Addr::new(10, 200, 0, 0).into(), 16),
            services: IpNet::new_assert(Ipv4Addr::new(10, 32, 0, 0).into(), 24),
            dns: Ipv4Addr::new(10, 32, 0, 10).into(),
            domain: "cluster.local".to_owned(),
            cni: Cni::default(),
            kube_proxy: ProxyMode::default(),
        }
    }
}

impl Network {
    /// The `kubernetes` Service's address: the first of the service range.
    pub fn kubernetes_service(&self) -> IpAddr {
        self.services.hosts().next().unwrap_or(self.services.network())
    }
}

/// The pod network, exactly one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Cni {
    Calico(Calico),
    /// The `bridge` plugin with a pod range per node and static routes between machines.
    Bridge(Bridge),
}

impl Default for Cni {
    fn default() -> Self {
        Self::Calico(Calico::default())
    }
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Calico {
    pub encapsulation: Encapsulation,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Bridge {}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Encapsulation {
    #[default]
    Vxlan,
    Ipip,
    None,
}

/// kube-proxy's mode (`KubeProxyConfiguration.mode`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ProxyMode {
    #[default]
    Nftables,
    Iptables,
}

impl ProxyMode {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Nftables => "nftables",
            Self::Iptables => "iptables",
        }
    }
}
