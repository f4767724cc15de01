//! Images on their way into the registry.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use oci_client::manifest::{
    IMAGE_CONFIG_MEDIA_TYPE, IMAGE_LAYER_MEDIA_TYPE, OCI_IMAGE_MEDIA_TYPE, OciImageIndex, OciImageManifest,
};
use oci_client::{Client, Reference, RegistryOperation};
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::TestRegistry;

impl TestRegistry {
    /// Puts the image of an archive, an OCI layout in a tar file, where a mirror has `reference` of upstream's.
    ///
    /// # Panics
    /// Where the archive is none, or the registry does not take it.
    pub async fn push(&self, archive: &Path, reference: &str) {
        let mut files = read(archive);
        let index: OciImageIndex = serde_json::from_slice(&files["index.json"]).expect("the layout has an index");
        let mut blob = |digest: &str| {
            let path = format!("blobs/{}", digest.replace(':', "/"));
            files.remove(&path).unwrap_or_else(|| panic!("the archive has no {path}"))
        };
        let root = &index.manifests[0];
        let bytes = blob(&root.digest);
        let manifest: OciImageManifest = serde_json::from_slice(&bytes).expect("the image has a manifest");
        for part in [&manifest.config].into_iter().chain(&manifest.layers) {
            self.push_blob(reference, blob(&part.digest)).await;
        }
        self.push_manifest(reference, bytes, &root.media_type).await;
    }

    /// Puts an image of files that can be run where a mirror has `reference` of upstream's, in one layer that is not
    /// compressed; gives its manifest's digest in hexadecimal.
    ///
    /// # Panics
    /// Where the registry does not take it.
    pub async fn push_files(&self, reference: &str, architecture: &str, files: &[(&str, &[u8])]) -> String {
        let mut layer = tar::Builder::new(Vec::new());
        for (path, bytes) in files {
            let mut header = tar::Header::new_ustar();
            header.set_size(bytes.len() as u64);
            header.set_mode(0o755);
            layer.append_data(&mut header, path, *bytes).expect("a path that tar can write");
        }
        let layer = layer.into_inner().expect("memory can be written");
        let diff_id = format!("sha256:{}", hex::encode(Sha256::digest(&layer)));
        let config = json!({
            "architecture": architecture,
            "os": "linux",
            "config": {},
            "rootfs": {"type": "layers", "diff_ids": [diff_id]},
        });
        let mut parts = Vec::new();
        for (kind, bytes) in
            [(IMAGE_CONFIG_MEDIA_TYPE, config.to_string().into_bytes()), (IMAGE_LAYER_MEDIA_TYPE, layer)]
        {
            let size = bytes.len();
            let digest = format!("sha256:{}", self.push_blob(reference, bytes).await);
            parts.push(json!({"mediaType": kind, "digest": digest, "size": size}));
        }
        let manifest =
            json!({"schemaVersion": 2, "mediaType": OCI_IMAGE_MEDIA_TYPE, "config": parts[0], "layers": [parts[1]]});
        self.push_manifest(reference, manifest.to_string().into_bytes(), OCI_IMAGE_MEDIA_TYPE).await
    }

    /// Puts a blob into the repository of `reference`; gives its digest in hexadecimal.
    ///
    /// # Panics
    /// Where the registry does not take it.
    pub async fn push_blob(&self, reference: &str, bytes: Vec<u8>) -> String {
        let sha256 = hex::encode(Sha256::digest(&bytes));
        let at = self.place(reference);
        self.client_of(&at).await.push_blob(&at, bytes, &format!("sha256:{sha256}")).await.expect("a blob is taken");
        sha256
    }

    /// Puts a manifest or an index under the tag or digest of `reference`; gives its digest in hexadecimal.
    ///
    /// # Panics
    /// Where the registry does not take it.
    pub async fn push_manifest(&self, reference: &str, bytes: Vec<u8>, media_type: &str) -> String {
        let sha256 = hex::encode(Sha256::digest(&bytes));
        let at = self.place(reference);
        let kind = media_type.parse().expect("a media type");
        self.client_of(&at).await.push_manifest_raw(&at, bytes, kind).await.expect("a manifest is taken");
        sha256
    }

    fn place(&self, reference: &str) -> Reference {
        format!("{}/{reference}", self.mirror()).parse().expect("a reference")
    }

    /// The client, with what it needs to push there.
    async fn client_of(&self, at: &Reference) -> &Client {
        self.client.auth(at, &self.auth(), RegistryOperation::Push).await.expect("the registry answers");
        &self.client
    }
}

fn read(archive: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut tar = tar::Archive::new(File::open(archive).expect("the archive can be opened"));
    for entry in tar.entries().expect("the archive is a tar") {
        let mut entry = entry.expect("the archive is whole");
        let path = entry.path().expect("an entry has a path").to_string_lossy().into_owned();
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).expect("the archive is whole");
        files.insert(path, bytes);
    }
    files
}
