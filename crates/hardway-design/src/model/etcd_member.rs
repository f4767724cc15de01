//! etcd's members: what a machine says of them, and how their number changes.

use hardway_spec::MachineName;

use crate::EtcdRebuild;

/// A machine's place among etcd's members. The members know of it together, so that no machine brings it about alone:
/// it is planned from what all of them were seen to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EtcdMember {
    /// Its machine's name, which is its own among the members.
    pub name: MachineName,
    /// Where the other members find it.
    pub peer_url: String,
    /// Where clients find it.
    pub client_url: String,
    /// Where its own machine finds it, whatever its address.
    pub own_url: String,
    /// POSIX sh, read-only: prints the lines that [`EtcdMemberObservation::parse`] reads.
    pub inquiry: String,
}

/// What one machine says of its member.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EtcdMemberObservation {
    /// Whether its data directory holds a member.
    pub has_data: bool,
    /// Whether its first start was prepared and did not succeed yet.
    pub first_start: bool,
    /// Whether it has ever been up as a member here, whatever became of its data.
    pub was_up: bool,
    /// All members, as this one knows them; empty where it does not answer, or has no quorum to answer with.
    pub members: Vec<SeenEtcdMember>,
}

/// A member, as the members know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenEtcdMember {
    /// Empty as long as it has never started.
    pub name: String,
    pub peer_urls: Vec<String>,
    /// Whether it has no vote yet.
    pub is_learner: bool,
}

impl SeenEtcdMember {
    /// Whether it is the member of the machine: by name, or by address while it has none.
    pub fn is_of(&self, member: &EtcdMember) -> bool {
        self.name == member.name.as_str() || self.peer_urls.contains(&member.peer_url)
    }
}

impl EtcdMemberObservation {
    /// Lines: `data`, `first-start`, `was-up`, and `member` with a line of `etcdctl member list` each:
    /// `ID, STATUS, NAME, PEER URLS, CLIENT URLS, IS LEARNER` (`makeMemberListTable` in etcdctl's printer.go).
    pub fn parse<'a>(lines: impl Iterator<Item = &'a str>) -> Self {
        let mut seen = Self::default();
        for line in lines {
            match line.split_once(' ').unwrap_or((line, "")) {
                ("data", _) => seen.has_data = true,
                ("first-start", _) => seen.first_start = true,
                ("was-up", _) => seen.was_up = true,
                ("member", listed) => seen.members.extend(listed_member(listed)),
                _ => {}
            }
        }
        seen
    }
}

fn listed_member(line: &str) -> Option<SeenEtcdMember> {
    let fields: Vec<&str> = line.split(", ").collect();
    let [_, _, name, peer_urls, _, learner] = fields[..] else { return None };
    Some(SeenEtcdMember {
        name: name.to_owned(),
        peer_urls: peer_urls.split(',').map(str::to_owned).collect(),
        is_learner: learner == "true",
    })
}

/// A step from one set of members to the next. Each is safe to be done again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EtcdChange {
    /// On a machine of a cluster that has no member yet: its first start founds etcd, together with the others'.
    Found,
    /// Takes a member out, wherever it is known to the others. Leadership moves away before.
    Remove(EtcdCall),
    /// On the machine itself: makes it known to the others as a learner, and prepares its first start.
    Join(EtcdCall),
    /// On the machine itself: gives it a vote, once it has what the others have.
    Promote(EtcdCall),
    /// Tells the members that the one of this name has another address.
    Move(EtcdCall),
    /// On the machine whose data are kept where too few members are left: makes it the only member of a new cluster.
    Rebuild(EtcdRebuild),
}

/// Which member a change is about, and who is asked for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EtcdCall {
    pub name: MachineName,
    pub peer_url: String,
    /// Clients' addresses of members other than this one.
    pub through: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_machine_says_is_read() {
        let said = "data\nwas-up\n\
            member 8e9e05c52164694d, started, cp1, https://192.0.2.10:2380, https://192.0.2.10:2379, false\n\
            member 91bc3c398fb3c146, unstarted, , https://192.0.2.11:2380, , true\nnoise\n";
        let seen = EtcdMemberObservation::parse(said.lines());
        assert!(seen.has_data && seen.was_up && !seen.first_start);
        let [first, second] = &seen.members[..] else { panic!("two members") };
        assert_eq!((first.name.as_str(), first.is_learner), ("cp1", false));
        assert_eq!((second.name.as_str(), second.is_learner), ("", true));
        assert_eq!(second.peer_urls, ["https://192.0.2.11:2380"]);
    }

    #[test]
    fn a_member_that_never_started_is_known_by_its_address() {
        let member = EtcdMember {
            name: "cp2".into(),
            peer_url: "https://192.0.2.11:2380".to_owned(),
            client_url: String::new(),
            own_url: String::new(),
            inquiry: String::new(),
        };
        let listed = |line| listed_member(line).unwrap();
        assert!(listed("1, unstarted, , https://192.0.2.11:2380, , true").is_of(&member));
        assert!(listed("1, started, cp2, https://192.0.2.99:2380, https://192.0.2.99:2379, false").is_of(&member));
        assert!(!listed("1, unstarted, , https://192.0.2.12:2380, , true").is_of(&member));
    }
}
