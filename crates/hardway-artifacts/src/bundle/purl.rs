//! Package URLs, which name software across ecosystems: <https://github.com/package-url/purl-spec>.
//!
//! Types and their parts are those of the specification's `types/` folder.

use packageurl::PackageUrl;

use super::licences;
use crate::SourceKind;

/// Of a program: the Go package where it was built from one, else a generic name and where it was downloaded.
pub(super) fn program(
    name: &str,
    version: &str,
    architecture: &str,
    source: SourceKind,
    origin: &str,
) -> Option<String> {
    if source == SourceKind::GoModules {
        return go_package(origin);
    }
    let mut url = PackageUrl::new("generic", name).ok()?;
    url.with_version(version).ok()?;
    url.add_qualifier("arch", architecture).ok()?;
    if is_url(origin) {
        url.add_qualifier("download_url", origin).ok()?;
    }
    Some(url.to_string())
}

/// `PATH@VERSION` as a module, and the package below it.
fn go_package(origin: &str) -> Option<String> {
    let (package, version) = origin.rsplit_once('@')?;
    let module = licences::module_of(package)?;
    let (namespace, name) = module.rsplit_once('/')?;
    let mut url = PackageUrl::new("golang", name).ok()?;
    url.with_namespace(namespace).ok()?.with_version(version).ok()?;
    let below = package[module.len()..].trim_start_matches('/');
    if !below.is_empty() {
        url.with_subpath(below).ok()?;
    }
    Some(url.to_string())
}

/// Of an image: its manifest's digest, and the repository where a registry has it.
pub(super) fn image(reference: &str, manifest: &str, architecture: &str) -> Option<String> {
    let (repository, tag) = match reference.rsplit_once(':') {
        Some((repository, tag)) if !tag.contains('/') => (repository, Some(tag)),
        _ => (reference, None),
    };
    let (_, name) = repository.rsplit_once('/')?;
    let mut url = PackageUrl::new("oci", name).ok()?;
    url.with_version(manifest).ok()?.add_qualifier("arch", architecture).ok()?;
    if !repository.starts_with(ASSEMBLED_HERE) {
        url.add_qualifier("repository_url", repository).ok()?;
    }
    if let Some(tag) = tag {
        url.add_qualifier("tag", tag).ok()?;
    }
    Some(url.to_string())
}

/// No registry answers to it.
const ASSEMBLED_HERE: &str = "hardway.local/";

/// Of a distribution's package; `os` is `debian-12`.
pub(super) fn os_package(os: &str, name: &str, version: &str, architecture: &str) -> Option<String> {
    let vendor = os.split('-').next()?;
    let mut url = PackageUrl::new("deb", name).ok()?;
    url.with_namespace(vendor).ok()?.with_version(version).ok()?;
    url.add_qualifier("arch", architecture).ok()?.add_qualifier("distro", os).ok()?;
    Some(url.to_string())
}

pub(super) fn is_url(origin: &str) -> bool {
    origin.starts_with("https://") || origin.starts_with("http://")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_named_by_its_package_or_its_download() {
        let url = program("kubelet", "1.37.2", "amd64", SourceKind::GoModules, "k8s.io/kubernetes/cmd/kubelet@v1.37.2");
        assert_eq!(url.unwrap(), "pkg:golang/k8s.io/kubernetes@v1.37.2#cmd/kubelet");
        let url = program("etcd", "3.7.3", "amd64", SourceKind::GoModules, "go.etcd.io/etcd/server/v3@v3.7.3");
        assert_eq!(url.unwrap(), "pkg:golang/go.etcd.io/etcd/server/v3@v3.7.3");
        let url = program("kubelet", "1.37.2", "arm64", SourceKind::Releases, "https://dl.k8s.io/x.tar.gz");
        assert_eq!(url.unwrap(), "pkg:generic/kubelet@1.37.2?arch=arm64&download_url=https:%2F%2Fdl.k8s.io%2Fx.tar.gz");
    }

    #[test]
    fn an_image_is_named_by_its_manifest() {
        let digest = format!("sha256:{}", "ab".repeat(32));
        let url = image("registry.k8s.io/pause:3.10.2", &digest, "amd64").unwrap();
        assert_eq!(url, format!("pkg:oci/pause@{digest}?arch=amd64&repository_url=registry.k8s.io%2Fpause&tag=3.10.2"));
        let url = image("hardway.local/coredns:1.15.0", &digest, "amd64").unwrap();
        assert_eq!(url, format!("pkg:oci/coredns@{digest}?arch=amd64&tag=1.15.0"));
        let url = image("localhost:5000/pause", &digest, "amd64").unwrap();
        assert_eq!(url, format!("pkg:oci/pause@{digest}?arch=amd64&repository_url=localhost:5000%2Fpause"));
    }

    #[test]
    fn a_package_is_named_with_its_distribution() {
        assert_eq!(
            os_package("debian-12", "nftables", "1.0.6-2+deb12u2", "amd64").unwrap(),
            "pkg:deb/debian/nftables@1.0.6-2%2Bdeb12u2?arch=amd64&distro=debian-12"
        );
    }
}
