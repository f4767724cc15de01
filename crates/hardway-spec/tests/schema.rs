//! The schema that is checked in.

#![allow(clippy::disallowed_methods, reason = "only the crate itself is pure; its tests look at files")]

#[test]
fn the_schema_that_is_checked_in_is_this_one() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../schema/cluster.json");
    let checked_in = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        checked_in == hardway_spec::json_schema(),
        "schema/cluster.json is out of date: run `cargo run -- validate --schema > schema/cluster.json`"
    );
}
