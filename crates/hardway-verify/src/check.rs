//! Checks and their outcomes: what a verification says, line by line.

use std::fmt;
use std::time::Duration;

use serde::{Serialize, Serializer};

/// A part of the hard way, in its order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    Certificates,
    Kubeconfigs,
    DataEncryption,
    ControlPlane,
    HealthzProxy,
    FrontProxy,
    ServiceAccounts,
    ApiServerToKubelet,
    LoadBalancer,
    Workers,
    RemoteAccess,
    PodNetwork,
    Dns,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Certificates => "certificates",
            Self::Kubeconfigs => "kubeconfigs",
            Self::DataEncryption => "data encryption",
            Self::ControlPlane => "control plane",
            Self::HealthzProxy => "healthz proxy",
            Self::FrontProxy => "front-proxy",
            Self::ServiceAccounts => "service accounts",
            Self::ApiServerToKubelet => "API server to kubelet",
            Self::LoadBalancer => "load balancer",
            Self::Workers => "workers",
            Self::RemoteAccess => "remote access",
            Self::PodNetwork => "pod network",
            Self::Dns => "DNS",
        })
    }
}

impl Serialize for Part {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// One thing that must be so, and whether it is.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Check {
    pub part: Part,
    /// What must be so, as a statement: "the API server on cp1 is ready".
    pub title: String,
    pub outcome: Outcome,
    /// From the verification's start until this was known; checks run side by side.
    #[serde(rename = "elapsedSeconds", serialize_with = "seconds")]
    pub elapsed: Duration,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "result", rename_all = "kebab-case")]
pub enum Outcome {
    Passed,
    Failed(Fault),
    /// Nothing to check on this cluster, and why.
    NotApplicable {
        why: String,
    },
}

/// What was found instead of what must be. None of the texts ends a sentence, none holds a secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fault {
    pub found: String,
    pub expected: String,
    /// What the operator types or looks at next.
    pub hint: String,
}

impl Check {
    pub fn failed(&self) -> bool {
        matches!(self.outcome, Outcome::Failed(_))
    }
}

fn seconds<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(duration.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_reports_its_outcome_under_one_key() {
        let check = Check {
            part: Part::Dns,
            title: "CoreDNS answers".to_owned(),
            outcome: Outcome::Failed(Fault {
                found: "nothing".to_owned(),
                expected: "an address".to_owned(),
                hint: "hardway status".to_owned(),
            }),
            elapsed: Duration::from_millis(1500),
        };
        let expected = serde_json::json!({
            "part": "DNS", "title": "CoreDNS answers", "elapsedSeconds": 1.5,
            "outcome": {"result": "failed", "found": "nothing", "expected": "an address", "hint": "hardway status"},
        });
        assert_eq!(serde_json::to_value(&check).unwrap(), expected);
    }
}
