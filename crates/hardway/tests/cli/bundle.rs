//! Bundles looked at and checked, without any machine.

use camino::Utf8PathBuf;
use hardway_artifacts::bundle;
use hardway_artifacts::{Binary, Catalog, Lock, OsPackage, OsPackages, Provenance, SourceKind};
use hardway_spec::Trust;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::sandbox::Sandbox;

fn digest(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// `bundle.tar` with a kubelet that is none, and a package that is none.
fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("made/kubelet", &"kubelet ".repeat(1000));
    sandbox.write("made/packages.tar", "packages");
    let work = Utf8PathBuf::try_from(sandbox.work()).unwrap();
    let kubelet = Binary {
        name: "kubelet".to_owned(),
        component: "kubernetes".to_owned(),
        version: "1.37.2".to_owned(),
        path: work.join("made/kubelet"),
        sha256: digest("kubelet ".repeat(1000).as_bytes()),
        size: 8000,
        architecture: "amd64".to_owned(),
        provenance: Provenance {
            source: SourceKind::Releases,
            origin: "https://releases.example/kubelet".to_owned(),
            trust: Trust::Checksum,
        },
    };
    let packages = OsPackages {
        os: "debian-12".to_owned(),
        architecture: "amd64".to_owned(),
        archive: work.join("made/packages.tar"),
        sha256: digest(b"packages"),
        size: 8,
        names: vec!["nftables".to_owned()],
        packages: vec![OsPackage {
            name: "nftables".to_owned(),
            version: "1.0.6-2".to_owned(),
            architecture: "amd64".to_owned(),
            sha256: digest(b"nftables"),
        }],
    };
    let catalog = Catalog { binaries: [(kubelet.name.clone(), kubelet)].into(), ..Catalog::default() };
    let lock = Lock::of(&catalog);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(bundle::create(&catalog, &lock, &[packages], &work.join("bundle.tar"), &|_| {})).unwrap();
    sandbox
}

#[test]
fn a_bundle_is_shown() {
    let sandbox = sandbox();
    insta::assert_snapshot!(sandbox.run(&["bundle", "inspect", "bundle.tar"]).to_string());
    let shown = sandbox.run(&["bundle", "inspect", "bundle.tar", "-o", "json"]).stdout();
    let shown: Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(shown["kubernetes"], "1.37.2");
    assert_eq!(shown["artifacts"][0]["origin"], "https://releases.example/kubelet");
    assert_eq!(shown["packages"][0]["names"][0], "nftables");
}

#[test]
fn a_bundle_is_checked_to_the_bit() {
    let sandbox = sandbox();
    insta::assert_snapshot!(sandbox.run(&["bundle", "verify", "bundle.tar"]).to_string());
    let path = sandbox.work().join("bundle.tar");
    let mut bytes = std::fs::read(&path).unwrap();
    let sbom = bytes.windows(13).rposition(|window| window == b"sbom.cdx.json").unwrap();
    bytes[sbom + 600] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    insta::assert_snapshot!(sandbox.run(&["bundle", "verify", "bundle.tar"]).to_string(), @r"
    $ hardway bundle verify bundle.tar
    stderr:
        error: the bundle bundle.tar cannot be used
          because sbom.cdx.json in it is damaged; carry the bundle over again
    exit code 1
    ");
}

#[test]
fn what_is_no_bundle_is_refused() {
    let sandbox = Sandbox::new();
    sandbox.write("notes.txt", "not a bundle");
    insta::assert_snapshot!(sandbox.run(&["bundle", "inspect", "notes.txt"]).to_string(), @r"
    $ hardway bundle inspect notes.txt
    stderr:
        error: the bundle notes.txt cannot be used
          because it is not a bundle: `hardway bundle create` makes one
    exit code 2
    ");
    insta::assert_snapshot!(sandbox.run(&["bundle", "verify", "nowhere.tar"]).to_string(), @r"
    $ hardway bundle verify nowhere.tar
    stderr:
        error: the bundle nowhere.tar cannot be used
          because it cannot be read
          because No such file or directory (os error 2)
    exit code 1
    ");
}
