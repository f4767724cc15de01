//! Programs and images: which, and where upstream publishes them.

use std::collections::BTreeMap;

use hardway_design::{Binary, Image, Resource};
use hardway_spec::upstream_images::{self, CALICO_CNI, UpstreamImage};
use hardway_spec::versions;

use super::Source;
use super::page::{Page, code};
use super::transfer::package_archive;
use crate::reasons::{Topic, why};

pub(super) fn write(source: &Source<'_>, page: &mut Page) {
    let mut binaries: BTreeMap<&str, &Binary> = BTreeMap::new();
    let mut images: BTreeMap<&str, &Image> = BTreeMap::new();
    for resource in source.groups.iter().flat_map(|group| &group.resources) {
        match resource {
            Resource::Binary(binary) => drop(binaries.insert(&binary.name, binary)),
            Resource::Image(image) => drop(images.insert(&image.name, image)),
            _ => {}
        }
    }
    page.chapter("Programs and images");
    if !binaries.is_empty() {
        write_binaries(source, &binaries, page);
    }
    if !images.is_empty() {
        write_images(&images, page);
    }
    write_packages(source, page);
}

fn write_packages(source: &Source<'_>, page: &mut Page) {
    let machines = source.inputs.cluster.machines();
    let archives: BTreeMap<String, String> = machines
        .filter_map(|machine| package_archive(source, machine))
        .map(|archive| (archive.file, archive.sha256))
        .collect();
    if archives.is_empty() {
        return;
    }
    page.paragraph(
        "Machines that ask no mirror install packages from an archive, a tar with an apt repository in it: what they \
         need, with all that it depends on. Put these files, which `hardway apply` took from its bundle, where the \
         first column says, and compare their digests:",
    );
    let rows: Vec<[String; 2]> = archives.iter().map(|(file, sha256)| [code(file), code(sha256)]).collect();
    page.table(["archive", "SHA-256"], &rows);
    let sums: Vec<String> = archives.iter().map(|(file, sha256)| format!("{sha256}  {file}")).collect();
    page.shell(&format!("sha256sum -c <<'EOF'\n{}\nEOF", sums.join("\n")));
}

fn write_binaries(source: &Source<'_>, binaries: &BTreeMap<&str, &Binary>, page: &mut Page) {
    page.paragraph("The programs, and the digest of the very file that `hardway apply` puts on the machines:");
    let rows: Vec<[String; 4]> = binaries
        .values()
        .map(|binary| {
            let reason = why(Topic::Binaries, &binary.name).unwrap_or_default();
            [code(&binary.name), binary.version.clone(), reason.to_owned(), code(&binary.sha256)]
        })
        .collect();
    page.table(["program", "version", "what for", "SHA-256"], &rows);
    page.paragraph(
        "Upstream publishes the same versions. `kubectl` is for your own machine too: put it in your PATH. A release that upstream built has another digest than a program that \
         was built here from the same source; check it against upstream's own list.",
    );
    page.shell(&downloads(binaries, architecture(source)));
}

/// Go's name of the machines' architecture, as releases use it.
fn architecture(source: &Source<'_>) -> &'static str {
    match source.inputs.facts.values().next().map(|facts| facts.architecture.as_str()) {
        Some("aarch64") => "arm64",
        _ => "amd64",
    }
}

fn downloads(binaries: &BTreeMap<&str, &Binary>, architecture: &str) -> String {
    let wanted = |names: &[&'static str]| -> Vec<&'static str> {
        names.iter().copied().filter(|name| binaries.contains_key(name)).collect()
    };
    let mut commands = vec!["mkdir -p bin".to_owned()];
    for name in
        wanted(&["kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy", "kubectl"])
    {
        let version = versions::KUBERNETES;
        commands.push(format!(
            "curl -fL -o bin/{name} https://dl.k8s.io/release/v{version}/bin/linux/{architecture}/{name}"
        ));
    }
    if !wanted(&["runc"]).is_empty() {
        let version = versions::RUNC;
        commands.push(format!(
            "curl -fL -o bin/runc https://github.com/opencontainers/runc/releases/download/v{version}/runc.{architecture}"
        ));
    }
    for (names, url, inside) in [
        (
            wanted(&["etcd", "etcdctl", "etcdutl"]),
            format!(
                "https://github.com/etcd-io/etcd/releases/download/v{0}/etcd-v{0}-linux-{architecture}.tar.gz",
                versions::ETCD
            ),
            format!("etcd-v{}-linux-{architecture}/", versions::ETCD),
        ),
        (
            wanted(&["containerd", "containerd-shim-runc-v2", "ctr"]),
            format!(
                "https://github.com/containerd/containerd/releases/download/v{0}/containerd-{0}-linux-{architecture}.tar.gz",
                versions::CONTAINERD
            ),
            "bin/".to_owned(),
        ),
        (
            wanted(&["bandwidth", "bridge", "host-local", "loopback", "portmap", "tuning"]),
            format!(
                "https://github.com/containernetworking/plugins/releases/download/v{0}/cni-plugins-linux-{architecture}-v{0}.tgz",
                versions::CNI_PLUGINS
            ),
            "./".to_owned(),
        ),
    ] {
        if names.is_empty() {
            continue;
        }
        let members: Vec<String> = names.iter().map(|name| format!("{inside}{name}")).collect();
        commands.push(format!("curl -fL {url} |\n    tar -xz -C bin --transform='s,.*/,,' {}", members.join(" ")));
    }
    if !wanted(&["calico"]).is_empty() {
        commands.push(format!(
            "# Calico's CNI plugin comes in an image; it looks at its own name.\n\
             id=$(docker create {})\n\
             docker cp \"$id\":/opt/cni/bin/calico bin/calico\n\
             docker rm \"$id\"\n\
             cp bin/calico bin/calico-ipam",
            CALICO_CNI.reference()
        ));
    }
    commands.push("chmod 755 bin/*".to_owned());
    commands.join("\n")
}

fn write_images(images: &BTreeMap<&str, &Image>, page: &mut Page) {
    page.paragraph(
        "The images, by the names that the manifests call them. No registry answers to `hardway.local`: each node has \
         its images before it needs them, and none is pulled. Upstream's image of the same version does as well; the \
         steps on the machines fetch it and give it that name.",
    );
    let rows: Vec<[String; 4]> = images
        .values()
        .map(|image| {
            let reason = why(Topic::Images, &image.name).unwrap_or_default();
            let upstream = upstream_image(&image.name).unwrap_or_default();
            [code(&image.reference), code(&upstream), reason.to_owned(), code(&image.manifest_digest)]
        })
        .collect();
    page.table(["image", "upstream's", "what for", "manifest's digest"], &rows);
}

/// Where upstream publishes what the image `name` holds.
pub(super) fn upstream_image(name: &str) -> Option<String> {
    upstream_images::find(name).map(UpstreamImage::reference)
}
