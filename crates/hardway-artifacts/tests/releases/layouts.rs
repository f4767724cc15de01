//! Every project's layout.

use std::fs;

use hardway_artifacts::{Architecture, ReleaseSettings, SourceKind};
use hardway_spec::{Trust, versions};
use hardway_upstream::Publisher;

use crate::scene::{Scene, chain};

const KUBERNETES: &[&str] =
    &["kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy", "kubectl", "kubeadm"];
const ETCD: &[&str] = &["etcd", "etcdctl", "etcdutl"];
const CONTAINERD: &[&str] = &["containerd", "ctr", "containerd-shim-runc-v2"];
const CNI_PLUGINS: &[&str] = &["bridge", "loopback", "host-local", "portmap", "bandwidth", "tuning"];

#[tokio::test]
async fn every_program_that_upstream_publishes_is_found() {
    let scene = Scene::new().await;
    for (architecture, kind) in [("amd64", Architecture::AMD64), ("arm64", Architecture::ARM64)] {
        publish_all(&scene, architecture);
        let names = [KUBERNETES, ETCD, CONTAINERD, &["runc"], CNI_PLUGINS, &["calicoctl"]].concat();
        let settings = ReleaseSettings { architecture: kind, ..scene.settings() };
        let catalog = scene.obtain(settings, &names).await.unwrap();
        assert_eq!(catalog.binaries.len(), names.len());
        for (name, binary) in &catalog.binaries {
            assert_eq!(fs::read_to_string(&binary.path).unwrap(), format!("{name} for {architecture}"));
            assert_eq!(binary.architecture, architecture);
            assert_eq!((binary.provenance.source, binary.provenance.trust), (SourceKind::Mirror, Trust::Checksum));
            assert!(binary.provenance.origin.starts_with(&scene.server.url()), "{}", binary.provenance.origin);
        }
        assert_eq!(catalog.binaries["kubelet"].version, versions::KUBERNETES);
        assert_eq!(catalog.binaries["tuning"].component, "cni-plugins");
    }
}

#[tokio::test]
async fn what_the_cache_has_is_not_downloaded_again() {
    let scene = Scene::new().await;
    publish_all(&scene, "amd64");
    let first = scene.obtain(scene.settings(), ETCD).await.unwrap();
    let archive = |path: &str| path.ends_with(".tar.gz");
    let downloads = || scene.server.requests().iter().filter(|request| archive(&request.path)).count();
    assert_eq!(downloads(), 1);
    assert_eq!(scene.obtain(scene.settings(), ETCD).await.unwrap(), first);
    assert_eq!(
        scene.obtain(scene.settings(), &["etcdctl"]).await.unwrap().binaries["etcdctl"],
        first.binaries["etcdctl"]
    );
    assert_eq!(downloads(), 1);
}

#[tokio::test]
async fn a_place_that_answers_can_be_reached_and_one_that_does_not_cannot() {
    let scene = Scene::new().await;
    let releases = hardway_artifacts::Releases::new(scene.settings()).unwrap();
    let error = releases.reach().await.unwrap_err();
    assert!(chain(&error).contains(".sha512 is not there (404)"), "{error}");
    publish_all(&scene, "amd64");
    releases.reach().await.unwrap();
    let asked = scene.server.requests();
    scene.server.fail(&asked[0].path, [hardway_upstream::Fault::Status(503)]);
    let error = releases.reach().await.unwrap_err();
    assert!(chain(&error).contains("answered 503"), "{error}");
    assert_eq!(scene.server.requests().len(), asked.len() + 1, "a question is not a download: it is asked once");
}

fn publish_all(scene: &Scene, architecture: &str) {
    let publisher = Publisher::new(scene.server.root(), architecture);
    let file = |name: &str| scene.file(name, format!("{name} for {architecture}").as_bytes());
    let files = |names: &[&'static str]| names.iter().map(|name| (*name, file(name))).collect::<Vec<_>>();
    let programs = |files: &[(&'static str, camino::Utf8PathBuf)]| {
        files.iter().map(|(name, path)| (*name, path.clone().into_std_path_buf())).collect::<Vec<_>>()
    };
    let with = |names: &[&'static str], publish: &dyn Fn(&[hardway_upstream::Program<'_>])| {
        let owned = programs(&files(names));
        let borrowed: Vec<_> = owned.iter().map(|(name, path)| (*name, path.as_path())).collect();
        publish(&borrowed);
    };
    with(KUBERNETES, &|programs| drop(publisher.kubernetes(versions::KUBERNETES, programs).unwrap()));
    with(ETCD, &|programs| drop(publisher.etcd(versions::ETCD, programs).unwrap()));
    with(CONTAINERD, &|programs| drop(publisher.containerd(versions::CONTAINERD, programs).unwrap()));
    with(CNI_PLUGINS, &|programs| drop(publisher.cni_plugins(versions::CNI_PLUGINS, programs).unwrap()));
    publisher.runc(versions::RUNC, file("runc").as_std_path()).unwrap();
    publisher.calicoctl(versions::CALICO, file("calicoctl").as_std_path()).unwrap();
}
