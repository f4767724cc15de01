//! Encryption of secrets at rest: <https://kubernetes.io/docs/tasks/administer-cluster/encrypt-data/>.

use serde::Serialize;

use crate::{Content, EncryptionKey, yaml};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct EncryptionConfiguration<'a> {
    api_version: &'static str,
    kind: &'static str,
    resources: Vec<ResourceConfiguration<'a>>,
}

#[derive(Serialize)]
struct ResourceConfiguration<'a> {
    resources: Vec<&'static str>,
    providers: Vec<Provider<'a>>,
}

/// Exactly one field is set.
#[derive(Default, Serialize)]
struct Provider<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    aescbc: Option<AesCbc<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    identity: Option<Unencrypted>,
}

#[derive(Serialize)]
struct AesCbc<'a> {
    keys: [Key<'a>; 1],
}

#[derive(Serialize)]
struct Unencrypted {}

#[derive(Serialize)]
struct Key<'a> {
    name: &'static str,
    secret: &'a str,
}

/// The EncryptionConfiguration: new secrets under `key1`, those from before it read as they are.
///
/// The file of the workspace and those of the control planes are the same bytes.
pub fn encryption_config(key: &EncryptionKey) -> Content {
    Content::secret(yaml::render(&EncryptionConfiguration {
        api_version: "apiserver.config.k8s.io/v1",
        kind: "EncryptionConfiguration",
        resources: vec![ResourceConfiguration {
            resources: vec!["secrets"],
            providers: vec![
                Provider {
                    aescbc: Some(AesCbc { keys: [Key { name: "key1", secret: key.as_base64() }] }),
                    ..Provider::default()
                },
                Provider { identity: Some(Unencrypted {}), ..Provider::default() },
            ],
        }],
    }))
}
