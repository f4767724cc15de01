//! Clusters from other sources than Go modules, which the other tests' come from: a mirror of upstream's releases, and a
//! bundle with no way out of the network. What is published was built from Go modules before.

mod egress;

use std::collections::BTreeMap;
use std::process::Command;

use hardway_artifacts::{Catalog, Lock, Selection, Store, Supply};
use hardway_spec::{ArtifactSource, Artifacts};
use hardway_test_mirror::Mirror;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::support::LabWorkspace;
use egress::Egress;

/// Which image the DNS test pod has is the source's affair: hardway assembles one, upstream has another.
const OTHERWISE: &str = "image/dnsutils";

#[test]
fn a_cluster_from_a_mirror_of_upstreams_releases() {
    let runtime = Runtime::new().expect("threads can be started");
    let built = runtime.block_on(built());
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let mirror = runtime.block_on(Mirror::of(&built, folder.path()));

    let lab = LabWorkspace::new("hardway-mirror");
    lab.ok(&["lab", "up", "--machines-only"]);
    mirror.describe_in(&lab.root());
    let cache = empty_cache();
    lab.ok(&["validate"]);
    ok(lab.command(&["apply", "--yes"]).env("HARDWAY_CACHE", cache.path()));
    ok(lab.command(&["verify", "--deep"]).env("HARDWAY_CACHE", cache.path()));

    let lock = lock(&lab);
    assert_eq!(versions(&lock), versions(&Lock::of(&built)));
    let said = std::fs::read_to_string(lab.root().join("hardway.lock")).expect("apply wrote it");
    assert_eq!(said.matches("source: mirror").count(), lock.artifacts.len(), "{said}");

    // What is locked and in the cache needs no mirror any more.
    drop(mirror);
    let output = ok(lab.command(&["plan", "-o", "json"]).env("HARDWAY_CACHE", cache.path()));
    let plan: serde_json::Value = serde_json::from_str(&output).expect("-o json prints JSON");
    assert_eq!(plan["steps"], 0, "{plan:#}");
    lab.ok(&["lab", "down"]);
}

#[test]
fn a_cluster_from_a_bundle_without_a_way_out() {
    let runtime = Runtime::new().expect("threads can be started");
    let built = runtime.block_on(built());
    let lab = LabWorkspace::new("hardway-bundle");
    lab.ok(&["lab", "up", "--machines-only"]);
    let bundle = lab.root().with_file_name("cluster.hardway");
    let bundle = bundle.to_str().expect("a temporary folder's name is text");
    lab.ok(&["bundle", "create", "--out", bundle, "--os", "debian-12"]);
    lab.ok(&["bundle", "verify", bundle]);

    let egress = Egress::blocked(&lab.address("w1"));
    let cache = empty_cache();
    let inside = |arguments: &[&str]| {
        let mut command = egress.operator(&lab.command(&[arguments, &["--bundle", bundle]].concat()));
        command.env("HARDWAY_CACHE", cache.path());
        ok(&mut command)
    };
    inside(&["apply", "--yes"]);
    inside(&["verify"]);
    let plan: serde_json::Value = serde_json::from_str(&inside(&["plan", "-o", "json"])).expect("-o json prints JSON");
    assert_eq!(plan["steps"], 0, "{plan:#}");
    let none = BTreeMap::from([("operator".to_owned(), 0), ("machines".to_owned(), 0)]);
    assert_eq!(egress.packets(), none, "{}", egress.strays());
    drop(egress);

    let lock = lock(&lab);
    assert_eq!(digests(&lock), digests(&Lock::of(&built)));
    lab.ok(&["lab", "down"]);
}

/// What Go modules give, from the user's own cache.
async fn built() -> Catalog {
    let artifacts = Artifacts { source: ArtifactSource::Modules, ..Artifacts::default() };
    let store = Store::open(Supply { artifacts, ..Supply::default() }).await.expect("the cache has a place");
    store.obtain(&Selection::cluster(), &|_| {}).await.expect("the components can be built")
}

fn empty_cache() -> TempDir {
    tempfile::tempdir().expect("a temporary folder can be made")
}

fn lock(lab: &LabWorkspace) -> Lock {
    let text = std::fs::read_to_string(lab.root().join("hardway.lock")).expect("apply wrote it");
    Lock::parse(&text).expect("hardway reads what it writes")
}

fn versions(lock: &Lock) -> BTreeMap<&str, &str> {
    let all = lock.artifacts.iter().filter(|(name, _)| *name != OTHERWISE);
    all.map(|(name, locked)| (name.as_str(), locked.version.as_str())).collect()
}

fn digests(lock: &Lock) -> BTreeMap<&str, &str> {
    lock.artifacts.iter().map(|(name, locked)| (name.as_str(), locked.sha256.as_str())).collect()
}

/// Runs a command that must succeed, shows what it says, and gives its stdout.
fn ok(command: &mut Command) -> String {
    eprintln!("$ {command:?}");
    let output = command.output().expect("the program starts");
    let [stdout, stderr] = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    eprint!("{stdout}{stderr}");
    assert!(output.status.success(), "{command:?} failed");
    stdout
}
