//! The images of a cluster, and what comes in one, as a source brings them.

use std::fs;

use hardway_artifacts::{
    Architecture, Cache, Catalog, Error, Lock, ReleaseError, ReleaseSettings, Releases, Selection, Source, SourceKind,
};
use hardway_spec::upstream_images::{self, CALICO_CNI};
use hardway_spec::{Mirror, Trust};
use hardway_test_registry::Setup;

use crate::image::{Image, Layer, Packing, push};
use crate::stand::{QUICK, Stand, chain};

const NAMES: [&str; 5] = ["image/pause", "image/dnsutils", "image/agnhost", "calico", "calico-ipam"];

/// A mirror with the images of [`NAMES`].
struct Scene {
    stand: Stand,
    pause: Image,
}

impl Scene {
    async fn new() -> Self {
        let stand = Stand::new(Setup::default());
        let pause = push_file(&stand, &reference("pause"), "pause", "pause").await;
        push_file(&stand, &reference("agnhost"), "agnhost", "agnhost").await;
        let plugins: [(&str, &[u8]); 2] = [("opt/cni/bin/calico", b"plugin"), ("opt/cni/bin/calico-ipam", b"plugin")];
        stand.registry.push_files(&CALICO_CNI.reference(), "amd64", &plugins).await;
        Self { stand, pause }
    }

    fn settings(&self) -> ReleaseSettings {
        ReleaseSettings {
            mirror: Some(Mirror {
                files: "https://127.0.0.1:1/nothing".to_owned(),
                images: self.stand.registry.mirror(),
                authority: None,
            }),
            authority: Some(self.stand.registry.ca_pem().as_bytes().to_vec()),
            patience: QUICK,
            ..ReleaseSettings::upstream(Architecture::AMD64)
        }
    }

    fn cache(&self, name: &str) -> Cache {
        Cache::at(self.stand.path(name))
    }

    async fn obtain(&self, settings: ReleaseSettings, cache: &str) -> Result<Catalog, Error> {
        let selection = Selection::named(NAMES).unwrap();
        Releases::new(settings).unwrap().obtain(&selection, &self.cache(cache), &|_| {}).await
    }
}

fn reference(name: &str) -> String {
    upstream_images::find(name).unwrap().reference()
}

async fn push_file(stand: &Stand, reference: &str, path: &'static str, content: &str) -> Image {
    let layer = Layer { packing: Packing::Gzip, files: vec![(path, content.into(), 0o755)] };
    push(&stand.registry, reference, "amd64", &[layer]).await
}

#[tokio::test]
async fn images_and_the_programs_in_them_come_from_a_mirror_under_upstreams_names() {
    let scene = Scene::new().await;
    let catalog = scene.obtain(scene.settings(), "cache").await.unwrap();
    let pause = &catalog.images["pause"];
    assert_eq!((pause.reference.clone(), pause.manifest_digest.clone()), (reference("pause"), scene.pause.digest()));
    assert_eq!(pause.provenance.source, SourceKind::Mirror);
    assert_eq!(pause.provenance.trust, Trust::FirstUse);
    let origin = format!("{}/{}@{}", scene.stand.registry.mirror(), reference("pause"), scene.pause.digest());
    assert_eq!(pause.provenance.origin, origin);
    assert_eq!(pause.path.file_name(), Some("pause.tar"));
    assert_eq!(catalog.images["dnsutils"].path, catalog.images["agnhost"].path);
    for name in ["calico", "calico-ipam"] {
        let program = &catalog.binaries[name];
        assert_eq!(fs::read_to_string(&program.path).unwrap(), "plugin");
        assert_eq!((program.component.as_str(), program.version.as_str()), ("calico", CALICO_CNI.version));
    }
    assert_eq!(catalog.images.len() + catalog.binaries.len(), NAMES.len());
    assert_eq!(scene.obtain(scene.settings(), "cache").await.unwrap(), catalog);
}

#[tokio::test]
async fn what_is_locked_comes_again_without_a_tag_and_out_of_the_cache_without_a_network() {
    let scene = Scene::new().await;
    let catalog = scene.obtain(scene.settings(), "cache").await.unwrap();
    let settings = || ReleaseSettings { lock: Some(Lock::of(&catalog)), require: Trust::Shipped, ..scene.settings() };

    // The tag means something else by now.
    push_file(&scene.stand, &reference("pause"), "pause", "another pause").await;
    let again = scene.obtain(settings(), "another cache").await.unwrap();
    assert_eq!(again.images["pause"].sha256, catalog.images["pause"].sha256);
    assert_eq!(again.binaries["calico"].sha256, catalog.binaries["calico"].sha256);

    let alone = ReleaseSettings {
        mirror: settings().mirror.map(|mirror| Mirror { images: "127.0.0.1:1/k8s".to_owned(), ..mirror }),
        ..settings()
    };
    let held = scene.obtain(alone, "cache").await.unwrap();
    assert_eq!(Lock::of(&held), Lock::of(&catalog));
}

#[tokio::test]
async fn another_image_than_the_locked_one_is_refused() {
    let scene = Scene::new().await;
    let catalog = scene.obtain(scene.settings(), "cache").await.unwrap();
    let refused = async |change: &dyn Fn(&mut Lock)| {
        let mut lock = Lock::of(&catalog);
        change(&mut lock);
        let settings = ReleaseSettings { lock: Some(lock), ..scene.settings() };
        scene.obtain(settings, "another cache").await.unwrap_err()
    };
    let error = refused(&|lock| lock.artifacts.get_mut("image/pause").unwrap().sha256 = "0a".repeat(32)).await;
    assert!(matches!(error, Error::Release(ReleaseError::NotAsLocked { .. })), "{}", chain(&error));
    let other = |lock: &mut Lock| {
        lock.artifacts.get_mut("image/pause").unwrap().reference = Some("hardway.local/pause:3.10.2".to_owned());
    };
    let error = refused(&other).await;
    assert!(matches!(error, Error::Release(ReleaseError::OtherVersionLocked { .. })), "{}", chain(&error));
}

#[tokio::test]
async fn an_image_that_nobody_vouches_for_is_refused_where_somebody_has_to() {
    let scene = Scene::new().await;
    // Not even cosign would be asked: the signatures are not the mirror's.
    let settings =
        ReleaseSettings { require: Trust::Signature, cosign: Some("/nothing/cosign".into()), ..scene.settings() };
    let error = scene.obtain(settings, "cache").await.unwrap_err();
    let Error::Release(ReleaseError::TooLittleTrust { reached, signed, .. }) = &error else { panic!("{error}") };
    assert_eq!((*reached, *signed), (Trust::FirstUse, false));
}
