//! Rules of where artifacts come from.

use super::Checker;
use crate::ArtifactSource;

pub(super) fn check(checker: &mut Checker<'_>) {
    let artifacts = &checker.cluster.spec.artifacts;
    let source_path = "spec.artifacts.source";
    let Some(mirror) = &artifacts.mirror else {
        if artifacts.source == ArtifactSource::Mirror && checker.is_sound(source_path) {
            checker.report(
                source_path,
                "there is no mirror to take them from",
                "say where it is: `mirror: {files: https://mirror.example.com/k8s, images: registry.example.com/k8s}`",
            );
        }
        return;
    };
    let files_path = "spec.artifacts.mirror.files";
    if checker.is_sound(files_path) && !is_secure_url(&mirror.files) {
        checker.report(
            files_path,
            format!("`{}` is not an https URL", mirror.files),
            "use one without a query or credentials, such as `https://mirror.example.com/k8s`; a user's name and \
             password go into HARDWAY_MIRROR_USERNAME and HARDWAY_MIRROR_PASSWORD",
        );
    }
    let images_path = "spec.artifacts.mirror.images";
    if checker.is_sound(images_path) && !is_repository_prefix(&mirror.images) {
        checker.report(
            images_path,
            format!("`{}` is not a registry with a prefix", mirror.images),
            "use one without a scheme or a tag, such as `registry.example.com:5000/k8s`",
        );
    }
    let authority_path = "spec.artifacts.mirror.authority";
    if checker.is_sound(authority_path) && mirror.authority.as_ref().is_some_and(String::is_empty) {
        checker.report(
            authority_path,
            "this names no file",
            "leave the field out where the system's own authorities vouch for the mirror",
        );
    }
}

fn is_secure_url(text: &str) -> bool {
    let Some(rest) = text.strip_prefix("https://") else { return false };
    let host = rest.split('/').next().unwrap_or_default();
    !host.is_empty() && !rest.contains(|c: char| c.is_whitespace() || c.is_control() || "?#@".contains(c))
}

/// A host, perhaps with a port, and components of a repository's name (OCI distribution specification, "pull").
fn is_repository_prefix(text: &str) -> bool {
    let mut parts = text.split('/');
    let host = parts.next().unwrap_or_default();
    let (name, port) = host.split_once(':').unwrap_or((host, "443"));
    let is_host = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || ".-".contains(c));
    let is_component = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
            && part.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "._-".contains(c))
    };
    is_host && port.parse::<u16>().is_ok() && parts.all(is_component)
}
