//! Certificates and those who check them: what is written must be trusted where it is shown.

use std::collections::{BTreeMap, BTreeSet};

use hardway_design::landmarks::{AUTHORITIES, Authority, SELF_SIGNED};
use hardway_design::{File, Observation};
use hardway_pki::is_signed_by;
use hardway_spec::MachineName;

use super::Harm;
use super::context::{Context, list, owned};
use crate::units;

pub(super) fn check(context: &Context<'_>) -> Vec<Harm> {
    let mut nobodys: BTreeMap<&str, BTreeSet<&MachineName>> = BTreeMap::new();
    // By authority: machines that certificates are written on.
    let mut signed: Vec<BTreeSet<&MachineName>> = vec![BTreeSet::new(); AUTHORITIES.len()];
    let authorities: Vec<Vec<&str>> = AUTHORITIES.iter().map(|authority| texts(context, authority)).collect();
    for (machine, file) in context.written() {
        let Some(certificate) = certificate(file) else { continue };
        let signer = authorities
            .iter()
            .position(|texts| texts.iter().any(|authority| is_signed_by(certificate, authority).unwrap_or(false)));
        match signer {
            Some(signer) => _ = signed[signer].insert(machine),
            None => _ = nobodys.entry(&file.path).or_default().insert(machine),
        }
    }
    let mut found: Vec<Harm> = nobodys
        .into_iter()
        .map(|(path, machines)| Harm {
            machines: owned(machines),
            harm: format!("no authority of the cluster signed {path}: nobody would trust it"),
            help: "remove that certificate and its key from the workspace's pki/: hardway issues another".to_owned(),
        })
        .collect();
    for (authority, machines) in AUTHORITIES.iter().zip(signed) {
        found.extend(strangers(context, authority, &machines));
    }
    found
}

/// The text of a certificate that is neither an authority's own nor meant to stand by itself.
fn certificate(file: &File) -> Option<&str> {
    let authority = AUTHORITIES.iter().any(|authority| authority.paths.contains(&file.path.as_str()));
    if authority || file.path == SELF_SIGNED || file.content.is_secret() {
        return None;
    }
    let text = std::str::from_utf8(file.content.bytes()).ok()?;
    text.contains("BEGIN CERTIFICATE").then_some(text)
}

/// The authority's certificate as the design has it: one text, unless the design contradicts itself.
fn texts<'a>(context: &Context<'a>, authority: &Authority) -> Vec<&'a str> {
    let files = authority.paths.iter().flat_map(|path| context.files_at(path));
    let texts: BTreeSet<&str> = files.filter_map(|file| std::str::from_utf8(file.content.bytes()).ok()).collect();
    texts.into_iter().collect()
}

/// Peers of these machines that the plan leaves with another authority.
fn strangers(context: &Context<'_>, authority: &Authority, machines: &BTreeSet<&MachineName>) -> Option<Harm> {
    let servers: BTreeSet<&MachineName> =
        units::shared(context.design).keys().flat_map(|unit| units::machines(context.design, unit)).collect();
    let any_server = machines.iter().any(|machine| servers.contains(machine));
    if machines.is_empty() {
        return None;
    }
    let mut strangers = BTreeSet::new();
    for path in authority.paths {
        let writers = context.writers(path);
        for (peer, wanted) in context.holders(path) {
            // Workers do not talk to each other under these authorities, only with what serves the whole cluster.
            let talks = any_server || servers.contains(peer);
            let differs = match context.seen(peer, path) {
                Some(Observation::File { sha256, .. }) => *sha256 != wanted,
                // Not set up yet, or something else in its place that is found as drift.
                _ => false,
            };
            if talks && differs && !writers.contains(peer) {
                strangers.insert(peer);
            }
        }
    }
    (!strangers.is_empty()).then(|| Harm {
        harm: format!(
            "certificates of {} are written on {}, and these machines keep another authority: they would not trust \
             them",
            authority.name,
            list(machines)
        ),
        help: "plan for all machines at once: leave out --only and --only-role".to_owned(),
        machines: owned(strangers),
    })
}
