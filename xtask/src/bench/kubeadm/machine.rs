//! What is on a machine before kubeadm's clock starts.

use std::fs;
use std::net::IpAddr;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use hardway_artifacts::Catalog;

use super::super::lab::Lab;
use super::super::ours::pod_manifest;
use super::{CONTROL_PLANE, config};
use crate::run::Failure;

/// The folder with Calico's objects on the control plane.
pub(super) const OBJECTS: &str = "/var/lib/bench/objects";
/// The pod that resolves a name.
pub(super) const TEST_POD: &str = "/var/lib/bench/dnsutils.yaml";

const PROGRAMS: [&str; 7] = ["containerd", "containerd-shim-runc-v2", "ctr", "kubeadm", "kubectl", "kubelet", "runc"];
const PLUGINS: [&str; 5] = ["bandwidth", "calico", "calico-ipam", "loopback", "portmap"];
const IMAGES: [&str; 10] = [
    "calico-kube-controllers",
    "calico-node",
    "coredns",
    "dnsutils",
    "etcd",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-proxy",
    "kube-scheduler",
    "pause",
];

/// Files of hardway's own design that any cluster on this machine needs.
const SHARED_FILES: [&str; 7] = [
    "etc/calico/etcd-ca.pem",
    "etc/calico/etcd-key.pem",
    "etc/calico/etcd.pem",
    "etc/calico/kubeconfig",
    "etc/containerd/config.toml",
    "etc/sysctl.d/99-kubernetes.conf",
    "etc/systemd/system/containerd.service",
];
const NETWORK: &str = "etc/cni/net.d/10-calico.conflist";

/// Authorities that kubeadm takes as they are (it would make its own, which costs it time): so Calico's certificates,
/// which hardway has issued, are good for both clusters.
const AUTHORITIES: [(&str, &str); 4] = [
    ("pki/ca/ca.pem", "etc/kubernetes/pki/ca.crt"),
    ("pki/ca/ca-key.pem", "etc/kubernetes/pki/ca.key"),
    ("pki/etcd/ca.pem", "etc/kubernetes/pki/etcd/ca.crt"),
    ("pki/etcd/ca-key.pem", "etc/kubernetes/pki/etcd/ca.key"),
];

/// Manifests of Calico, and of what its plugin may read.
const MANIFESTS: [&str; 3] = ["-rbac.yaml", "-calico.yaml", "-calico-kube-controllers.yaml"];

/// As in Kubernetes' own packages.
const KUBELET_UNIT: &str = "\
[Unit]
Description=kubelet: The Kubernetes Node Agent
Wants=network-online.target
After=network-online.target

[Service]
Environment=\"KUBELET_KUBECONFIG_ARGS=--bootstrap-kubeconfig=/etc/kubernetes/bootstrap-kubelet.conf --kubeconfig=/etc/kubernetes/kubelet.conf\"
Environment=\"KUBELET_CONFIG_ARGS=--config=/var/lib/kubelet/config.yaml\"
EnvironmentFile=-/var/lib/kubelet/kubeadm-flags.env
ExecStart=/usr/local/bin/kubelet $KUBELET_KUBECONFIG_ARGS $KUBELET_CONFIG_ARGS $KUBELET_KUBEADM_ARGS
Restart=always
RestartSec=10

[Install]
WantedBy=multi-user.target
";

/// The plugin's configuration is placed when Calico's agent is up, as hardway does: earlier, sandboxes would fail, and
/// be tried again only 12 s later.
const NETWORK_PATH: &str = "\
[Path]
PathExists=/var/lib/calico/nodename

[Install]
WantedBy=multi-user.target
";
const NETWORK_SERVICE: &str = "\
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/bin/install -D -m 600 /etc/calico/10-calico.conflist /etc/cni/net.d/10-calico.conflist
";

/// Run on each machine once its files are there.
pub(super) const SETUP: &str = "\
set -eu
chmod 755 /usr/local/bin/* /opt/cni/bin/*
chmod -R go= /etc/calico /etc/kubernetes
cat /var/lib/bench/hosts >>/etc/hosts
mkdir -p /var/lib/calico
/lib/systemd/systemd-sysctl
systemctl daemon-reload
systemctl --quiet enable kubelet.service
systemctl --quiet enable --now containerd.service calico-network.path
for image in /var/lib/bench/images/*; do ctr -n k8s.io images import --local \"$image\" >/dev/null; done
rm -r /var/lib/bench/images
sync
";

/// Lays out the files of one machine below `tree`; large ones are links to the cache.
pub(super) fn tree(tree: &Path, name: &str, lab: &Lab, export: &Path, artifacts: &Catalog) -> Result<(), Failure> {
    let place = |path: &str| -> Result<PathBuf, Failure> {
        let path = tree.join(path.trim_start_matches('/'));
        fs::create_dir_all(path.parent().expect("it is below the tree"))?;
        Ok(path)
    };
    for (folder, names) in [("usr/local/bin", &PROGRAMS[..]), ("opt/cni/bin", &PLUGINS[..])] {
        for program in names {
            let binary = artifacts.binaries.get(*program).ok_or_else(|| format!("there is no program {program}"))?;
            symlink(&binary.path, place(&format!("{folder}/{program}"))?)?;
        }
    }
    for image in IMAGES {
        let archive = artifacts.images.get(image).ok_or_else(|| format!("there is no image {image}"))?;
        symlink(&archive.path, place(&format!("var/lib/bench/images/{image}.tar"))?)?;
    }

    let own = export.join("machines").join(name);
    let cluster = lab.cluster()?;
    let endpoint = cluster.endpoint_address().ok_or("the spec has no control plane")?;
    for file in SHARED_FILES {
        copy_leading_to(endpoint, &own.join(file), &place(file)?)?;
    }
    copy(&own.join(NETWORK), &place("etc/calico/10-calico.conflist")?)?;
    for (file, text) in [
        ("kubelet.service", KUBELET_UNIT),
        ("calico-network.path", NETWORK_PATH),
        ("calico-network.service", NETWORK_SERVICE),
    ] {
        fs::write(place(&format!("etc/systemd/system/{file}"))?, text)?;
    }

    let mut hosts = format!("{endpoint} {}\n", cluster.spec.endpoint);
    for machine in &cluster.spec.machines {
        hosts.push_str(&format!("{} {}\n", machine.address, machine.name));
    }
    fs::write(place("var/lib/bench/hosts")?, hosts)?;

    let address = lab.address(name)?;
    if name != CONTROL_PLANE {
        fs::write(place(config::JOIN)?, config::join(&cluster, name, address))?;
        return Ok(());
    }
    let kubelet = fs::read_to_string(own.join("var/lib/kubelet/kubelet-config.yaml"))?;
    fs::write(place(config::INIT)?, config::init(&cluster, name, address, &kubelet, artifacts)?)?;
    for (from, to) in AUTHORITIES {
        copy(&export.join(from), &place(to)?)?;
    }
    for entry in fs::read_dir(export.join("manifests"))? {
        let manifest = entry?.path();
        let file = manifest.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if MANIFESTS.iter().any(|ending| file.ends_with(ending)) {
            copy_leading_to(endpoint, &manifest, &place(&format!("{OBJECTS}/{file}"))?)?;
        }
    }
    let image = &artifacts.images["dnsutils"].reference;
    Ok(fs::write(place(TEST_POD)?, pod_manifest(image))?)
}

/// Copies what calls the API through a node's own balancer, which kubeadm's nodes do not have.
fn copy_leading_to(endpoint: IpAddr, from: &Path, to: &Path) -> Result<(), Failure> {
    let text = fs::read_to_string(from).map_err(|error| format!("cannot read {}: {error}", from.display()))?;
    let text = text
        .replace("https://127.0.0.1:6444", &format!("https://{endpoint}:6443"))
        .replace(
            "KUBERNETES_SERVICE_HOST\n          value: \"127.0.0.1\"",
            &format!("KUBERNETES_SERVICE_HOST\n          value: \"{endpoint}\""),
        )
        .replace("value: \"6444\"", "value: \"6443\"");
    Ok(fs::write(to, text)?)
}

fn copy(from: &Path, to: &Path) -> Result<(), Failure> {
    fs::copy(from, to).map_err(|error| format!("cannot copy {}: {error}", from.display()))?;
    Ok(())
}
