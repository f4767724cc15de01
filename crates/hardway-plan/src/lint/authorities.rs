//! Authorities: everything that one signed is worth nothing beside another.

use std::collections::BTreeSet;

use hardway_design::landmarks::AUTHORITIES;

use super::Harm;
use super::context::{Context, owned};

/// A file that only somebody else changed is put right: what was put there tells drift from a new authority.
pub(super) fn check(context: &Context<'_>) -> Vec<Harm> {
    let mut found = Vec::new();
    for authority in &AUTHORITIES {
        let mut replaced = BTreeSet::new();
        for path in authority.paths {
            let writers = context.writers(path);
            let holders = context.holders(path);
            let differing = holders.iter().filter(|(machine, wanted)| {
                writers.contains(machine) && context.recorded(machine, path).is_some_and(|recorded| recorded != wanted)
            });
            replaced.extend(differing.map(|(machine, _)| *machine));
        }
        if !replaced.is_empty() {
            let identity = &authority.identity;
            found.push(Harm {
                machines: owned(replaced),
                harm: format!(
                    "{} in the workspace is another than these machines were given: until the last of them has the \
                     new one, those with the old and those with the new do not trust each other, and pods go on with \
                     the old until they restart",
                    authority.name
                ),
                help: format!("put the old pki/{identity}.pem and pki/{identity}-key.pem back into the workspace"),
            });
        }
    }
    found
}
