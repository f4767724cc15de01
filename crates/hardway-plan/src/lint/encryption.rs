//! The key that Secrets in etcd are encrypted with: nothing can read them without it.

use hardway_design::Observation;
use hardway_design::landmarks::ENCRYPTION_CONFIG;
use hardway_spec::MachineName;

use super::Harm;
use super::context::{Context, owned};

/// Any other content counts, whoever wrote it: also a key that somebody changed by hand has Secrets by now.
pub(super) fn check(context: &Context<'_>) -> Vec<Harm> {
    let holders = context.holders(ENCRYPTION_CONFIG);
    let writers = context.writers(ENCRYPTION_CONFIG);
    let matches = |machine: &MachineName, wanted: &str| matches!(context.seen(machine, ENCRYPTION_CONFIG), Some(Observation::File { sha256, .. }) if sha256 == wanted);
    // A new control plane with the workspace's key beside one with another could not read what that one writes.
    if !holders.iter().any(|(machine, wanted)| writers.contains(machine) && !matches(machine, wanted)) {
        return Vec::new();
    }
    let other_key = |machine: &MachineName, wanted: &str| match context.seen(machine, ENCRYPTION_CONFIG) {
        Some(Observation::File { sha256, .. }) => sha256 != wanted,
        Some(_) => true,
        None => context.recorded(machine, ENCRYPTION_CONFIG).is_some_and(|recorded| recorded != wanted),
    };
    let differing: Vec<&MachineName> =
        holders.iter().filter(|(machine, wanted)| other_key(machine, wanted)).map(|(machine, _)| *machine).collect();
    let Some(first) = differing.first() else { return Vec::new() };
    vec![Harm {
        harm: format!(
            "the encryption key in {ENCRYPTION_CONFIG} is not the workspace's: with the workspace's in its place, no \
             Secret that was written with it can be read again"
        ),
        help: format!(
            "to keep it, put its `secret` into the workspace's data-encryption/encryption-key, and remove \
             data-encryption/encryption-config.yaml, which is written again; `hardway ssh {first} -- cat \
             {ENCRYPTION_CONFIG}` shows it"
        ),
        machines: owned(differing),
    }]
}
