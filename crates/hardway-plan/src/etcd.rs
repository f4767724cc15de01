//! etcd's members, as they should be and as they were seen.

use hardway_design::{
    Design, EtcdMember, EtcdMemberObservation, EtcdRecovery, Group, GroupId, Observation, Place, Resource,
    SeenEtcdMember,
};
use hardway_spec::MachineName;

use crate::Sight;

/// Everything that is known of etcd's members before planning.
pub(crate) struct Members<'a> {
    /// Those that are to be.
    pub(crate) staying: Vec<Member<'a>>,
    /// Machines that are to be members no more, and may still be.
    pub(crate) leaving: Vec<Member<'a>>,
    /// As one of them told it; empty where none answered.
    pub(crate) listed: &'a [SeenEtcdMember],
    /// Where the operator wants them to go on from one's data.
    pub(crate) recovery: Option<&'a EtcdRecovery>,
}

/// A machine that is, or may be, a member.
#[derive(Clone, Copy)]
pub(crate) struct Member<'a> {
    pub(crate) machine: &'a MachineName,
    pub(crate) group: &'a GroupId,
    pub(crate) designed: &'a EtcdMember,
    /// None where the machine was not looked at.
    pub(crate) seen: Option<&'a EtcdMemberObservation>,
    /// How the members know it.
    pub(crate) listed: Option<&'a SeenEtcdMember>,
}

/// What the members are together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// There has never been a member.
    New,
    /// They answer.
    Up,
    /// They do not answer, and enough of them may have their data to answer once they run.
    Down,
    /// They do not answer, and too few have their data.
    Lost,
    /// They go on from one's data, whatever the others have.
    Recovered,
}

/// What is seen of a machine that has nothing of etcd.
static NOTHING: EtcdMemberObservation =
    EtcdMemberObservation { has_data: false, first_start: false, was_up: false, members: Vec::new() };

impl<'a> Members<'a> {
    pub(crate) fn of(design: &'a Design, sight: &'a Sight) -> Self {
        let (mut staying, mut leaving) = (found(&design.groups, sight), found(&design.former, sight));
        let told = staying.iter().chain(&leaving).filter_map(|member| member.seen);
        let listed = told.map(|seen| seen.members.as_slice()).find(|members| !members.is_empty()).unwrap_or_default();
        for member in staying.iter_mut().chain(&mut leaving) {
            let is_named = |listed: &&SeenEtcdMember| listed.name == member.designed.name.as_str();
            // By its address only where nobody has its name: that may have been another one's before.
            let own = listed.iter().find(is_named);
            member.listed = own.or_else(|| listed.iter().find(|listed| listed.is_of(member.designed)));
        }
        leaving.retain(|member| match member.seen {
            Some(seen) => seen.has_data || member.listed.is_some(),
            None => member.listed.is_some() || may_leave_etcd(design, member.machine),
        });
        Self { staying, leaving, listed, recovery: design.recovery.as_ref() }
    }

    pub(crate) fn state(&self) -> State {
        if self.recovery.is_some() {
            return State::Recovered;
        }
        if !self.listed.is_empty() {
            return State::Up;
        }
        let all = || self.staying.iter().chain(&self.leaving);
        let has_been = |seen: &EtcdMemberObservation| seen.was_up || (seen.has_data && !seen.first_start);
        let unseen_leaving = self.leaving.iter().any(|member| member.seen.is_none());
        if !unseen_leaving && !all().filter_map(|member| member.seen).any(has_been) {
            return State::New;
        }
        let may_have_data = all().filter(|member| member.seen.is_none_or(|seen| seen.has_data)).count();
        let total = self.staying.len().max(1);
        if may_have_data > total / 2 { State::Down } else { State::Lost }
    }

    /// Members that the spec does not have, under the best name there is.
    pub(crate) fn unknown(&self) -> Vec<&'a str> {
        let known = |listed: &SeenEtcdMember| {
            self.staying.iter().chain(&self.leaving).any(|member| listed.is_of(member.designed))
        };
        let unknown = self.listed.iter().filter(|listed| !known(listed));
        unknown
            .map(|listed| match listed.name.as_str() {
                "" => listed.peer_urls.first().map_or("", String::as_str),
                name => name,
            })
            .collect()
    }

    /// How many have a vote.
    pub(crate) fn voters(&self) -> usize {
        self.listed.iter().filter(|listed| !listed.is_learner).count()
    }

    /// Clients' addresses of members that can be asked for a change, those that stay first.
    pub(crate) fn to_ask(&self, other_than: &MachineName) -> Vec<String> {
        let all = self.staying.iter().chain(&self.leaving).filter(|member| member.machine != other_than);
        let is_asked = |member: &&Member<'_>| match self.recovery {
            Some(recovery) => *member.machine == recovery.source,
            None => member.may_vote(),
        };
        all.filter(is_asked).map(|member| member.designed.client_url.clone()).collect()
    }
}

impl Member<'_> {
    /// Whether it was seen with its data, and is not known to have no vote.
    pub(crate) fn may_vote(&self) -> bool {
        self.seen.is_some_and(|seen| seen.has_data)
            && self.listed.is_none_or(|listed| !listed.is_learner && !listed.name.is_empty())
    }

    /// Whether the member itself answers.
    pub(crate) fn answers(&self) -> bool {
        self.seen.is_some_and(|seen| !seen.members.is_empty())
    }
}

/// Whether the spec itself says that it leaves, with roles that may have made it a member.
fn may_leave_etcd(design: &Design, machine: &MachineName) -> bool {
    design.leaving.iter().any(|leaving| leaving.machine == *machine && !leaving.is_only_a_worker)
}

fn found<'a>(groups: &'a [Group], sight: &'a Sight) -> Vec<Member<'a>> {
    let mut members = Vec::new();
    for group in groups {
        let Place::Machine(machine) = &group.id.place else { continue };
        for resource in &group.resources {
            let Resource::EtcdMember(designed) = resource else { continue };
            let seen = sight.machines.get(machine).map(|observed| match observed.resources.get(&resource.id()) {
                Some(Observation::EtcdMember(seen)) => seen,
                _ => &NOTHING,
            });
            members.push(Member { machine, group: &group.id, designed, seen, listed: None });
        }
    }
    members
}
