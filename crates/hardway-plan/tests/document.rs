//! docs/plan.md names every field and word of a plan's JSON.

use serde_json::Value;

const DOCUMENT: &str = include_str!("../../../docs/plan.md");

/// Every property's name below a schema.
fn properties(schema: &Value, found: &mut Vec<String>) {
    if let Some(properties) = schema["properties"].as_object() {
        found.extend(properties.keys().cloned());
    }
    match schema {
        Value::Object(fields) => fields.values().for_each(|value| properties(value, found)),
        Value::Array(values) => values.iter().for_each(|value| properties(value, found)),
        _ => {}
    }
}

#[test]
fn every_field_of_the_json_format_is_documented() {
    let schema: Value = serde_json::from_str(&hardway_plan::json_schema()).unwrap();
    let mut names = Vec::new();
    properties(&schema, &mut names);
    assert!(names.len() > 20, "{names:?}");
    for name in names {
        let written = [format!("`{name}`"), format!("`{name}[]`")];
        assert!(written.iter().any(|name| DOCUMENT.contains(name)), "docs/plan.md does not name `{name}`");
    }
}

#[test]
fn the_documented_version_is_the_codes() {
    assert!(DOCUMENT.contains(&format!("`formatVersion` is {}.", hardway_plan::PLAN_FORMAT_VERSION)));
}
