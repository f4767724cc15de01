//! Who may speak to the API server without a certificate or token.

use serde::Serialize;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct AuthenticationConfiguration {
    api_version: &'static str,
    kind: &'static str,
    anonymous: Anonymous,
}

#[derive(Serialize)]
struct Anonymous {
    enabled: bool,
    conditions: Vec<PathCondition>,
}

#[derive(Serialize)]
struct PathCondition {
    path: &'static str,
}

/// Anonymous requests reach the health paths, which load balancers ask, and nothing else.
pub(super) fn configuration() -> AuthenticationConfiguration {
    AuthenticationConfiguration {
        api_version: "apiserver.config.k8s.io/v1",
        kind: "AuthenticationConfiguration",
        anonymous: Anonymous {
            enabled: true,
            conditions: ["/livez", "/readyz", "/healthz"].map(|path| PathCondition { path }).into(),
        },
    }
}
