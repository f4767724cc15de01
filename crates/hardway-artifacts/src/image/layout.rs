//! An OCI image layout in one tar archive.
//!
//! The forms are those of the OCI image specification, version 1: `image-layout.md`, `image-index.md`,
//! `descriptor.md`, `annotations.md`. containerd's importer takes the image's name from the annotation
//! `io.containerd.image.name`.

use std::fs::File;
use std::io::{self, Write};

use camino::Utf8Path;
use serde::Serialize;

use crate::digest;

const INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// The one image of a layout.
pub(crate) struct Root<'a> {
    /// What a pod's `image:` says.
    pub(crate) reference: &'a str,
    pub(crate) tag: &'a str,
    /// As Go calls it: `amd64`, `arm64`.
    pub(crate) architecture: &'a str,
    pub(crate) media_type: &'a str,
    /// The manifest's own bytes.
    pub(crate) manifest: &'a [u8],
}

/// What a manifest speaks of: a configuration or a layer.
pub(crate) enum Blob<'a> {
    Bytes { sha256: &'a str, bytes: &'a [u8] },
    File { sha256: &'a str, path: &'a Utf8Path },
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Descriptor<'a> {
    pub(super) media_type: &'a str,
    pub(super) digest: String,
    pub(super) size: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    annotations: Option<Annotations<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    platform: Option<Platform<'a>>,
}

impl<'a> Descriptor<'a> {
    pub(super) fn new(media_type: &'a str, sha256: &str, size: u64) -> Self {
        Self { media_type, digest: format!("sha256:{sha256}"), size, annotations: None, platform: None }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Index<'a> {
    schema_version: u32,
    media_type: &'a str,
    manifests: [Descriptor<'a>; 1],
}

#[derive(Serialize)]
struct Annotations<'a> {
    #[serde(rename = "io.containerd.image.name")]
    name: &'a str,
    #[serde(rename = "org.opencontainers.image.ref.name")]
    tag: &'a str,
}

#[derive(Serialize)]
struct Platform<'a> {
    architecture: &'a str,
    os: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Layout<'a> {
    image_layout_version: &'a str,
}

/// Writes the archive to `file`, and returns the manifest's digest, `sha256:…`. The same image gives the same bytes.
pub(crate) fn write(root: &Root<'_>, blobs: &[Blob<'_>], file: &Utf8Path) -> io::Result<String> {
    let manifest_sha256 = digest::of_bytes(root.manifest);
    let index = json(&Index {
        schema_version: 2,
        media_type: INDEX,
        manifests: [Descriptor {
            annotations: Some(Annotations { name: root.reference, tag: root.tag }),
            platform: Some(Platform { architecture: root.architecture, os: "linux" }),
            ..Descriptor::new(root.media_type, &manifest_sha256, root.manifest.len() as u64)
        }],
    });
    let layout = json(&Layout { image_layout_version: "1.0.0" });

    let mut tar = tar::Builder::new(io::BufWriter::new(File::create(file)?));
    append(&mut tar, "oci-layout", &layout)?;
    append(&mut tar, "index.json", &index)?;
    append(&mut tar, &path_of(&manifest_sha256), root.manifest)?;
    for blob in blobs {
        match blob {
            Blob::Bytes { sha256, bytes } => append(&mut tar, &path_of(sha256), bytes)?,
            Blob::File { sha256, path } => {
                let content = File::open(path)?;
                tar.append_data(&mut header(content.metadata()?.len()), path_of(sha256), content)?;
            }
        }
    }
    tar.into_inner()?.flush()?;
    Ok(format!("sha256:{manifest_sha256}"))
}

/// Where a layout has a blob.
pub(super) fn path_of(sha256: &str) -> String {
    format!("blobs/sha256/{sha256}")
}

/// The same for every file, so that the same files give the same archive.
pub(crate) fn header(size: u64) -> tar::Header {
    let mut header = tar::Header::new_ustar();
    header.set_mode(0o644);
    header.set_mtime(0);
    header.set_uid(0);
    header.set_gid(0);
    header.set_size(size);
    header
}

fn append<W: Write>(tar: &mut tar::Builder<W>, path: &str, bytes: &[u8]) -> io::Result<()> {
    tar.append_data(&mut header(bytes.len() as u64), path, bytes)
}

pub(super) fn json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("structs of strings and numbers have a JSON form")
}
