//! Small images, made here.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use hardway_test_registry::TestRegistry;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

pub(crate) const INDEX: &str = "application/vnd.oci.image.index.v1+json";
pub(crate) const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";

#[derive(Clone, Copy)]
pub(crate) enum Packing {
    Gzip,
    Zstd,
}

/// One layer: paths with their bytes and modes.
pub(crate) struct Layer {
    pub(crate) packing: Packing,
    pub(crate) files: Vec<(&'static str, Vec<u8>, u32)>,
}

/// An image whose parts are in a registry.
pub(crate) struct Image {
    pub(crate) manifest: Vec<u8>,
    /// In hexadecimal, the lowest first.
    pub(crate) layers: Vec<String>,
    /// The layers' bytes as the registry has them.
    pub(crate) packed: Vec<Vec<u8>>,
}

impl Image {
    pub(crate) fn digest(&self) -> String {
        format!("sha256:{}", hex::encode(Sha256::digest(&self.manifest)))
    }

    fn entry(&self, architecture: &str) -> Value {
        json!({
            "mediaType": MANIFEST,
            "digest": self.digest(),
            "size": self.manifest.len(),
            "platform": {"os": "linux", "architecture": architecture},
        })
    }
}

/// Pushes an image's parts and its manifest, which gets a tag if it is to be found without an index.
pub(crate) async fn push(registry: &TestRegistry, reference: &str, architecture: &str, layers: &[Layer]) -> Image {
    let mut descriptors = Vec::new();
    let (mut names, mut packed) = (Vec::new(), Vec::new());
    for layer in layers {
        let bytes = pack(layer);
        let sha256 = registry.push_blob(reference, bytes.clone()).await;
        let kind = match layer.packing {
            Packing::Gzip => "gzip",
            Packing::Zstd => "zstd",
        };
        descriptors.push(json!({
            "mediaType": format!("application/vnd.oci.image.layer.v1.tar+{kind}"),
            "digest": format!("sha256:{sha256}"),
            "size": bytes.len(),
        }));
        names.push(sha256);
        packed.push(bytes);
    }
    let config = json!({"architecture": architecture, "os": "linux", "rootfs": {"type": "layers", "diff_ids": []}});
    let config = config.to_string().into_bytes();
    let size = config.len();
    let config = registry.push_blob(reference, config).await;
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": {"mediaType": CONFIG, "digest": format!("sha256:{config}"), "size": size},
        "layers": descriptors,
    });
    let manifest = manifest.to_string().into_bytes();
    registry.push_manifest(reference, manifest.clone(), MANIFEST).await;
    Image { manifest, layers: names, packed }
}

/// Puts an index of images under the tag, and gives its digest.
pub(crate) async fn push_index(registry: &TestRegistry, reference: &str, images: &[(&str, &Image)]) -> String {
    let manifests: Vec<_> = images.iter().map(|(architecture, image)| image.entry(architecture)).collect();
    let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": manifests}).to_string().into_bytes();
    format!("sha256:{}", registry.push_manifest(reference, index, INDEX).await)
}

/// Bytes that do not get smaller, the same in every run.
pub(crate) fn noise(size: usize) -> Vec<u8> {
    let blocks = (0..size.div_ceil(32) as u64).flat_map(|number| Sha256::digest(number.to_le_bytes()));
    blocks.take(size).collect()
}

fn pack(layer: &Layer) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for (path, bytes, mode) in &layer.files {
        let mut header = tar::Header::new_ustar();
        header.set_size(bytes.len() as u64);
        header.set_mode(*mode);
        tar.append_data(&mut header, path, &bytes[..]).unwrap();
    }
    let tar = tar.into_inner().unwrap();
    match layer.packing {
        Packing::Gzip => {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
            encoder.write_all(&tar).unwrap();
            encoder.finish().unwrap()
        }
        Packing::Zstd => zstd::encode_all(&tar[..], 1).unwrap(),
    }
}
