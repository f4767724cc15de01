//! All clients together.

use std::time::Duration;

use hardway_cluster::Live;
use tokio::runtime::Runtime;

use super::inside::Inside;
use super::outside::Outside;
use super::record::{Call, Cost, cost, is_served, now};
use super::scene;
use crate::support::LabWorkspace;

/// Who calls, in the order of the table's columns.
pub(crate) const NAMES: [&str; 4] = ["API reads", "API writes", "Service calls", "name look-ups"];

/// A client that was served for so long without one failure is: where every second call of a Service fails, and four
/// are made in a second, twenty successes in a row are one in a million.
const SERVED_FOR: Duration = Duration::from_secs(5);

/// Until then every client is served again. A silent node's pods leave their Services after 50 s
/// (kube-controller-manager's default of node-monitor-grace-period); the rest is for a busy host.
const LIMIT: Duration = Duration::from_secs(180);

pub(crate) struct Clients<'l> {
    runtime: &'l Runtime,
    live: Live,
    outside: Outside,
    inside: Inside<'l>,
}

impl<'l> Clients<'l> {
    pub(crate) fn start(runtime: &'l Runtime, lab: &'l LabWorkspace) -> Self {
        hardway_cluster::install_crypto_provider();
        let (access, credentials) = (scene::access(lab), scene::administrator(lab));
        let live =
            runtime.block_on(async { Live::connect(&access, &credentials) }).expect("the certificate can be used");
        lab.kubectl(&["create", "namespace", scene::NAMESPACE]);
        let inside = Inside::start(runtime, &live, lab, &scene::spec(lab).spec.network.domain);
        let outside = Outside::start(runtime, access, credentials);
        Self { runtime, live, outside, inside }
    }

    /// All calls, by client; of those inside none, as long as they can't be asked for.
    fn calls(&self) -> [Vec<Call>; 4] {
        let [service, names] = self.inside.calls().unwrap_or_default();
        [self.outside.reads(), self.outside.writes(), service, names]
    }

    /// Waits until every client was served for [`SERVED_FOR`], all of it after `since`.
    pub(crate) fn wait_until_served(&self, since: Duration) {
        let end = now() + LIMIT;
        loop {
            let asked = now();
            let lately = asked.saturating_sub(SERVED_FOR);
            let calls = self.calls();
            let missing: Vec<&str> = NAMES
                .into_iter()
                .zip(&calls)
                .filter(|(_, calls)| !is_served(calls, lately, asked))
                .map(|(name, _)| name)
                .collect();
            if missing.is_empty() && lately >= since {
                return;
            }
            let missing = missing.join(", ");
            eprintln!("not yet served for {SERVED_FOR:?}: {missing}");
            assert!(now() < end, "after {LIMIT:?} still not: {missing}");
            std::thread::sleep(Duration::from_millis(500));
        }
    }

    pub(crate) fn costs(&self, began: Duration, ended: Duration) -> [Cost; 4] {
        self.calls().map(|calls| cost(&calls, began, ended))
    }

    pub(crate) fn assert_no_acknowledged_write_is_lost(&self) {
        let acknowledged = self.outside.acknowledged();
        let path = format!("/api/v1/namespaces/{}/configmaps", scene::NAMESPACE);
        let list = self.runtime.block_on(self.live.get_json(&path)).expect("the API answers");
        let items = list["items"].as_array().expect("a list");
        let there: std::collections::BTreeSet<&str> =
            items.iter().filter_map(|item| item["metadata"]["name"].as_str()).collect();
        let lost: Vec<&String> = acknowledged.iter().filter(|name| !there.contains(name.as_str())).collect();
        assert!(!acknowledged.is_empty());
        assert!(lost.is_empty(), "acknowledged, and not there: {lost:?}");
        eprintln!("all of {} acknowledged writes are there", acknowledged.len());
    }
}
