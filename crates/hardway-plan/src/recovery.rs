//! Whose data etcd goes on from when too few of its members are left, and what is lost by it.
//!
//! What etcd has once acknowledged stands in the same order on all members, so that a newer revision has all that an older
//! one has.

use std::collections::BTreeMap;

use hardway_design::{Design, EtcdData, EtcdRecovery};
use hardway_spec::MachineName;

use crate::Sight;
use crate::etcd::{Member, Members, State};
use crate::lint::list;

/// What is left of one member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EtcdRemains {
    Data(EtcdData),
    /// With what was said of it.
    Unreadable(String),
    Nothing,
    /// Its machine does not answer, and the spec gives it up.
    GivenUp,
}

/// What is left of all members.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EtcdSurvey {
    pub members: BTreeMap<MachineName, EtcdRemains>,
    /// The data again, up to the newest revision that all of them have.
    pub shared: BTreeMap<MachineName, EtcdData>,
}

impl EtcdSurvey {
    fn data(&self) -> impl Iterator<Item = (&MachineName, EtcdData)> {
        self.members.iter().filter_map(|(machine, remains)| match remains {
            EtcdRemains::Data(data) => Some((machine, *data)),
            _ => None,
        })
    }

    /// The newest revision that all data have; None where there is nothing to compare.
    pub fn shared_revision(&self) -> Option<u64> {
        (self.data().count() > 1).then(|| self.data().map(|(_, data)| data.revision).min()).flatten()
    }
}

/// How etcd is to go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProposedRecovery {
    pub recovery: EtcdRecovery,
    pub data: EtcdData,
    /// What is gone then, as noun phrases.
    pub losses: Vec<String>,
    /// What speaks against these data, as clauses.
    pub doubts: Vec<String>,
}

/// Why etcd is not recovered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecoveryRefused {
    #[error("etcd has a quorum: nothing is to be recovered")]
    HasQuorum,
    #[error("there has never been an etcd on these machines")]
    NeverFounded,
    #[error("{} have their data, which is enough to go on with", list(.0))]
    EnoughLeft(Vec<MachineName>),
    #[error("no machine that stays has data of etcd")]
    NothingLeft,
    #[error("{} {} not answer", list(.0), if .0.len() == 1 { "does" } else { "do" })]
    Silent(Vec<MachineName>),
    #[error("{0} is no member of etcd, by cluster.yaml")]
    NoMember(MachineName),
    #[error("{0} has no data of etcd that could be kept")]
    WithoutData(MachineName),
}

impl RecoveryRefused {
    /// What to do instead, imperative.
    pub fn help(&self) -> &'static str {
        match self {
            Self::HasQuorum => "a member that is down, or lost its data, is brought back by `hardway apply`",
            Self::NeverFounded => "`hardway apply` founds it",
            Self::EnoughLeft(_) => {
                "`hardway apply` starts them; where they do not come up, say whose data to keep with --from"
            }
            Self::NothingLeft => {
                "bring back a machine that has some; where none is left, restore a snapshot with `etcdutl snapshot \
                 restore`, or begin anew with `hardway reset` and `hardway apply`"
            }
            Self::Silent(_) => {
                "bring it back; if it is dead, say so with `removed: {force: true}`, or give its entry the address of a new \
                 machine. Should its etcd still run, there would be two clusters"
            }
            Self::NoMember(_) | Self::WithoutData(_) => "leave --from out to keep the newest data",
        }
    }
}

/// The members that are to be asked for their data, and those that cannot be asked and are given up.
///
/// # Errors
/// [`RecoveryRefused`] where there is nothing to recover, or not everybody is known who may run.
pub fn survivors<'a>(
    design: &'a Design,
    sight: &'a Sight,
    from: Option<&MachineName>,
) -> Result<BTreeMap<&'a MachineName, Option<EtcdRemains>>, RecoveryRefused> {
    let members = Members::of(design, sight);
    match members.state() {
        State::Up => return Err(RecoveryRefused::HasQuorum),
        State::New => return Err(RecoveryRefused::NeverFounded),
        State::Down | State::Lost | State::Recovered => {}
    }
    let all = || members.staying.iter().chain(&members.leaving);
    let gone = |member: &&Member<'_>| member.seen.is_none();
    let given_up = |member: &&Member<'_>| {
        design.leaving.iter().any(|leaving| leaving.machine == *member.machine && leaving.removal.force)
    };
    let silent: Vec<_> =
        all().filter(gone).filter(|member| !given_up(member)).map(|member| member.machine.clone()).collect();
    if !silent.is_empty() {
        return Err(RecoveryRefused::Silent(silent));
    }
    let with_data = |members: &[Member<'_>]| -> Vec<MachineName> {
        let holders = members.iter().filter(|member| member.seen.is_some_and(|seen| seen.has_data));
        holders.map(|member| member.machine.clone()).collect()
    };
    let staying = with_data(&members.staying);
    if staying.is_empty() {
        return Err(RecoveryRefused::NothingLeft);
    }
    if from.is_none() && staying.len() > all().count() / 2 {
        return Err(RecoveryRefused::EnoughLeft(staying));
    }
    let remains = |member: &Member<'_>| match member.seen {
        None => Some(EtcdRemains::GivenUp),
        Some(seen) => (!seen.has_data).then_some(EtcdRemains::Nothing),
    };
    Ok(all().map(|member| (member.machine, remains(member))).collect())
}

/// Proposes the newest data, or judges those of `from`.
///
/// # Errors
/// [`RecoveryRefused`] where `from`, or every machine, has none.
pub fn recover(
    cluster: &str,
    design: &Design,
    survey: &EtcdSurvey,
    from: Option<&MachineName>,
) -> Result<ProposedRecovery, RecoveryRefused> {
    let stays = |machine: &MachineName| design.leaving.iter().all(|leaving| leaving.machine != *machine);
    let (source, data) = match from {
        Some(name) if !survey.members.contains_key(name) => return Err(RecoveryRefused::NoMember(name.clone())),
        Some(name) => survey
            .data()
            .find(|(machine, _)| *machine == name && stays(machine))
            .ok_or_else(|| RecoveryRefused::WithoutData(name.clone()))?,
        // Of the newest, the first by name.
        None => survey
            .data()
            .filter(|(machine, _)| stays(machine))
            .reduce(|best, other| if other.1.revision > best.1.revision { other } else { best })
            .ok_or(RecoveryRefused::NothingLeft)?,
    };
    let token = format!("{cluster}-{}-{:08x}", data.revision, data.hash);
    Ok(ProposedRecovery {
        recovery: EtcdRecovery { source: source.clone(), token },
        data,
        losses: losses(survey, source, data),
        doubts: doubts(survey, source),
    })
}

fn losses(survey: &EtcdSurvey, source: &MachineName, kept: EtcdData) -> Vec<String> {
    let newer = survey.data().filter(|(_, data)| data.revision > kept.revision);
    let mut losses: Vec<String> = newer
        .map(|(machine, data)| {
            let changes = data.revision - kept.revision;
            let plural = if changes == 1 { "change" } else { "changes" };
            format!("{changes} {plural} that {machine} has and {source} does not, up to revision {}", data.revision)
        })
        .collect();
    let named = |wanted: fn(&EtcdRemains) -> bool| -> Vec<&MachineName> {
        survey.members.iter().filter(|(_, remains)| wanted(remains)).map(|(machine, _)| machine).collect()
    };
    let unknown =
        named(|remains| matches!(remains, EtcdRemains::GivenUp | EtcdRemains::Nothing | EtcdRemains::Unreadable(_)));
    if !unknown.is_empty() {
        losses.push(format!(
            "what was written last and reached only {}: nobody can tell whether there was any",
            list(unknown)
        ));
    }
    losses
}

/// Data that are no copy of the others at a revision that all of them have.
fn doubts(survey: &EtcdSurvey, source: &MachineName) -> Vec<String> {
    let Some(own) = survey.shared.get(source) else { return Vec::new() };
    let others = survey.shared.iter().filter(|(machine, data)| {
        *machine != source && data.compacted == own.compacted && data.revision == own.revision && data.hash != own.hash
    });
    others
        .map(|(machine, _)| {
            format!(
                "{source} and {machine} differ in what they hold of revision {}: one of them is damaged",
                own.revision
            )
        })
        .collect()
}
