//! Names and labels of objects.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};
use serde::Serialize;

use super::NAMESPACE;
use crate::{Object, Resource};

/// Marks every object that hardway applies (<https://kubernetes.io/docs/reference/labels-annotations-taints/>).
const MANAGED_BY: (&str, &str) = ("app.kubernetes.io/managed-by", "hardway");
/// The label by which upstream's manifests select each component's pods.
const APP: &str = "k8s-app";

pub(super) fn object(value: impl Serialize) -> Resource {
    Resource::Object(plain_object(value))
}

pub(super) fn plain_object(value: impl Serialize) -> Object {
    let value = serde_json::to_value(value).expect("an API type has string keys and finite numbers only");
    Object { value }
}

/// Metadata of an object outside of namespaces.
pub(super) fn cluster_wide(name: &str) -> ObjectMeta {
    ObjectMeta { name: Some(name.to_owned()), labels: Some(labels(&[])), ..ObjectMeta::default() }
}

/// Metadata of an object of component `app`.
pub(super) fn namespaced(name: &str, app: &str) -> ObjectMeta {
    ObjectMeta {
        name: Some(name.to_owned()),
        namespace: Some(NAMESPACE.to_owned()),
        labels: Some(labels(&[(APP, app)])),
        ..ObjectMeta::default()
    }
}

/// Metadata of the pods of component `app`.
pub(super) fn pod_metadata(app: &str, annotations: &[(&str, String)]) -> ObjectMeta {
    let annotations: BTreeMap<_, _> =
        annotations.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect();
    ObjectMeta {
        labels: Some(labels(&[(APP, app)])),
        annotations: Some(annotations).filter(|annotations| !annotations.is_empty()),
        ..ObjectMeta::default()
    }
}

pub(super) fn pods_of(app: &str) -> BTreeMap<String, String> {
    BTreeMap::from([(APP.to_owned(), app.to_owned())])
}

pub(super) fn selector(app: &str) -> LabelSelector {
    LabelSelector { match_labels: Some(pods_of(app)), ..LabelSelector::default() }
}

pub(super) fn labels(extra: &[(&str, &str)]) -> BTreeMap<String, String> {
    extra.iter().chain([&MANAGED_BY]).map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}
