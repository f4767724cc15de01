//! Rules of the cluster's own settings: name, version, endpoint, certificates, SSH.

use super::names::{LABEL_HELP, is_label, is_name};
use super::{Checker, names};
use crate::{suggest, versions};

/// X.520's upper bound of a common name (RFC 5280, appendix A.1), which the endpoint is in the load balancer's
/// certificate.
const COMMON_NAME_LIMIT: usize = 64;

/// X.520's least upper bound of the other subject fields, an organizational unit's.
const SUBJECT_FIELD_LIMIT: usize = 64;

pub(super) fn check(checker: &mut Checker<'_>) {
    name(checker);
    version(checker);
    endpoint(checker);
    subject(checker);
    validity(checker);
    ssh(checker);
}

fn name(checker: &mut Checker<'_>) {
    let path = "metadata.name";
    let name = &checker.cluster.metadata.name;
    if checker.is_sound(path) && !is_label(name) {
        checker.report(path, format!("`{name}` cannot be a cluster's name"), LABEL_HELP);
    }
}

fn version(checker: &mut Checker<'_>) {
    let path = "spec.kubernetes.version";
    let version = checker.cluster.spec.kubernetes.version.as_str();
    let supported = versions::SUPPORTED_KUBERNETES;
    if !checker.is_sound(path) || supported.contains(&version) {
        return;
    }
    let help = match version.strip_prefix('v') {
        Some(bare) if supported.contains(&bare) => format!("write it without the `v`: `{bare}`"),
        _ => format!("this hardway builds {}", suggest::list(supported)),
    };
    checker.report(path, format!("Kubernetes {version} is not supported"), help);
}

fn endpoint(checker: &mut Checker<'_>) {
    let path = "spec.endpoint";
    let endpoint = &checker.cluster.spec.endpoint;
    if !checker.is_sound(path) {
        return;
    }
    if !is_name(endpoint) {
        checker.report(
            path,
            format!("`{endpoint}` is not a DNS name"),
            "use a name such as `k8s.example.com`, in lower case and without a port; machines and clients find its \
             address in /etc/hosts or DNS",
        );
    } else if endpoint.len() > COMMON_NAME_LIMIT {
        checker.report(
            path,
            format!("the name has {} characters", endpoint.len()),
            format!("use at most {COMMON_NAME_LIMIT}: certificates bear it as their common name"),
        );
    }
}

fn subject(checker: &mut Checker<'_>) {
    let subject = &checker.cluster.spec.pki.subject;
    let country_path = "spec.pki.subject.country";
    let country = &subject.country;
    if checker.is_sound(country_path)
        && !(country.len() == 2 && country.chars().all(|letter| letter.is_ascii_uppercase()))
    {
        checker.report(
            country_path,
            format!("`{country}` is not a country's code"),
            "use two capital letters, such as `GB` (ISO 3166-1 alpha-2)",
        );
    }
    for (field, value) in [
        ("state", &subject.state),
        ("locality", &subject.locality),
        ("organizationalUnit", &subject.organizational_unit),
    ] {
        let path = format!("spec.pki.subject.{field}");
        let fits = (1..=SUBJECT_FIELD_LIMIT).contains(&value.chars().count()) && !value.chars().any(char::is_control);
        if checker.is_sound(&path) && !fits {
            checker.report(
                &path,
                "this cannot stand in a certificate's subject",
                format!("use from 1 to {SUBJECT_FIELD_LIMIT} characters"),
            );
        }
    }
}

fn validity(checker: &mut Checker<'_>) {
    let validity = &checker.cluster.spec.pki.validity;
    let (authority_path, leaf_path) = ("spec.pki.validity.authorityDays", "spec.pki.validity.leafDays");
    let sound = checker.is_sound(authority_path) && checker.is_sound(leaf_path);
    if sound && validity.leaf_days > validity.authority_days {
        checker.report(
            leaf_path,
            format!(
                "certificates would be valid for {} days, longer than their authorities' {}",
                validity.leaf_days, validity.authority_days
            ),
            "no certificate outlives its authority: make `leafDays` less or `authorityDays` more",
        );
    }
}

fn ssh(checker: &mut Checker<'_>) {
    let ssh = &checker.cluster.spec.ssh;
    let is_user = |user: &str| {
        !user.is_empty()
            && !user.starts_with('-')
            && user.len() <= names::LABEL_LIMIT
            && user.chars().all(|c| c.is_ascii_alphanumeric() || "._-@".contains(c))
    };
    if checker.is_sound("spec.ssh.user") && !is_user(&ssh.user) {
        checker.report(
            "spec.ssh.user",
            format!("`{}` is not a user's name", ssh.user),
            "use the name that you log in with, such as `root`",
        );
    }
    if checker.is_sound("spec.ssh.identityFile") && ssh.identity_file.as_ref().is_some_and(String::is_empty) {
        checker.report(
            "spec.ssh.identityFile",
            "this names no file",
            "leave the field out to use the agent and what ssh's own configuration names",
        );
    }
}
