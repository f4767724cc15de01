//! kubeadm's configuration: <https://kubernetes.io/docs/reference/config-api/kubeadm-config.v1beta4/>.

use std::net::IpAddr;

use hardway_artifacts::{Catalog, Image};
use hardway_spec::Cluster;

use crate::run::Failure;

/// Where the files are on the machines.
pub(super) const INIT: &str = "/etc/kubernetes/init.yaml";
pub(super) const JOIN: &str = "/etc/kubernetes/join.yaml";

/// Lets the worker join; the cluster lives for a minute on a bridge of its own.
const TOKEN: &str = "abcdef.0123456789abcdef";
const SOCKET: &str = "unix:///run/containerd/containerd.sock";

/// What the machines, being containers, need of the kubelet; taken from the file that hardway would write.
const KUBELET_FIELDS: [&str; 3] = ["cgroupDriver:", "failCgroupV1:", "resolvConf:"];

fn image<'a>(artifacts: &'a Catalog, name: &str) -> Result<&'a Image, Failure> {
    Ok(artifacts.images.get(name).ok_or_else(|| format!("there is no image {name}"))?)
}

/// The tag as kubeadm wants it: all after the colon.
fn tag<'a>(artifacts: &'a Catalog, name: &str) -> Result<&'a str, Failure> {
    let reference = &image(artifacts, name)?.reference;
    Ok(reference.rsplit_once(':').ok_or_else(|| format!("{reference} has no tag"))?.1)
}

pub(super) fn init(
    cluster: &Cluster,
    name: &str,
    address: IpAddr,
    kubelet: &str,
    artifacts: &Catalog,
) -> Result<String, Failure> {
    let api_server = &image(artifacts, "kube-apiserver")?.reference;
    let (repository, version) = api_server.split_once("/kube-apiserver:").ok_or("kube-apiserver has no repository")?;
    let network = &cluster.spec.network;
    let kubelet: String = kubelet
        .split_inclusive('\n')
        .filter(|line| KUBELET_FIELDS.iter().any(|field| line.starts_with(field)))
        .collect();
    Ok(format!(
        "\
apiVersion: kubeadm.k8s.io/v1beta4
kind: InitConfiguration
bootstrapTokens:
- token: {TOKEN}
localAPIEndpoint: {{advertiseAddress: {address}}}
{registration}
---
apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
kubernetesVersion: {version}
controlPlaneEndpoint: {endpoint}:6443
imageRepository: {repository}
dns: {{imageTag: '{dns}'}}
etcd: {{local: {{imageTag: '{etcd}'}}}}
networking: {{podSubnet: {pods}, serviceSubnet: {services}, dnsDomain: {domain}}}
---
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
{kubelet}---
apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
mode: {proxy}
conntrack: {{maxPerCore: 0}}
",
        registration = registration(name, address),
        endpoint = cluster.spec.endpoint,
        dns = tag(artifacts, "coredns")?,
        etcd = tag(artifacts, "etcd")?,
        pods = network.pods,
        services = network.services,
        domain = network.domain,
        proxy = network.kube_proxy.as_str(),
    ))
}

pub(super) fn join(cluster: &Cluster, name: &str, address: IpAddr) -> String {
    format!(
        "\
apiVersion: kubeadm.k8s.io/v1beta4
kind: JoinConfiguration
discovery:
  bootstrapToken: {{token: {TOKEN}, apiServerEndpoint: '{endpoint}:6443', unsafeSkipCAVerification: true}}
{registration}
",
        endpoint = cluster.spec.endpoint,
        registration = registration(name, address),
    )
}

fn registration(name: &str, address: IpAddr) -> String {
    format!(
        "\
nodeRegistration:
  name: {name}
  criSocket: {SOCKET}
  kubeletExtraArgs:
  - {{name: node-ip, value: '{address}'}}"
    )
}
