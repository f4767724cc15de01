//! What every check can draw on.

use std::net::{IpAddr, SocketAddr};

use hardway_cluster::{Access, Credentials, Live};
use hardway_pki::{Bundle, Identity, KeyPair};
use hardway_spec::{Cluster, Machine};

use crate::fault::{Expecting, Verdict};
use crate::testbed::TestBed;
use crate::{Context, Options};

/// The API server's port, on control planes and load balancers.
pub(crate) const API_PORT: u16 = 6443;
/// The load balancer's HTTPS port for those who have tokens.
pub(crate) const HTTPS_PORT: u16 = 443;

#[derive(Clone, Copy)]
pub(crate) struct Scene<'a> {
    pub(crate) context: Context<'a>,
    pub(crate) options: Options,
    pub(crate) bed: &'a TestBed,
}

impl<'a> Scene<'a> {
    pub(crate) fn cluster(self) -> &'a Cluster {
        self.context.cluster
    }

    pub(crate) fn live(self) -> &'a Live {
        self.context.live
    }

    pub(crate) fn bundle(self) -> &'a Bundle {
        self.context.bundle
    }

    pub(crate) fn key_pair(self, identity: &Identity) -> Verdict<&'a KeyPair> {
        self.bundle().get(identity).expecting("the workspace has every certificate", "hardway apply")
    }

    /// The API at one machine's own address, as the administrator.
    pub(crate) fn api_at(self, machine: &Machine) -> Verdict<Live> {
        let admin = Credentials::Certificate(self.key_pair(&Identity::Admin)?.clone());
        self.api(machine.address, API_PORT, &Identity::ClusterAuthority, &admin)
    }

    /// The API at any address, under the endpoint's name.
    pub(crate) fn api(
        self,
        address: IpAddr,
        port: u16,
        authority: &Identity,
        credentials: &Credentials,
    ) -> Verdict<Live> {
        let access = Access {
            server: SocketAddr::new(address, port),
            server_name: self.cluster().spec.endpoint.clone(),
            authority: self.key_pair(authority)?.certificate.clone(),
        };
        connect(&access, credentials)
    }
}

pub(crate) fn connect(access: &Access, credentials: &Credentials) -> Verdict<Live> {
    Live::connect(access, credentials).expecting("credentials that a client can use", "hardway apply")
}
