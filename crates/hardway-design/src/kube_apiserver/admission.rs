//! What the API server admits: <https://kubernetes.io/docs/tasks/configure-pod-container/enforce-standards-admission-controller/>.

use serde::Serialize;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct AdmissionConfiguration {
    api_version: &'static str,
    kind: &'static str,
    plugins: Vec<Plugin>,
}

#[derive(Serialize)]
struct Plugin {
    name: &'static str,
    configuration: PodSecurityConfiguration,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PodSecurityConfiguration {
    api_version: &'static str,
    kind: &'static str,
    defaults: Defaults,
    exemptions: Exemptions,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Defaults {
    enforce: &'static str,
    enforce_version: &'static str,
    audit: &'static str,
    audit_version: &'static str,
    warn: &'static str,
    warn_version: &'static str,
}

#[derive(Serialize)]
struct Exemptions {
    namespaces: Vec<&'static str>,
}

/// Pods below the `baseline` standard are let in, with a warning and an audit annotation; a namespace may enforce it.
///
/// The network's own agents live in kube-system and must be privileged.
pub(super) fn configuration() -> AdmissionConfiguration {
    AdmissionConfiguration {
        api_version: "apiserver.config.k8s.io/v1",
        kind: "AdmissionConfiguration",
        plugins: vec![Plugin {
            name: "PodSecurity",
            configuration: PodSecurityConfiguration {
                api_version: "pod-security.admission.config.k8s.io/v1",
                kind: "PodSecurityConfiguration",
                defaults: Defaults {
                    enforce: "privileged",
                    enforce_version: "latest",
                    audit: "baseline",
                    audit_version: "latest",
                    warn: "baseline",
                    warn_version: "latest",
                },
                exemptions: Exemptions { namespaces: vec!["kube-system"] },
            },
        }],
    }
}
