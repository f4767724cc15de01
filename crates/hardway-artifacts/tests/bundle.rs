//! Bundles made, carried over, damaged and unpacked, of small made-up artifacts.
//!
//! Needs root, as the lab does: a full disk is a small tmpfs that is really full.

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::process::Command;
use std::sync::Mutex;

use camino::{Utf8Path, Utf8PathBuf};
use hardway_artifacts::bundle::{Bundle, BundleError, BundleSource, Created, create};
use hardway_artifacts::{
    Binary, Cache, Catalog, Error, Image, Lock, OsPackage, OsPackages, Progress, Provenance, Selection, Source,
    SourceKind,
};
use hardway_spec::{Trust, versions};
use rayon::prelude::*;
use serde_json::Value;
use sha2::{Digest, Sha256};
use tempfile::TempDir;
use tokio::sync::Notify;

/// As hardway calls the machine that the tests run on.
const HERE: &str = if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" };
const ELSEWHERE: &str = if cfg!(target_arch = "aarch64") { "amd64" } else { "arm64" };

fn digest(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// A folder with artifacts in it.
struct Fixture {
    root: Utf8PathBuf,
    catalog: Catalog,
    _folder: TempDir,
}

impl Fixture {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = Utf8PathBuf::try_from(folder.path().to_path_buf()).unwrap();
        Self { root, catalog: Catalog::default(), _folder: folder }
    }

    /// A kubelet and a pause image.
    fn small() -> Self {
        Self::new().binary("kubelet", "kubernetes", versions::KUBERNETES).image("pause", versions::PAUSE)
    }

    /// With two names for one program, too.
    fn large() -> Self {
        let mut fixture = Self::small()
            .binary("etcd", "etcd", versions::ETCD)
            .binary("calico", "calico", versions::CALICO)
            .image("coredns", versions::COREDNS);
        let shared = Binary { name: "calico-ipam".to_owned(), ..fixture.catalog.binaries["calico"].clone() };
        fixture.catalog.binaries.insert(shared.name.clone(), shared);
        fixture
    }

    fn write(&self, folder: &str, file: &str, bytes: &[u8]) -> Utf8PathBuf {
        let folder = self.root.join(folder);
        fs::create_dir_all(&folder).unwrap();
        let path = folder.join(file);
        fs::write(&path, bytes).unwrap();
        path
    }

    fn binary(mut self, name: &str, component: &str, version: &str) -> Self {
        let bytes = format!("{name} ").repeat(40).into_bytes();
        let path = self.write(name, name, &bytes);
        let binary = Binary {
            name: name.to_owned(),
            component: component.to_owned(),
            version: version.to_owned(),
            path,
            sha256: digest(&bytes),
            size: bytes.len() as u64,
            architecture: HERE.to_owned(),
            provenance: Provenance {
                source: SourceKind::Releases,
                origin: format!("https://releases.example/{name}-{version}.tar.gz"),
                trust: Trust::Checksum,
            },
        };
        self.catalog.binaries.insert(name.to_owned(), binary);
        self
    }

    fn image(mut self, name: &str, version: &str) -> Self {
        let bytes = format!("layers of {name}").into_bytes();
        let path = self.write(&format!("image-{name}"), &format!("{name}.tar"), &bytes);
        let image = Image {
            name: name.to_owned(),
            reference: format!("registry.example/{name}:{version}"),
            version: version.to_owned(),
            path,
            sha256: digest(&bytes),
            size: bytes.len() as u64,
            manifest_digest: format!("sha256:{}", digest(name.as_bytes())),
            architecture: HERE.to_owned(),
            provenance: Provenance {
                source: SourceKind::Releases,
                origin: format!("registry.example/{name}@sha256:{}", digest(name.as_bytes())),
                trust: Trust::Shipped,
            },
        };
        self.catalog.images.insert(name.to_owned(), image);
        self
    }

    fn packages(&self, os: &str) -> OsPackages {
        let bytes = format!("repository for {os}").into_bytes();
        OsPackages {
            os: os.to_owned(),
            architecture: HERE.to_owned(),
            archive: self.write(os, "packages.tar", &bytes),
            sha256: digest(&bytes),
            size: bytes.len() as u64,
            names: vec!["nftables".to_owned()],
            packages: vec![OsPackage {
                name: "nftables".to_owned(),
                version: "1.0.6-2+deb12u2".to_owned(),
                architecture: HERE.to_owned(),
                sha256: digest(b"nftables.deb"),
            }],
        }
    }

    fn lock(&self) -> Lock {
        Lock::of(&self.catalog)
    }

    async fn create_with(&self, packages: &[OsPackages], to: &Utf8Path) -> Result<Created, Error> {
        create(&self.catalog, &self.lock(), packages, to, &|_| {}).await
    }

    /// A bundle of all artifacts, and where it is.
    async fn bundle(&self) -> Utf8PathBuf {
        let path = self.root.join("bundle.tar");
        self.create_with(&[self.packages("debian-12")], &path).await.unwrap();
        path
    }

    fn cache(&self) -> Cache {
        Cache::at(self.root.join("cache"))
    }

    fn selection(&self) -> Selection {
        let images: Vec<String> = self.catalog.images.keys().map(|name| format!("image/{name}")).collect();
        let names = self.catalog.binaries.keys().chain(&images).map(String::as_str);
        Selection::named(names).unwrap()
    }
}

fn names(folder: &Utf8Path) -> Vec<String> {
    let mut names: Vec<String> =
        folder.read_dir_utf8().unwrap().map(|entry| entry.unwrap().file_name().to_owned()).collect();
    names.sort();
    names
}

async fn obtain(bundle: &Utf8Path, selection: &Selection, cache: &Cache) -> Result<(Catalog, Vec<Progress>), Error> {
    let source = BundleSource::new(Bundle::open(bundle)?, versions::KUBERNETES)?;
    let told = Mutex::new(Vec::new());
    let catalog = source.obtain(selection, cache, &|event| told.lock().unwrap().push(event)).await?;
    Ok((catalog, told.into_inner().unwrap()))
}

/// The error's cause in the bundle.
fn cause<T: std::fmt::Debug>(result: Result<T, Error>) -> BundleError {
    match result {
        Err(Error::Bundle { source, .. } | Error::BundleNotMade { source, .. }) => source,
        other => panic!("{other:?}"),
    }
}

fn flip(path: &Utf8Path, byte: u64, bit: u32) {
    let file = OpenOptions::new().read(true).write(true).open(path).unwrap();
    let mut bytes = [0];
    file.read_exact_at(&mut bytes, byte).unwrap();
    file.write_all_at(&[bytes[0] ^ (1 << bit)], byte).unwrap();
}

/// The names of a tar's members, with the offset behind each with its padding.
fn members(path: &Utf8Path) -> Vec<(String, u64)> {
    let mut archive = tar::Archive::new(File::open(path).unwrap());
    let entries = archive.entries().unwrap().map(|entry| {
        let entry = entry.unwrap();
        let end = (entry.raw_file_position() + entry.size()).next_multiple_of(512);
        (entry.path().unwrap().to_str().unwrap().to_owned(), end)
    });
    entries.collect()
}

#[tokio::test]
async fn what_is_packed_comes_out_again_with_where_it_came_from() {
    let fixture = Fixture::large();
    let path = fixture.bundle().await;
    Bundle::open(&path).unwrap().verify().unwrap();
    let (catalog, told) = obtain(&path, &fixture.selection(), &fixture.cache()).await.unwrap();

    assert_eq!(Lock::of(&catalog).differences(&fixture.lock()), []);
    for (name, original) in &fixture.catalog.binaries {
        let binary = &catalog.binaries[name];
        assert_eq!(fs::read(&binary.path).unwrap(), fs::read(&original.path).unwrap());
        assert_eq!(fs::read(binary.packed()).unwrap(), fs::read(original.packed()).unwrap(), "nothing is packed anew");
        assert_eq!(fs::metadata(&binary.path).unwrap().permissions().mode() & 0o777, 0o755);
        let provenance = Provenance { source: SourceKind::Bundle, ..original.provenance.clone() };
        assert_eq!(binary, &Binary { path: binary.path.clone(), provenance, ..original.clone() });
    }
    for (name, original) in &fixture.catalog.images {
        let image = &catalog.images[name];
        assert_eq!(fs::read(&image.path).unwrap(), fs::read(&original.path).unwrap());
        let provenance = Provenance { source: SourceKind::Bundle, ..original.provenance.clone() };
        assert_eq!(image, &Image { path: image.path.clone(), provenance, ..original.clone() });
    }
    assert_eq!(told[0], Progress::Unpacking { path, files: 5 });
    assert_eq!(catalog.binaries["calico"].path, catalog.binaries["calico-ipam"].path);
}

#[tokio::test]
async fn what_is_in_the_cache_is_not_read_again() {
    let fixture = Fixture::small();
    let path = fixture.bundle().await;
    let (first, _) = obtain(&path, &fixture.selection(), &fixture.cache()).await.unwrap();
    let blobs = members(&path).into_iter().find(|(name, _)| name == "sbom.cdx.json").unwrap().1;
    flip(&path, blobs + 512, 0);
    let (second, told) = obtain(&path, &fixture.selection(), &fixture.cache()).await.unwrap();
    assert_eq!(second, first);
    assert!(told.iter().all(|event| matches!(event, Progress::Held { .. })), "{told:?}");
}

#[tokio::test]
async fn the_same_artifacts_give_the_same_bytes() {
    let (one, other) = (Fixture::large(), Fixture::large());
    let (first, second) = (one.bundle().await, other.bundle().await);
    let bytes = fs::read(&first).unwrap();
    assert!(bytes == fs::read(&second).unwrap());
    let again = one.create_with(&[one.packages("debian-12")], &first).await.unwrap();
    assert_eq!(again, Created { path: first.clone(), size: bytes.len() as u64, sha256: digest(&bytes) });
    assert_eq!(names(&one.root), names(&other.root), "nothing is left beside it");
    let order: Vec<String> = members(&first).into_iter().map(|(name, _)| name).collect();
    assert_eq!((order[0].as_str(), order[1].as_str()), ("bundle.json", "sbom.cdx.json"));
    assert_eq!(order.last().unwrap(), "checksums");
    // Index, SBOM, checksums, two images, three programs of four names, one archive of packages.
    assert_eq!(order.len(), 9);
}

#[tokio::test]
async fn other_programs_can_take_it_apart() {
    let fixture = Fixture::small();
    let path = fixture.bundle().await;
    let unpacked = Command::new("tar").args(["-C", fixture.root.as_str(), "-xf", path.as_str()]).output().unwrap();
    assert!(unpacked.status.success() && unpacked.stderr.is_empty(), "{unpacked:?}");
    let checksums = fs::read_to_string(fixture.root.join("checksums")).unwrap();
    let bytes = fs::read(&path).unwrap();
    let expected = [
        format!("{}  bundle.json", digest(&fs::read(fixture.root.join("bundle.json")).unwrap())),
        format!("{}  all bytes before this member", digest(&bytes[..bytes.len() - 2048])),
    ];
    assert_eq!(checksums.lines().collect::<Vec<_>>(), expected);
}

#[tokio::test]
async fn every_flipped_bit_is_found_in_the_member_that_it_is_in() {
    let fixture = Fixture::new().binary("kubelet", "kubernetes", versions::KUBERNETES);
    let path = fixture.root.join("tiny.tar");
    fixture.create_with(&[], &path).await.unwrap();
    let bytes = fs::read(&path).unwrap();
    let members = members(&path);
    let parts: Vec<_> = (0..bytes.len()).collect();
    parts.par_chunks(bytes.len() / 8 + 1).for_each(|part| {
        let copy = fixture.root.join(format!("copy-{}.tar", part[0]));
        fs::write(&copy, &bytes).unwrap();
        for byte in part {
            let member = members.iter().find(|(_, end)| (*byte as u64) < *end).map_or("checksums", |(name, _)| name);
            for bit in 0..8 {
                flip(&copy, *byte as u64, bit);
                let found = cause(Bundle::open(&copy).and_then(|bundle| bundle.verify()));
                let named = match &found {
                    BundleError::Damaged { member: named } => {
                        // The checksum of the index cannot tell which of the two is wrong.
                        named == member || (named == "bundle.json" && member == "checksums")
                    }
                    BundleError::NotABundle => *byte < "bundle.json".len(),
                    _ => false,
                };
                assert!(named, "bit {bit} of byte {byte} in {member}: {found}");
                flip(&copy, *byte as u64, bit);
            }
        }
        Bundle::open(&copy).unwrap().verify().unwrap();
    });
}

#[tokio::test]
async fn a_damaged_member_is_refused_and_nothing_is_stored() {
    let fixture = Fixture::small();
    let path = fixture.bundle().await;
    let bytes = fs::read(&path).unwrap();
    let of_packages = format!("blobs/sha256/{}", fixture.packages("debian-12").sha256);
    for (name, end) in members(&path).into_iter().filter(|(name, _)| name.starts_with("blobs/")) {
        // The last byte before the padding.
        let last = (0..end).rev().find(|byte| bytes[*byte as usize] != 0).unwrap();
        flip(&path, last, 3);
        let cache = Cache::at(fixture.root.join(format!("cache-{last}")));
        let found = if name == of_packages {
            Bundle::open(&path).unwrap().packages("debian-12", HERE, &cache, &|_| {}).await.map(drop)
        } else {
            obtain(&path, &fixture.selection(), &cache).await.map(drop)
        };
        assert!(matches!(cause(found), BundleError::Damaged { member } if member == name));
        for folder in ["artifacts", "work"] {
            assert_eq!(names(&cache.root().join(folder)), Vec::<String>::new(), "{folder}");
        }
        flip(&path, last, 3);
    }
}

#[tokio::test]
async fn a_bundle_that_is_cut_off_anywhere_is_refused() {
    let fixture = Fixture::small();
    let path = fixture.bundle().await;
    let length = fs::metadata(&path).unwrap().len();
    let file = OpenOptions::new().write(true).open(&path).unwrap();
    for length in (0..length).rev() {
        file.set_len(length).unwrap();
        let found = cause(Bundle::open(&path));
        assert!(matches!(found, BundleError::CutOff { found } if found == length), "at {length}: {found}");
    }
}

#[tokio::test]
async fn what_follows_the_end_is_found() {
    let fixture = Fixture::small();
    let path = fixture.bundle().await;
    let length = fs::metadata(&path).unwrap().len();
    OpenOptions::new().write(true).open(&path).unwrap().set_len(length + 512).unwrap();
    assert!(matches!(cause(Bundle::open(&path)), BundleError::Damaged { .. }));
}

#[test]
fn another_file_is_no_bundle() {
    let fixture = Fixture::new();
    for (name, bytes) in
        [("text", &b"apiVersion: hardway/v1alpha1"[..]), ("zeros", &[0; 4096]), ("gzip", &[0x1f, 0x8b])]
    {
        let path = fixture.write(".", name, bytes);
        assert!(matches!(cause(Bundle::open(&path)), BundleError::NotABundle), "{name}");
    }
    assert!(matches!(cause(Bundle::open(&fixture.root.join("nowhere"))), BundleError::Read(_)));
}

#[tokio::test]
async fn a_bundle_for_other_machines_or_another_version_says_so() {
    let mut fixture = Fixture::small();
    let path = fixture.bundle().await;
    let bundle = Bundle::open(&path).unwrap();
    let found = cause(BundleSource::new(bundle, "1.36.0"));
    let expected =
        format!("it holds Kubernetes {}, and the spec asks for 1.36.0: make one from this spec", versions::KUBERNETES);
    assert_eq!(found.to_string(), expected);

    fixture.catalog.binaries.values_mut().for_each(|binary| binary.architecture = ELSEWHERE.to_owned());
    fixture.catalog.images.values_mut().for_each(|image| image.architecture = ELSEWHERE.to_owned());
    let bundle = Bundle::open(&fixture.bundle().await).unwrap();
    assert_eq!(bundle.architecture(), ELSEWHERE);
    let found = cause(BundleSource::new(bundle, versions::KUBERNETES));
    let expected = format!("it is for {ELSEWHERE} machines, and these are {HERE}:");
    assert!(found.to_string().starts_with(&expected), "{found}");
}

#[tokio::test]
async fn all_that_is_missing_is_named_at_once_and_nothing_is_unpacked() {
    let fixture = Fixture::small().binary("etcd", "etcd", "3.5.0");
    let path = fixture.bundle().await;
    let selection = Selection::named(["kubelet", "etcd", "runc", "image/coredns"]).unwrap();
    let found = cause(obtain(&path, &selection, &fixture.cache()).await);
    let expected = ["runc", &format!("etcd {} (it has 3.5.0)", versions::ETCD), "image/coredns"];
    let BundleError::Lacks { mut missing } = found else { panic!("{found}") };
    missing.sort();
    let mut expected = expected.map(str::to_owned).to_vec();
    expected.sort();
    assert_eq!(missing, expected);
    assert!(!fixture.cache().root().exists());
}

#[tokio::test]
async fn packages_come_out_for_the_release_that_asks() {
    let fixture = Fixture::small();
    let path = fixture.root.join("bundle.tar");
    let both = ["debian-13", "debian-12"].map(|os| fixture.packages(os));
    fixture.create_with(&both, &path).await.unwrap();
    let bundle = Bundle::open(&path).unwrap();
    bundle.verify().unwrap();
    for original in both {
        let found = bundle.packages(&original.os, HERE, &fixture.cache(), &|_| {}).await.unwrap();
        assert_eq!(fs::read(&found.archive).unwrap(), fs::read(&original.archive).unwrap());
        assert_eq!(found, OsPackages { archive: found.archive.clone(), ..original });
    }
    let error = cause(bundle.packages("ubuntu-24.04", HERE, &fixture.cache(), &|_| {}).await).to_string();
    let expected =
        format!("no packages for ubuntu-24.04 on {HERE} machines, only for debian-12 on {HERE}, debian-13 on {HERE}:");
    assert!(error.contains(&expected), "{error}");
}

#[tokio::test]
async fn only_what_is_locked_and_whole_is_bundled() {
    let mut fixture = Fixture::small();
    let to = fixture.root.join("bundle.tar");
    let lock = fixture.lock();

    let mut other = lock.clone();
    other.artifacts.get_mut("kubelet").unwrap().sha256 = digest(b"another");
    let found = cause(create(&fixture.catalog, &other, &[], &to, &|_| {}).await);
    assert!(matches!(&found, BundleError::Differs { differences } if differences.len() == 1), "{found}");

    fs::write(&fixture.catalog.images["pause"].path, "layers of PAUSE").unwrap();
    let found = cause(create(&fixture.catalog, &lock, &[], &to, &|_| {}).await);
    assert!(matches!(&found, BundleError::Changed { path } if path.ends_with("pause.tar")), "{found}");

    fixture.catalog.binaries.get_mut("kubelet").unwrap().architecture = "riscv64".to_owned();
    let found = cause(create(&fixture.catalog, &lock, &[], &to, &|_| {}).await);
    assert!(matches!(&found, BundleError::NotOne { what: "architecture", found } if found.len() == 2), "{found}");

    let whole = Fixture::small();
    let twice = [whole.packages("debian-12"), whole.packages("debian-12")];
    let found = cause(whole.create_with(&twice, &to).await);
    assert!(matches!(&found, BundleError::Inconsistent { .. }), "{found}");
    assert!(!to.exists());
    assert!(!names(&fixture.root).iter().any(|name| name.starts_with('.')), "{:?}", names(&fixture.root));
}

#[tokio::test]
async fn work_that_is_given_up_leaves_nothing_behind() {
    let fixture = Fixture::small();
    let path = fixture.bundle().await;
    let to = fixture.root.join("other.tar");
    let (begun, cache) = (Notify::new(), fixture.cache());
    let report = |event| {
        if matches!(event, Progress::Bundling { .. } | Progress::Unpacking { .. }) {
            begun.notify_one();
        }
    };
    let lock = fixture.lock();
    tokio::select! {
        biased;
        () = begun.notified() => {}
        done = create(&fixture.catalog, &lock, &[], &to, &report) => panic!("it was done at once: {done:?}"),
    }
    assert!(!names(&fixture.root).iter().any(|name| name.starts_with('.') || name == "other.tar"));

    let source = BundleSource::new(Bundle::open(&path).unwrap(), versions::KUBERNETES).unwrap();
    let selection = fixture.selection();
    tokio::select! {
        biased;
        () = begun.notified() => {}
        done = source.obtain(&selection, &cache, &report) => panic!("it was done at once: {done:?}"),
    }
    // Whoever comes next finds the cache usable, whatever the one before had begun.
    obtain(&path, &selection, &cache).await.unwrap();
    assert_eq!(names(&cache.root().join("work")), Vec::<String>::new());
}

/// A file system with little room, as long as this lives.
struct SmallDisk(Utf8PathBuf);

impl SmallDisk {
    fn at(folder: Utf8PathBuf) -> Self {
        fs::create_dir(&folder).unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=64k,mode=755", "hardway-test", folder.as_str()])
            .status();
        assert!(mounted.unwrap().success(), "only root can mount a small disk");
        Self(folder)
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let unmounted = Command::new("umount").arg(&self.0).status();
        assert!(std::thread::panicking() || unmounted.is_ok_and(|status| status.success()));
    }
}

fn is_full(error: &Error) -> bool {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if error.downcast_ref::<std::io::Error>().is_some_and(|error| error.kind() == std::io::ErrorKind::StorageFull) {
            return true;
        }
        cause = error.source();
    }
    false
}

#[tokio::test]
async fn a_full_disk_leaves_nothing_behind() {
    let mut fixture = Fixture::small();
    // More than the disk holds, and nothing that zstd could make small.
    let bytes: Vec<u8> = (0..4096_u32).flat_map(|number| Sha256::digest(number.to_be_bytes())).collect();
    let kubelet = fixture.catalog.binaries.get_mut("kubelet").unwrap();
    fs::write(&kubelet.path, &bytes).unwrap();
    (kubelet.sha256, kubelet.size) = (digest(&bytes), bytes.len() as u64);
    let disk = SmallDisk::at(fixture.root.join("disk"));

    let error = fixture.create_with(&[], &disk.0.join("bundle.tar")).await.unwrap_err();
    assert!(is_full(&error), "{error:?}");
    assert_eq!(names(&disk.0), Vec::<String>::new());

    let path = fixture.bundle().await;
    let cache = Cache::at(disk.0.join("cache"));
    let error = obtain(&path, &fixture.selection(), &cache).await.unwrap_err();
    assert!(is_full(&error), "{error:?}");
    for folder in ["artifacts", "work"] {
        assert_eq!(names(&cache.root().join(folder)), Vec::<String>::new(), "{folder}");
    }
}

#[tokio::test]
async fn the_sbom_says_what_each_part_is() {
    let fixture = Fixture::small();
    let path = fixture.bundle().await;
    let mut archive = tar::Archive::new(File::open(&path).unwrap());
    let sbom = archive.entries().unwrap().nth(1).unwrap().unwrap();
    let sbom: Value = serde_json::from_reader(sbom).unwrap();
    assert_eq!((&sbom["bomFormat"], &sbom["specVersion"]), (&"CycloneDX".into(), &"1.6".into()));
    assert!(sbom["serialNumber"].as_str().unwrap().starts_with("urn:uuid:"));
    let components = sbom["components"].as_array().unwrap();
    let component = |name: &str| components.iter().find(|component| component["name"] == name).unwrap();
    assert_eq!(components.len(), 3);

    let kubelet = component("kubelet");
    assert_eq!(kubelet["type"], "application");
    assert_eq!(kubelet["hashes"][0]["alg"], "SHA-256");
    assert_eq!(kubelet["hashes"][0]["content"], fixture.catalog.binaries["kubelet"].sha256);
    assert_eq!(kubelet["licenses"][0]["license"]["id"], "Apache-2.0");
    assert_eq!(kubelet["externalReferences"][0]["url"], fixture.catalog.binaries["kubelet"].provenance.origin);
    let purl = kubelet["purl"].as_str().unwrap();
    assert!(purl.starts_with(&format!("pkg:generic/kubelet@{}?arch={HERE}", versions::KUBERNETES)), "{purl}");

    let pause = component("pause");
    assert_eq!(pause["type"], "container");
    assert!(pause["purl"].as_str().unwrap().starts_with("pkg:oci/pause@sha256:"), "{pause}");
    assert_eq!(pause.get("licenses"), None);
    let nftables = component("nftables");
    assert!(nftables["purl"].as_str().unwrap().starts_with("pkg:deb/debian/nftables@"), "{nftables}");
}

#[tokio::test]
async fn a_bundle_says_what_is_in_it() {
    let fixture = Fixture::small();
    let path = fixture.bundle().await;
    let summary = Bundle::open(&path).unwrap().inspect().unwrap();
    assert_eq!(summary.size, fs::metadata(&path).unwrap().len());
    assert_eq!((summary.kubernetes.as_str(), summary.architecture.as_str()), (versions::KUBERNETES, HERE));
    let names: Vec<&str> = summary.artifacts.iter().map(|artifact| artifact.name.as_str()).collect();
    assert_eq!(names, ["image/pause", "kubelet"]);
    assert_eq!((summary.weakest(), summary.sources()), (Some(Trust::Checksum), vec!["releases".to_owned()]));
    assert_eq!((summary.packages[0].os.as_str(), summary.packages[0].count), ("debian-12", 1));
    let json = serde_json::to_value(&summary).unwrap();
    assert_eq!(json["artifacts"][1]["verified"], "checksum");
    assert!(json["artifacts"][1]["packedSize"].as_u64().unwrap() < json["artifacts"][1]["size"].as_u64().unwrap());
}
