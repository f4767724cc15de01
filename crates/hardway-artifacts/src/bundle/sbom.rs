//! The bundle's contents as a CycloneDX 1.6 document: <https://cyclonedx.org/docs/1.6/json/>.
//!
//! The types are ours: the format's own Rust library ends at 1.5. Only the fields that are used are here; what is
//! required and what values may be is the schema's, `bom-1.6.schema.json`. There is no timestamp, so that the same
//! artifacts give the same bytes.

use serde::Serialize;

use super::index::{Artifact, Index};
use super::{licences, purl};
use crate::digest;

const SCHEMA: &str = "http://cyclonedx.org/schema/bom-1.6.schema.json";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    #[serde(rename = "$schema")]
    schema: &'a str,
    bom_format: &'a str,
    spec_version: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    serial_number: Option<String>,
    version: u32,
    metadata: Metadata<'a>,
    components: &'a [Component<'a>],
}

#[derive(Serialize)]
struct Metadata<'a> {
    tools: Tools<'a>,
    component: Component<'a>,
}

#[derive(Serialize)]
struct Tools<'a> {
    components: [Component<'a>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Component<'a> {
    r#type: Type,
    #[serde(rename = "bom-ref", skip_serializing_if = "Option::is_none")]
    bom_ref: Option<String>,
    name: &'a str,
    version: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    hashes: Option<[Hash<'a>; 1]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    licenses: Option<[LicenceChoice<'a>; 1]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    purl: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    external_references: Option<[ExternalReference<'a>; 1]>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    properties: Vec<Property<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
enum Type {
    Application,
    Container,
    Library,
    Platform,
}

#[derive(Serialize)]
struct Hash<'a> {
    alg: &'a str,
    content: &'a str,
}

#[derive(Serialize)]
struct LicenceChoice<'a> {
    license: Licence<'a>,
}

#[derive(Serialize)]
struct Licence<'a> {
    id: &'a str,
    /// What the project says of itself; nobody looked into its parts.
    acknowledgement: &'a str,
}

#[derive(Serialize)]
struct ExternalReference<'a> {
    r#type: &'a str,
    url: &'a str,
}

#[derive(Serialize)]
struct Property<'a> {
    name: &'a str,
    value: String,
}

impl<'a> Component<'a> {
    fn named(r#type: Type, name: &'a str, version: &'a str) -> Self {
        Self {
            r#type,
            bom_ref: None,
            name,
            version,
            hashes: None,
            licenses: None,
            purl: None,
            external_references: None,
            properties: Vec::new(),
        }
    }

    fn artifact(name: &'a str, artifact: &'a Artifact) -> Self {
        let Artifact { component, locked, .. } = artifact;
        let (r#type, purl) = match (&locked.reference, &locked.manifest) {
            (Some(reference), Some(manifest)) => {
                (Type::Container, purl::image(reference, manifest, &locked.architecture))
            }
            _ => (
                Type::Application,
                purl::program(name, &locked.version, &locked.architecture, locked.source, &locked.origin),
            ),
        };
        let licence = component.as_deref().and_then(licences::licence);
        Self {
            bom_ref: Some(name.to_owned()),
            hashes: Some(sha256(&locked.sha256)),
            licenses: licence.map(|id| [LicenceChoice { license: Licence { id, acknowledgement: "declared" } }]),
            purl,
            external_references: purl::is_url(&locked.origin)
                .then(|| [ExternalReference { r#type: "distribution", url: &locked.origin }]),
            properties: vec![
                Property { name: "hardway:source", value: locked.source.to_string() },
                Property { name: "hardway:origin", value: locked.origin.clone() },
                Property { name: "hardway:verified", value: locked.verified.to_string() },
            ],
            ..Self::named(r#type, name.strip_prefix("image/").unwrap_or(name), &locked.version)
        }
    }
}

fn sha256(content: &str) -> [Hash<'_>; 1] {
    [Hash { alg: "SHA-256", content }]
}

/// The document for what `index` lists, whose own entry of the SBOM does not count.
pub(super) fn render(index: &Index, creator: &str, version: &str) -> Vec<u8> {
    let mut components: Vec<Component<'_>> =
        index.artifacts.iter().map(|(name, artifact)| Component::artifact(name, artifact)).collect();
    for packages in &index.packages {
        components.extend(packages.packages.iter().map(|package| Component {
            bom_ref: Some(format!("{}/{}={}:{}", packages.os, package.name, package.version, package.architecture)),
            hashes: Some(sha256(&package.sha256)),
            purl: purl::os_package(&packages.os, &package.name, &package.version, &package.architecture),
            ..Component::named(Type::Library, &package.name, &package.version)
        }));
    }
    let mut document = Document {
        schema: SCHEMA,
        bom_format: "CycloneDX",
        spec_version: "1.6",
        serial_number: None,
        version: 1,
        metadata: Metadata {
            tools: Tools { components: [Component::named(Type::Application, creator, version)] },
            component: Component {
                bom_ref: Some("cluster".to_owned()),
                ..Component::named(Type::Platform, "kubernetes-cluster", &index.kubernetes)
            },
        },
        components: &components,
    };
    document.serial_number = Some(serial_number(&digest::of_bytes(&json(&document))));
    json(&document)
}

/// A UUID of version 8 (RFC 9562, section 5.8) from a digest, lower-case hexadecimal.
fn serial_number(digest: &str) -> String {
    let part = |from: usize, to: usize| &digest[from..to];
    // The variant is the two bits `10`, and eight is `1000`.
    format!("urn:uuid:{}-{}-8{}-8{}-{}", part(0, 8), part(8, 12), part(12, 15), part(15, 18), part(18, 30))
}

fn json(document: &Document<'_>) -> Vec<u8> {
    let mut text = serde_json::to_vec_pretty(document).expect("texts and numbers have a JSON form");
    text.push(b'\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_serial_number_is_a_uuid() {
        assert_eq!(serial_number(&"0123456789abcdef".repeat(4)), "urn:uuid:01234567-89ab-8cde-8f01-23456789abcd");
    }
}
