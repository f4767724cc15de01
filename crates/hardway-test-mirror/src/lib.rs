//! A mirror of upstream's releases and registries on loopback, filled with what was built here: for tests and
//! benchmarks of whole clusters.

use std::path::Path;

use hardway_artifacts::Catalog;
use hardway_spec::upstream_images::{CALICO_CNI, IMAGES};
use hardway_spec::versions;
use hardway_test_registry::{Setup, TestRegistry};
use hardway_upstream::{Authority, Publisher, Server, Validity};
use sha2::{Digest, Sha512};

/// As the OCI and Go call what tests run on.
const ARCHITECTURE: &str = if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" };

/// The servers end when this is dropped.
pub struct Mirror {
    files: Server,
    images: TestRegistry,
    /// What both servers' certificates are checked against, in PEM.
    authorities: String,
    /// Of a file that hardway carries a digest of upstream's own for: here it is another build.
    digests: String,
}

impl Mirror {
    /// Publishes what was built as upstream does, in files below `folder`, which is empty.
    ///
    /// # Panics
    /// Where `built` lacks something of a cluster, `folder` cannot be written or a server does not start.
    pub async fn of(built: &Catalog, folder: &Path) -> Self {
        let (files, storage) = (folder.join("files"), folder.join("images"));
        for folder in [&files, &storage] {
            std::fs::create_dir(folder).expect("the folder can be written");
        }
        let digests = publish(built, &files);
        let authority = Authority::new();
        let images = TestRegistry::start(&storage, Setup::default());
        push(built, &images).await;
        let authorities = format!("{}{}", authority.pem(), images.ca_pem());
        let files = Server::start(&files, &authority, Validity::Now).await.expect("there is a free port");
        Self { files, images, authorities, digests }
    }

    /// Lets a workspace's spec take everything from here.
    ///
    /// # Panics
    /// Where it is not the commented one that hardway writes, or cannot be written.
    pub fn describe_in(&self, workspace: &Path) {
        write(&workspace.join("mirror-ca.pem"), &self.authorities);
        write(&workspace.join("digests.txt"), &self.digests);
        let path = workspace.join("cluster.yaml");
        let document = std::fs::read_to_string(&path).expect("lab up wrote it");
        let artifacts = format!(
            "  artifacts:\n    source: mirror\n    digests: digests.txt\n    mirror:\n      files: {}\n      images: {}\n      \
             authority: mirror-ca.pem\n\n  # network:",
            self.files.url(),
            self.images.mirror()
        );
        let described = document.replacen("  # network:", &artifacts, 1);
        assert_ne!(described, document, "the document has its commented network");
        write(&path, &described);
    }
}

/// Puts programs where upstream's hosts would have them, and gives the digests that the operator has to know.
fn publish(built: &Catalog, root: &Path) -> String {
    let program = |name: &'static str| (name, built.binaries[name].path.as_std_path());
    let publisher = Publisher::new(root, ARCHITECTURE);
    let kubernetes =
        ["kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy", "kubectl"];
    let plugins = ["bridge", "loopback", "host-local", "portmap", "bandwidth", "tuning"];
    let written = "the folder can be written";
    publisher.kubernetes(versions::KUBERNETES, &kubernetes.map(program)).expect(written);
    publisher.etcd(versions::ETCD, &["etcd", "etcdctl", "etcdutl"].map(program)).expect(written);
    let containerd = ["containerd", "ctr", "containerd-shim-runc-v2"];
    publisher.containerd(versions::CONTAINERD, &containerd.map(program)).expect(written);
    publisher.runc(versions::RUNC, program("runc").1).expect(written);
    publisher.calicoctl(versions::CALICO, program("calicoctl").1).expect(written);
    let path = publisher.cni_plugins(versions::CNI_PLUGINS, &plugins.map(program)).expect(written);
    let bytes = std::fs::read(root.join(&path)).expect("it was just written");
    format!("# built here\n{} https://{path}\n", hex::encode(Sha512::digest(bytes)))
}

async fn push(built: &Catalog, registry: &TestRegistry) {
    for image in IMAGES {
        // Upstream's DNS test image is agnhost too; the one that hardway assembles has what tests ask of it.
        let from = if image.repository.ends_with("/agnhost") { "dnsutils" } else { image.name };
        registry.push(built.images[from].path.as_std_path(), &image.reference()).await;
    }
    let plugin = std::fs::read(&built.binaries["calico"].path).expect("the cache has it");
    let files = [("opt/cni/bin/calico", plugin.as_slice()), ("opt/cni/bin/calico-ipam", plugin.as_slice())];
    registry.push_files(&CALICO_CNI.reference(), ARCHITECTURE, &files).await;
}

fn write(path: &Path, text: &str) {
    std::fs::write(path, text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}
