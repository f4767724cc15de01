//! The events' format: what `docs/events.md` says is what the code does.

use hardway_run::{Entry, json_schema};
use serde_json::Value;

const DOCUMENT: &str = include_str!("../../../docs/events.md");

/// Every kind of event in the schema, with the names of its fields.
fn kinds() -> Vec<(String, Vec<String>)> {
    let schema: Value = serde_json::from_str(&json_schema()).unwrap();
    let kinds = schema["$defs"]["Event"]["oneOf"].as_array().expect("an event is one of several kinds");
    let kind = |value: &Value| {
        let properties = value["properties"].as_object().expect("every kind has fields");
        let name = properties["event"]["const"].as_str().expect("`event` names the kind").to_owned();
        (name, properties.keys().filter(|key| *key != "event").cloned().collect())
    };
    kinds.iter().map(kind).collect()
}

/// The examples: each line of the code blocks that are JSON.
fn examples() -> Vec<&'static str> {
    DOCUMENT.lines().filter(|line| line.starts_with("{\"time\"")).collect()
}

#[test]
fn every_event_is_documented_with_all_its_fields() {
    let kinds = kinds();
    assert_eq!(kinds.len(), 13);
    for (kind, fields) in kinds {
        let heading = format!("`{kind}`");
        let section = DOCUMENT
            .split("\n### ")
            .find(|section| section.lines().next().is_some_and(|line| line.contains(&heading)))
            .unwrap_or_else(|| panic!("docs/events.md has no section for {kind}"));
        for field in fields {
            assert!(section.contains(&format!("`{field}`")), "docs/events.md: {kind} lacks {field}");
        }
    }
}

#[test]
fn every_example_is_an_event_and_every_event_has_one() {
    let mut seen = Vec::new();
    for line in examples() {
        let entry: Entry = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        // Nothing in it is unknown to the code.
        let (told, again): (Value, Value) =
            (serde_json::from_str(line).unwrap(), serde_json::to_value(&entry).unwrap());
        assert_eq!(told["entry"], again["entry"]);
        seen.push(again["entry"]["event"].as_str().unwrap().to_owned());
    }
    seen.sort();
    let mut kinds: Vec<String> = kinds().into_iter().map(|(kind, _)| kind).collect();
    kinds.sort();
    assert_eq!(seen, kinds);
}
