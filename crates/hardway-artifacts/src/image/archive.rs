//! An image that is assembled here, as an archive: its configuration, its manifest and its one layer.
//!
//! The forms are those of the OCI image specification, version 1: `manifest.md`, `config.md`.

use std::fs::File;
use std::io;

use camino::Utf8Path;
use serde::Serialize;

use super::layer;
use super::layout::{self, Blob, Descriptor, Root, json};
use super::recipe::Recipe;
use super::tree::Tree;
use crate::digest::{self, DigestWriter};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+zstd";

/// How hard layers are compressed. For calico-node, 100 MB, containerd's import was measured to cost
/// no more CPU than without compression, and a quarter of the bytes has to be copied, digested and
/// written. Reading takes the same time at any level; this one takes a second to write.
const COMPRESSION_LEVEL: i32 = 9;

/// The same in every archive, so that the same parts give the same digest.
const CREATED: &str = "1970-01-01T00:00:00Z";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Manifest<'a> {
    schema_version: u32,
    media_type: &'a str,
    config: Descriptor<'a>,
    layers: [Descriptor<'a>; 1],
}

#[derive(Serialize)]
struct Config<'a> {
    created: &'a str,
    architecture: &'a str,
    os: &'a str,
    config: Execution<'a>,
    rootfs: RootFs<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Execution<'a> {
    #[serde(skip_serializing_if = "str::is_empty")]
    user: &'a str,
    env: &'a [&'a str],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    entrypoint: &'a [&'a str],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    cmd: &'a [&'a str],
    working_dir: &'a str,
}

#[derive(Serialize)]
struct RootFs<'a> {
    r#type: &'a str,
    diff_ids: [String; 1],
}

/// Writes the archive to `file`, with the layer in `scratch` meanwhile, and returns the
/// manifest's digest, `sha256:…`.
pub(crate) fn write(
    recipe: &Recipe,
    architecture: &str,
    tree: &Tree,
    scratch: &Utf8Path,
    file: &Utf8Path,
) -> io::Result<String> {
    let compressed = DigestWriter::new(File::create(scratch)?);
    let encoder = zstd::Encoder::new(compressed, COMPRESSION_LEVEL)?;
    let (encoder, content_sha256, _) = layer::write(tree, DigestWriter::new(encoder))?.finish();
    let (_, layer_sha256, layer_size) = encoder.finish()?.finish();

    let config = json(&Config {
        created: CREATED,
        architecture,
        os: "linux",
        config: Execution {
            user: recipe.user,
            env: recipe.environment,
            entrypoint: recipe.entrypoint,
            cmd: recipe.command,
            working_dir: "/",
        },
        rootfs: RootFs { r#type: "layers", diff_ids: [format!("sha256:{content_sha256}")] },
    });
    let config_sha256 = digest::of_bytes(&config);
    let manifest = json(&Manifest {
        schema_version: 2,
        media_type: MANIFEST,
        config: Descriptor::new(CONFIG, &config_sha256, config.len() as u64),
        layers: [Descriptor::new(LAYER, &layer_sha256, layer_size)],
    });
    let root = Root {
        reference: &recipe.reference(),
        tag: &recipe.tag(),
        architecture,
        media_type: MANIFEST,
        manifest: &manifest,
    };
    let blobs =
        [Blob::Bytes { sha256: &config_sha256, bytes: &config }, Blob::File { sha256: &layer_sha256, path: scratch }];
    layout::write(&root, &blobs, file)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::io::Read;
    use std::sync::Arc;

    use camino::Utf8PathBuf;
    use serde_json::Value;

    use super::super::recipe::RECIPES;
    use super::super::tree::{Content, Node};
    use super::*;

    fn assemble() -> (String, String, BTreeMap<String, Vec<u8>>) {
        let folder = tempfile::tempdir().unwrap();
        let path = |name| Utf8PathBuf::try_from(folder.path().join(name)).unwrap();
        let mut tree = Tree::default();
        let content = Content::Bytes(Arc::from(*b"elf"));
        tree.insert("pause".into(), Node::file(content, true));
        let file = path("pause.tar");
        let manifest_digest = write(&RECIPES[0], "amd64", &tree.finish(), &path("layer.tar"), &file).unwrap();
        let (sha256, _) = digest::of_file(&file).unwrap();
        let mut files = BTreeMap::new();
        let mut archive = tar::Archive::new(File::open(&file).unwrap());
        for entry in archive.entries().unwrap() {
            let mut entry = entry.unwrap();
            let path = entry.path().unwrap().to_str().unwrap().to_owned();
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).unwrap();
            files.insert(path, bytes);
        }
        (manifest_digest, sha256, files)
    }

    #[test]
    fn the_same_parts_give_the_same_archive() {
        let (_, one, _) = assemble();
        let (_, other, _) = assemble();
        assert_eq!(one, other);
    }

    #[test]
    fn the_index_names_the_image_for_containerd() {
        let (manifest_digest, _, files) = assemble();
        let index: Value = serde_json::from_slice(&files["index.json"]).unwrap();
        let manifest = &index["manifests"][0];
        assert_eq!(manifest["digest"], manifest_digest.as_str());
        assert_eq!(manifest["annotations"]["io.containerd.image.name"], RECIPES[0].reference());
        assert_eq!(manifest["platform"]["architecture"], "amd64");
    }

    #[test]
    fn every_blob_has_the_digest_and_size_that_it_is_called_by() {
        let (manifest_digest, _, files) = assemble();
        for (path, bytes) in &files {
            if let Some(sha256) = path.strip_prefix("blobs/sha256/") {
                assert_eq!(digest::of_bytes(bytes), sha256);
            }
        }
        let manifest = &files[&layout::path_of(manifest_digest.strip_prefix("sha256:").unwrap())];
        let manifest: Value = serde_json::from_slice(manifest).unwrap();
        for descriptor in [&manifest["config"], &manifest["layers"][0]] {
            let sha256 = descriptor["digest"].as_str().unwrap();
            let bytes = &files[&layout::path_of(sha256.strip_prefix("sha256:").unwrap())];
            assert_eq!(descriptor["size"], bytes.len() as u64);
        }
        let layer = &files
            [&layout::path_of(manifest["layers"][0]["digest"].as_str().unwrap().strip_prefix("sha256:").unwrap())];
        let config =
            &files[&layout::path_of(manifest["config"]["digest"].as_str().unwrap().strip_prefix("sha256:").unwrap())];
        let config: Value = serde_json::from_slice(config).unwrap();
        let content = zstd::decode_all(&layer[..]).unwrap();
        assert_eq!(config["rootfs"]["diff_ids"][0], format!("sha256:{}", digest::of_bytes(&content)));
        let layout: Value = serde_json::from_slice(&files["oci-layout"]).unwrap();
        assert_eq!(layout["imageLayoutVersion"], "1.0.0");
    }
}
