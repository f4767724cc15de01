//! Judges a bundle: what the cluster needs and the bundle lacks.

use std::fmt;

use hardway_spec::{Cluster, KeyAlgorithm, Subject};
use jiff::{SignedDuration, Timestamp};

use crate::former::former_names_of;
use crate::inspect::{info, parse_certificate, parse_pem};
use crate::trust::signed_by;
use crate::{
    AlternativeName, Bundle, CertificateInfo, CertificateProfile, FormerNames, Identity, KeyPair, PkiError, Signer,
    table,
};

/// A certificate is renewed once less than a fifth of its lifetime is left: 73 days of a year.
///
/// The lifetime is the certificate's own, so a spec with another validity renews nothing by itself, and what was
/// issued just now is never due: two runs in a row change nothing.
const RENEWAL_SHARE: i32 = 5;

/// A certificate to be issued, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    pub profile: CertificateProfile,
    pub reason: Reason,
}

/// Why a certificate must be issued. For an authority all but the first stand in the way instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    Absent,
    Expired {
        at: Timestamp,
    },
    /// `days`: whole ones that are left.
    Expiring {
        at: Timestamp,
        days: i64,
    },
    NotYetValid {
        from: Timestamp,
    },
    SubjectChanged,
    NamesChanged {
        added: Vec<AlternativeName>,
        removed: Vec<AlternativeName>,
    },
    UsagesChanged,
    AlgorithmChanged,
    /// Another authority than the one in the bundle signed it.
    IssuerChanged,
    /// Its constraints or usages do not let it sign certificates.
    NotAnAuthority,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent => f.write_str("missing"),
            Self::Expired { at } => write!(f, "it expired on {at}"),
            Self::Expiring { at, days: 1 } => write!(f, "it expires in 1 day, on {at}"),
            Self::Expiring { at, days } => write!(f, "it expires in {days} days, on {at}"),
            Self::NotYetValid { from } => write!(f, "it is valid only from {from}"),
            Self::SubjectChanged => f.write_str("its subject differs from the spec"),
            Self::NamesChanged { added, removed } => {
                let list =
                    |names: &[AlternativeName]| names.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
                match (added.as_slice(), removed.as_slice()) {
                    (added, []) => write!(f, "names are added: {}", list(added)),
                    ([], removed) => write!(f, "names are removed: {}", list(removed)),
                    (added, removed) => {
                        write!(f, "names are added: {}, and removed: {}", list(added), list(removed))
                    }
                }
            }
            Self::UsagesChanged => f.write_str("its key usages differ from what it is for"),
            Self::AlgorithmChanged => f.write_str("its kind of key differs from the spec"),
            Self::IssuerChanged => f.write_str("another authority signed it"),
            Self::NotAnAuthority => f.write_str("it may not sign certificates"),
        }
    }
}

/// What must be issued for the cluster's certificates to be as the spec says, authorities first.
///
/// An authority that exists is taken as it is, whoever made it, as long as it may sign and is valid: its subject and
/// kind of key are not compared.
///
/// # Errors
/// [`PkiError`] where a certificate cannot be read, or an authority cannot be used or is lost.
pub fn missing(spec: &Cluster, bundle: &Bundle, former: FormerNames, now: Timestamp) -> Result<Vec<Missing>, PkiError> {
    let mut missing = Vec::new();
    let profiles = table(spec);
    refuse_lost_authorities(&profiles, bundle)?;
    for mut profile in profiles {
        if former == FormerNames::Kept {
            profile.names.extend(former_names_of(&profile, spec, bundle));
        }
        let reason = match bundle.key_pairs.get(&profile.identity) {
            None => Some(Reason::Absent),
            Some(pair) => judge(spec, bundle, &profile, pair, now)?,
        };
        let Some(reason) = reason else { continue };
        if profile.is_authority() && reason != Reason::Absent {
            return Err(PkiError::Authority { identity: profile.identity, reason });
        }
        missing.push(Missing { profile, reason });
    }
    Ok(missing)
}

fn refuse_lost_authorities(profiles: &[CertificateProfile], bundle: &Bundle) -> Result<(), PkiError> {
    for profile in profiles {
        let Signer::Authority(authority) = &profile.signer else { continue };
        if bundle.key_pairs.contains_key(&profile.identity) {
            authority_of(profile, bundle, authority)?;
        }
    }
    Ok(())
}

fn judge(
    spec: &Cluster,
    bundle: &Bundle,
    profile: &CertificateProfile,
    pair: &KeyPair,
    now: Timestamp,
) -> Result<Option<Reason>, PkiError> {
    let read = |identity: &Identity, text: &str| {
        parse_pem(text).map_err(|source| PkiError::Certificate { identity: identity.clone(), source })
    };
    let unreadable = |source| PkiError::Certificate { identity: profile.identity.clone(), source };
    let pem = read(&profile.identity, &pair.certificate)?;
    let certificate = parse_certificate(&pem).map_err(unreadable)?;
    let found = info(&certificate).map_err(unreadable)?;

    if let Some(reason) = judge_dates(&found, profile, now) {
        return Ok(Some(reason));
    }
    if profile.is_authority() {
        let usages = profile.usage.key_usages(spec.spec.pki.algorithm);
        let may_sign = found.is_authority && usages.is_subset(&found.key_usages);
        return Ok((!may_sign).then_some(Reason::NotAnAuthority));
    }
    if let Signer::Authority(identity) = &profile.signer {
        let authority = authority_of(profile, bundle, identity)?;
        let authority_pem = read(identity, &authority.certificate)?;
        let authority = parse_certificate(&authority_pem)
            .map_err(|source| PkiError::Certificate { identity: identity.clone(), source })?;
        if !signed_by(&certificate, &authority) {
            return Ok(Some(Reason::IssuerChanged));
        }
    }
    Ok(judge_contents(&found, profile, &spec.spec.pki.subject, spec.spec.pki.algorithm))
}

/// The key pair of the authority that signs a profile.
pub(crate) fn authority_of<'a>(
    profile: &CertificateProfile,
    bundle: &'a Bundle,
    authority: &Identity,
) -> Result<&'a KeyPair, PkiError> {
    bundle
        .key_pairs
        .get(authority)
        .ok_or_else(|| PkiError::AuthorityLost { identity: authority.clone(), signed: profile.identity.clone() })
}

fn judge_dates(found: &CertificateInfo, profile: &CertificateProfile, now: Timestamp) -> Option<Reason> {
    let at = found.not_after;
    if now >= at {
        return Some(Reason::Expired { at });
    }
    if now < found.not_before {
        return Some(Reason::NotYetValid { from: found.not_before });
    }
    let lifetime: SignedDuration = at.duration_since(found.not_before);
    let left = at.duration_since(now);
    let due = left < lifetime / RENEWAL_SHARE;
    (due && !profile.is_authority()).then_some(Reason::Expiring { at, days: left.as_hours() / 24 })
}

fn judge_contents(
    found: &CertificateInfo,
    profile: &CertificateProfile,
    subject: &Subject,
    algorithm: KeyAlgorithm,
) -> Option<Reason> {
    let name = &found.subject;
    if name.common_name != profile.common_name
        || name.organization != profile.organization
        || name.country != subject.country
        || name.state != subject.state
        || name.locality != subject.locality
        || name.organizational_unit != subject.organizational_unit
    {
        return Some(Reason::SubjectChanged);
    }
    let lacking = |these: &[AlternativeName], those: &[AlternativeName]| -> Vec<AlternativeName> {
        these.iter().filter(|name| !those.contains(name)).cloned().collect()
    };
    let (added, removed) = (lacking(&profile.names, &found.names), lacking(&found.names, &profile.names));
    if !added.is_empty() || !removed.is_empty() {
        return Some(Reason::NamesChanged { added, removed });
    }
    // The key that signs tokens stays: another would make every token in the cluster worthless.
    let keeps_key = profile.identity == Identity::ServiceAccount;
    if !keeps_key && found.algorithm != Some(algorithm) {
        return Some(Reason::AlgorithmChanged);
    }
    let usages_hold = found.key_usages == profile.usage.key_usages(algorithm) && !found.is_authority;
    (!usages_hold).then_some(Reason::UsagesChanged)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_says_what_changed() {
        let at: Timestamp = "2026-12-13T20:00:00Z".parse().unwrap();
        let names = |names: &[&str]| names.iter().map(|name| AlternativeName::from(*name)).collect();
        let changed =
            |added: &[&str], removed: &[&str]| Reason::NamesChanged { added: names(added), removed: names(removed) };
        for (reason, said) in [
            (Reason::Expiring { at, days: 20 }, "it expires in 20 days, on 2026-12-13T20:00:00Z"),
            (Reason::Expiring { at, days: 1 }, "it expires in 1 day, on 2026-12-13T20:00:00Z"),
            (changed(&["a", "b"], &[]), "names are added: a, b"),
            (changed(&[], &["c"]), "names are removed: c"),
            (changed(&["a"], &["c"]), "names are added: a, and removed: c"),
        ] {
            assert_eq!(reason.to_string(), said);
        }
    }
}
