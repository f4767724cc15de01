//! The JSON Schema of `cluster.yaml`, for editors and for our own reading of it.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::Value;

use crate::Cluster;

/// The schema, as `schema/cluster.json` holds it.
pub fn json_schema() -> String {
    let mut text = serde_json::to_string_pretty(&value()).expect("a schema is JSON");
    text.push('\n');
    text
}

pub(crate) fn value() -> Value {
    schemars::schema_for!(Cluster).to_value()
}

/// A range of addresses, `10.200.0.0/16`.
pub(crate) struct Cidr;

/// The format's name, which JSON Schema itself does not know.
pub(crate) const CIDR: &str = "cidr";
/// The format's name as schemars has it, for an IPv4 or IPv6 address.
pub(crate) const ADDRESS: &str = "ip";

impl JsonSchema for Cidr {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Cidr".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": CIDR })
    }
}
