//! The commented document.

use hardway_spec::{Cluster, InitAnswers, Kubernetes, Machine, Role, init_document, parse};

#[test]
fn the_document_of_the_examples() {
    insta::assert_snapshot!(init_document(&InitAnswers::default()));
}

#[test]
fn the_document_parses_back_with_nothing_but_defaults() {
    let document = init_document(&InitAnswers::default());
    let cluster = parse(&document, "cluster.yaml").map_err(|errors| errors.to_string()).unwrap();
    assert_eq!(cluster.spec.machines, Machine::examples());
    assert_eq!(cluster.spec.kubernetes, Kubernetes::default());
    assert_eq!(cluster.spec.network, hardway_spec::Network::default());
}

/// Uncommenting a default changes nothing.
#[test]
fn the_defaults_that_stand_as_comments_are_the_defaults() {
    let document = init_document(&InitAnswers::default());
    let uncommented: String = document
        .lines()
        .filter(|line| !line.contains("identityFile"))
        .map(|line| {
            let rest = line.trim_start();
            let indent = &line[..line.len() - rest.len()];
            match rest.strip_prefix("# ") {
                Some(field) if is_field(field) => format!("{indent}{field}\n"),
                _ => format!("{line}\n"),
            }
        })
        .collect();
    let read = |text: &str| -> Cluster { parse(text, "cluster.yaml").map_err(|errors| errors.to_string()).unwrap() };
    assert!(uncommented.contains("\n    version: "));
    assert!(uncommented.contains("\n    metricsServer: true\n"));
    assert_eq!(read(&uncommented), read(&document));
}

/// A word, a colon, and a value or nothing: not a sentence.
fn is_field(text: &str) -> bool {
    let Some((name, value)) = text.trim_start().split_once(':') else { return false };
    name.chars().all(char::is_alphanumeric) && (value.is_empty() || value.starts_with(' '))
}

#[test]
fn answers_are_written_so_that_they_come_back() {
    let answers = InitAnswers {
        name: "1".to_owned(),
        endpoint: Some("api.example.com".to_owned()),
        virtual_address: None,
        identity_file: Some("/home/o'neil/my \"keys\": #1".to_owned()),
        machines: vec![Machine::new("true", "192.0.2.1".parse().unwrap(), vec![Role::ControlPlane, Role::Worker])],
    };
    let cluster = parse(&init_document(&answers), "cluster.yaml").map_err(|errors| errors.to_string()).unwrap();
    assert_eq!(cluster.metadata.name, answers.name);
    assert_eq!(Some(cluster.spec.endpoint), answers.endpoint);
    assert_eq!(cluster.spec.ssh.identity_file, answers.identity_file);
    assert_eq!(cluster.spec.machines, answers.machines);
}
