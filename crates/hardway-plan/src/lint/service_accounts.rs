//! The key that service accounts' tokens are signed with: another makes every token in the cluster worthless.

use hardway_design::landmarks::SERVICE_ACCOUNT_KEY;
use hardway_pki::Identity;

use super::Harm;
use super::context::{Context, owned};

/// A key that only somebody else changed is put right: what was put there tells drift from a new key.
pub(super) fn check(context: &Context<'_>) -> Vec<Harm> {
    let writers = context.writers(SERVICE_ACCOUNT_KEY);
    let replaced: Vec<_> = context
        .holders(SERVICE_ACCOUNT_KEY)
        .into_iter()
        .filter(|(machine, wanted)| {
            let recorded = context.recorded(machine, SERVICE_ACCOUNT_KEY);
            writers.contains(machine) && recorded.is_some_and(|recorded| recorded != wanted)
        })
        .map(|(machine, _)| machine)
        .collect();
    if replaced.is_empty() {
        return Vec::new();
    }
    let identity = Identity::ServiceAccount;
    vec![Harm {
        machines: owned(replaced),
        harm: "the key that signs service accounts' tokens is another than these machines were given: the API refuses \
               the tokens of all pods until each has a new one, most by a restart"
            .to_owned(),
        help: format!("put the old pki/{identity}.pem and pki/{identity}-key.pem back into the workspace"),
    }]
}
