//! Completes a bundle: issues all that is missing, on every core.

use hardway_spec::{Cluster, Pki};
use jiff::Timestamp;
use rayon::prelude::*;

use crate::judge::authority_of;
use crate::{Bundle, FormerNames, Identity, KeyPair, Missing, PkiError, Reason, Signer, issue, missing, renew};

/// A certificate that was issued, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issued {
    pub identity: Identity,
    pub reason: Reason,
}

/// Issues every certificate that [`missing`] names and puts it into the bundle.
///
/// Each gets a new key, but for service accounts' tokens, whose key is kept. Runs on as many threads as there are
/// cores: an RSA-2048 key takes some 70 ms of one core.
///
/// # Errors
/// [`PkiError`], with the bundle unchanged.
pub fn complete(
    spec: &Cluster,
    bundle: &mut Bundle,
    former: FormerNames,
    now: Timestamp,
) -> Result<Vec<Issued>, PkiError> {
    let missing = missing(spec, bundle, former, now)?;
    let (authorities, leaves): (Vec<_>, Vec<_>) =
        missing.into_iter().partition(|missing| missing.profile.is_authority());
    let mut completed = bundle.clone();
    let mut issued = Vec::new();
    for batch in [authorities, leaves] {
        let key_pair = |missing| issue_one(missing, &spec.spec.pki, &completed, now);
        let pairs: Vec<KeyPair> = batch.par_iter().map(key_pair).collect::<Result<_, PkiError>>()?;
        for (missing, pair) in batch.into_iter().zip(pairs) {
            issued.push(Issued { identity: missing.profile.identity.clone(), reason: missing.reason });
            completed.key_pairs.insert(missing.profile.identity, pair);
        }
    }
    *bundle = completed;
    Ok(issued)
}

fn issue_one(missing: &Missing, pki: &Pki, bundle: &Bundle, now: Timestamp) -> Result<KeyPair, PkiError> {
    let profile = &missing.profile;
    let authority = match &profile.signer {
        Signer::Itself => None,
        Signer::Authority(authority) => Some(authority_of(profile, bundle, authority)?),
    };
    match bundle.key_pairs.get(&profile.identity) {
        Some(existing) if profile.identity == Identity::ServiceAccount => renew(profile, pki, existing, authority, now),
        _ => issue(profile, pki, authority, now),
    }
}
