//! The architecture's edges, enforced: dependencies lead downwards, and some crates are one room's alone.

use std::process::Stdio;

use crate::run::{Failure, cargo};

/// The rooms, top first: a room may depend on those below it. Tests may look anywhere.
const ROOMS: [&str; 18] = [
    "xtask",
    "hardway-test-mirror",
    "hardway-test-registry",
    "hardway-upstream",
    "hardway",
    "hardway-ui",
    "hardway-lab",
    "hardway-verify",
    "hardway-run",
    "hardway-cluster",
    "hardway-machine",
    "hardway-artifacts",
    "hardway-export",
    "hardway-workspace",
    "hardway-plan",
    "hardway-design",
    "hardway-pki",
    "hardway-spec",
];

/// Crates that only these rooms may use, and why.
const WRAPPED: [(&str, &[&str], &str); 7] = [
    ("russh", &["hardway-machine"], "machines are reached through the trait Machine"),
    ("rcgen", &["hardway-pki", "hardway-test-registry", "hardway-upstream"], "certificates are issued from one table"),
    ("oci-client", &["hardway-artifacts", "hardway-test-registry"], "images are pulled in one place"),
    ("kube", &["hardway-cluster"], "the API is reached through Live"),
    ("clap", &["hardway", "xtask"], "arguments end at the binary"),
    ("indicatif", &["hardway-ui"], "nobody else prints"),
    ("rustix", &["hardway", "hardway-artifacts", "hardway-lab", "hardway-workspace"], "system calls stay at the edges"),
];

/// Crates with a purpose of their own that nothing may bring in: one TLS and crypto provider, no C library for either.
const BANNED: [&str; 3] = ["ring", "openssl-sys", "serde_yml"];

/// # Errors
/// Every edge that leads upwards, and every crate that is not where it belongs.
pub fn check() -> Result<(), Failure> {
    let output = cargo(&["metadata", "--no-deps", "--format-version", "1"]).stderr(Stdio::inherit()).output()?;
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout)?;
    let mut wrong = Vec::new();
    for package in metadata["packages"].as_array().into_iter().flatten() {
        let name = package["name"].as_str().unwrap_or_default();
        let Some(level) = ROOMS.iter().position(|room| *room == name) else {
            wrong.push(format!("{name} is no room of the architecture"));
            continue;
        };
        for dependency in package["dependencies"].as_array().into_iter().flatten() {
            let target = dependency["name"].as_str().unwrap_or_default();
            if !dependency["kind"].is_null() {
                continue;
            }
            if ROOMS.iter().position(|room| *room == target).is_some_and(|below| below <= level) {
                wrong.push(format!("{name} depends on {target}, which is above it"));
            }
            for (wrapped, users, reason) in WRAPPED {
                if target == wrapped && !users.contains(&name) {
                    wrong.push(format!("{name} uses {wrapped}: {reason}"));
                }
            }
        }
    }
    for banned in BANNED {
        // Succeeds only where the crate is in the graph of this platform.
        let tree = cargo(&["tree", "--quiet", "--workspace", "--invert", banned]).stderr(Stdio::null()).output()?;
        if tree.status.success() && !tree.stdout.is_empty() {
            wrong.push(format!("{banned} is in the dependency graph: see `cargo tree --invert {banned}`"));
        }
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n").into()) }
}
