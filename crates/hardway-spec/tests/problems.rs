//! Specs with problems, each beside what is said of it: `problems/NAME.yaml` and `problems/NAME.snap`.

#![allow(clippy::disallowed_methods, reason = "only the crate itself is pure; its tests look at files")]

use std::fs;
use std::path::Path;

#[test]
fn every_problem_is_named_with_its_place() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/problems");
    let mut names: Vec<_> = fs::read_dir(&directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "yaml"))
        .map(|path| path.file_stem().unwrap().to_string_lossy().into_owned())
        .collect();
    names.sort();
    assert!(!names.is_empty());
    for name in names {
        let text = fs::read_to_string(directory.join(format!("{name}.yaml"))).unwrap();
        let said = match hardway_spec::parse(&text, "cluster.yaml") {
            Ok(_) => "no problems".to_owned(),
            Err(errors) => errors.to_string(),
        };
        insta::with_settings!({snapshot_path => "problems", prepend_module_to_snapshot => false, omit_expression => true}, {
            insta::assert_snapshot!(name, said);
        });
    }
}
