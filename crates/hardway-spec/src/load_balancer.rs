//! What the load balancers do together.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct LoadBalancer {
    /// An address that the load balancers share: one of them has it, and another takes it over. It is one of their own
    /// network, and no machine's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub virtual_address: Option<IpAddr>,
    /// Tells this virtual address from others in the same network, which must have other numbers (VRID of RFC 5798).
    #[schemars(range(min = 1))]
    pub virtual_router_id: u8,
}

impl Default for LoadBalancer {
    fn default() -> Self {
        // The number of keepalived's own examples.
        Self { virtual_address: None, virtual_router_id: 51 }
    }
}
